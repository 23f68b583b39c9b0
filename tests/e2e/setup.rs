//! `fogbell init`: from answers to a relay that a ping of Mist comes through to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::{Answer, Config, Fogbell, Rsyslog, RsyslogSetup, ask_fogbell, free_port};
use serde_json::Value;
use tempfile::TempDir;
use testkit::Trust;
use testkit::cloud::{CloudSettings, Estate, FakeCloud};
use testkit::ids::OrgId;
use tokio::runtime::Runtime;

use crate::vault::terminal::typed_by;

mod needs_root;
mod sealed;

/// An empty machine, and a cloud.
pub(crate) struct Machine {
    runtime: Runtime,
    cloud: FakeCloud,
    org: OrgId,
    folder: TempDir,
    port: u16,
    siem: Rsyslog,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // certificates of the operator, as they may have them
        Config::new().write(&folder.path().join("operator"));
        let ca = fs::read_to_string(folder.path().join("operator/certs/ca.pem")).unwrap();
        let trust = Some(Trust::pem(&ca).unwrap());
        let settings = CloudSettings { estate: Estate::small(11), trust, ..CloudSettings::default() };
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        let org = cloud.organisations()[0];
        fs::write(folder.path().join("cloud.pem"), cloud.ca_pem()).unwrap();
        let this = Self {
            runtime,
            cloud,
            org,
            folder,
            port: free_port(),
            siem: Rsyslog::start(&RsyslogSetup::default()),
        };
        this.secret("token", &this.cloud.token(org));
        this.secret("community", "the canary community");
        this
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn secret(&self, name: &str, value: &str) {
        fs::write(self.at(name), value).unwrap();
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Where it writes.
    pub(crate) fn home(&self) -> PathBuf {
        self.at("etc")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.home().join("fogbell.toml")
    }

    pub(crate) fn answers(&self, more: &str) -> PathBuf {
        let text = format!(
            "cloud = \"global-01\"\norg = \"acme\"\ntoken_file = {:?}\napi_host = \"{}\"\napi_ca = {:?}\n\
             public_url = \"https://127.0.0.1:{}/v1/mist\"\nlisten = \"127.0.0.1:{}\"\nadmin = \"127.0.0.1:{}\"\n\
             network = [\"127.0.0.0/8\"]\nstate = {:?}\ncertificate = {:?}\nkey = {:?}\n\
             sink = [\"siem=tcp://{}\", \"noc=v2c://127.0.0.1:{}?community={}\"]\n{more}",
            self.at("token"),
            self.cloud.base_host(),
            self.at("cloud.pem"),
            self.port,
            self.port,
            free_port(),
            self.at("state"),
            self.at("operator/certs/server.pem"),
            self.at("operator/certs/server.key"),
            self.siem.tcp(),
            free_port(),
            self.at("community").display(),
        );
        fs::write(self.at("answers.toml"), text).unwrap();
        self.at("answers.toml")
    }

    pub(crate) fn init(&self, more: &[&str]) -> Answer {
        let config = self.config().display().to_string();
        ask_fogbell(&[&["init", "--config", &config], more].concat())
    }

    pub(crate) fn writes(&self) -> usize {
        self.cloud.calls().iter().filter(|call| call.method != "GET").count()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file below, with what is in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn answers_become_a_relay_that_a_ping_comes_through_to_and_a_second_run_changes_nothing() {
    let machine = Machine::new();
    let answers = machine.answers("create_webhook = true\n").display().to_string();

    let dry = machine.init(&["--answers", &answers, "--dry-run", "--yes"]);
    assert_eq!(
        (dry.code, machine.writes(), machine.home().exists()),
        (0, 0, false),
        "{}{}",
        dry.out,
        dry.said
    );
    assert!(dry.out.contains("+ ") && dry.out.contains("make webhook"), "{}", dry.out);

    let done = machine.init(&["--answers", &answers, "--yes"]);
    assert_eq!((done.code, machine.writes()), (0, 1), "{}{}", done.out, done.said);
    for line in [
        "ok: token \"",
        "ok: the certificate is for 127.0.0.1",
        "ok: sink siem: it takes connections",
        "note: sink noc:",
    ] {
        assert!(done.out.contains(line), "{line}: {}", done.out);
    }
    assert_eq!((mode(&machine.home()), mode(&machine.config())), (0o700, 0o600));
    let secrets = machine.home().join("secrets");
    for name in ["mist-token", "webhook", "noc.community"] {
        assert_eq!(mode(&secrets.join(name)), 0o600, "{name}");
    }
    let text = fs::read_to_string(machine.config()).unwrap();
    let secret = fs::read_to_string(secrets.join("webhook")).unwrap();
    for secret in [secret.trim(), &machine.cloud.token(machine.org), "the canary community"] {
        assert!(!text.contains(secret) && !done.out.contains(secret) && !done.said.contains(secret));
    }

    let before = files(&machine.home());
    let again = machine.init(&["--answers", &answers, "--yes"]);
    assert_eq!((again.code, machine.writes()), (0, 1), "{}{}", again.out, again.said);
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    assert_eq!(files(&machine.home()), before);

    // what was written by hand is shown before it is replaced
    fs::write(machine.config(), text.clone() + "name = \"by hand\"\n").unwrap();
    let shown = machine.init(&["--answers", &answers, "--yes", "--dry-run"]);
    assert!(shown.out.contains("~ ") && shown.out.contains("    - name = \"by hand\""), "{}", shown.out);
    let back = machine.init(&["--answers", &answers, "--yes"]);
    assert_eq!((back.code, fs::read_to_string(machine.config()).unwrap()), (0, text), "{}", back.said);

    // what it wrote holds, starts, and a ping of Mist comes through
    let config = machine.config().display().to_string();
    let checked = ask_fogbell(&["check", "--config", &config]);
    assert_eq!(checked.code, 0, "{}", checked.said);
    let _relay = Fogbell::start_as_it_is(&machine.home(), &[]);
    let ping = ask_fogbell(&["webhook", "ping", "--json", "--config", &config]);
    let told: Value = serde_json::from_str(&ping.out).unwrap_or_else(|_| panic!("{}{}", ping.out, ping.said));
    let siem = told["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == "sink siem").unwrap();
    assert_eq!(siem["passed"], true, "{told:#}");
    assert_eq!(machine.siem.wait_lines(1)[0].msgid, "ping");
    drop(machine.runtime);
}

#[test]
fn without_a_terminal_the_flags_that_are_missing_are_named() {
    let machine = Machine::new();

    let answer = machine.init(&["--cloud", "global-01", "--json"]);

    assert_eq!(answer.code, 1);
    for flag in ["--org", "--token-file", "--public-url", "--certificate and --key", "--sink"] {
        assert!(answer.said.contains(flag), "{}", answer.said);
    }
    assert!(!answer.said.contains("--cloud,"), "{}", answer.said);
    assert!(!machine.home().exists());
}

#[test]
fn what_does_not_hold_is_not_written() {
    let machine = Machine::new();
    let answers = machine.answers("").display().to_string();
    let init = |more: &[&str]| match more {
        ["--answers", ..] => machine.init(&[more, &["--yes"]].concat()),
        more => machine.init(&[&["--answers", &answers, "--yes"], more].concat()),
    };
    machine.secret("dead", "FAKE-not-a-token");
    let dead = machine.at("dead").display().to_string();
    let text = fs::read_to_string(machine.at("answers.toml")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("certificate =") && !line.starts_with("key ="));
    let weak = lines.map(|line| format!("{line}\n")).collect::<String>()
        + "self_signed = true\ncreate_webhook = true\n";
    fs::write(machine.at("self-signed.toml"), weak).unwrap();
    let self_signed = machine.at("self-signed.toml").display().to_string();

    for (more, says) in [
        (&["--token-file", &dead][..], "401"),
        (&["--cloud", "global-99"], "no cloud `global-99`"),
        (&["--public-url", "http://relay.example.net/"], "no URL that Mist can post to"),
        (&["--certificate", "/nowhere.pem"], "this certificate cannot be used"),
        (&["--sink", "siem=http://x"], "begins with tls, tcp"),
        // nothing is weakened that nobody asked to weaken
        (&["--answers", &self_signed], "--danger-no-verify"),
    ] {
        let answer = init(more);
        assert_eq!(answer.code.min(1), 1, "{more:?}: {}", answer.out);
        assert!(answer.said.contains(says), "{more:?}: {}", answer.said);
        assert!(!machine.home().exists(), "{more:?}");
    }
}

#[test]
fn a_person_at_a_terminal_is_asked_and_the_token_is_not_shown() {
    let machine = Machine::new();
    let token = machine.cloud.token(machine.org);
    let config = machine.config().display().to_string();
    let (host, ca) = (machine.cloud.base_host(), machine.at("cloud.pem").display().to_string());
    let (state, listen) = (machine.at("state").display().to_string(), format!("127.0.0.1:{}", machine.port));
    let admin = format!("127.0.0.1:{}", free_port());
    let words = [
        "init",
        "--config",
        &config,
        "--api-host",
        &host,
        "--api-ca",
        &ca,
        "--state",
        &state,
        "--listen",
        &listen,
        "--admin",
        &admin,
    ];
    let url = format!("https://127.0.0.1:{}/v1/mist\n", machine.port);
    let sink = format!("siem=tcp://{}\n", machine.siem.tcp());

    let (screen, code) = typed_by(
        &words,
        machine.folder.path(),
        &[
            ("Cloud of Mist", "global-01\n"),
            ("Name of the organisation", "acme\n"),
            ("API token (not shown): ", &format!("{token}\n")),
            ("URL that Mist posts to", &url),
            ("`acme` or `self-signed`: ", "self-signed\n"),
            ("(empty: no more): ", &sink),
            ("(empty: no more): ", "\n"),
            ("(empty: as it is, else files): ", "\n"),
            ("webhook in Mist too? [y/N] ", "n\n"),
            ("Go ahead? [y/N] ", "y\n"),
        ],
    );

    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(&token) && screen.contains("done. Next:"), "{screen}");
    assert_eq!(machine.writes(), 0);
    let checked = ask_fogbell(&["check", "--config", &config]);
    assert_eq!(checked.code, 0, "{}", checked.said);
}
