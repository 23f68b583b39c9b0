//! A machine on which everything has a secret, between a cloud and receivers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::{
    Answer, Certs, Config, Curl, DEADLINE, Fogbell, Notification, Rsyslog, RsyslogSetup, Snmptrapd,
    SnmptrapdSetup, SnmptrapdUser, TlsClients, TlsTrust, fogbell_program, sign, wait_until,
};
use testkit::cloud::{CloudSettings, Estate, FakeCloud};
use testkit::ids::OrgId;
use tokio::runtime::Runtime;

use super::AUDIT;
use super::forms::Canary;
use crate::vault::terminal::typed;
use crate::vault::{Home, quoted};

pub(super) struct Scene {
    pub(super) home: Home,
    pub(super) v2c: Snmptrapd,
    pub(super) v3: Snmptrapd,
    pub(super) siem: Rsyslog,
    pub(super) webhook: String,
    pub(super) old_webhook: String,
    pub(super) token: String,
    pub(super) passphrase: String,
    cloud: FakeCloud,
    org: OrgId,
    config: Config,
    relay: Option<Fogbell>,
    _runtime: Runtime,
}

impl Scene {
    /// Everything but the relay runs, and every secret is at home.
    pub(super) fn set_up() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let settings = CloudSettings { estate: Estate::small(11), ..CloudSettings::default() };
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        let org = cloud.organisations()[0];
        let communities = vec![COMMUNITY.to_owned()];
        let v2c = Snmptrapd::start(&SnmptrapdSetup { communities, ..Default::default() });
        let create_user = format!("createUser relay SHA-256 {AUTH} AES {PRIVACY}");
        let users = vec![SnmptrapdUser { name: "relay".to_owned(), create_user }];
        let v3 = Snmptrapd::start(&SnmptrapdSetup { users, ..Default::default() });
        let siem = Rsyslog::start(&RsyslogSetup { tls_clients: TlsClients::Certified });
        let mut this = Self {
            home: Home::without_vault(),
            v2c,
            v3,
            siem,
            webhook: r#"canary 01 "webhook" \ <&%é>"#.to_owned(),
            old_webhook: r#"canary 02 "old webhook" \ <&%ü>"#.to_owned(),
            token: cloud.read_token(org),
            passphrase: "canary 09 passphrase".to_owned(),
            cloud,
            org,
            config: Config::new(),
            relay: None,
            _runtime: runtime,
        };
        this.bring_home();
        this
    }

    fn bring_home(&mut self) {
        let home = &self.home;
        home.init();
        home.set("mist/webhook", &self.webhook);
        home.set("snmp/auth", AUTH);
        let credentials = home.path.join("credentials");
        fs::create_dir(&credentials).unwrap();
        for (name, value) in [("token", &*self.token), ("privacy", PRIVACY)] {
            fs::write(credentials.join(name), value).unwrap();
            fs::set_permissions(credentials.join(name), Permissions::from_mode(0o400)).unwrap();
        }
        let ca = home.path.join("cloud.pem");
        fs::write(&ca, self.cloud.ca_pem()).unwrap();
        let certs: &Certs = self.siem.certs();
        let (certificate, key) = (certs.client(), certs.client_key());
        let trust =
            TlsTrust { ca: &certs.ca(), server_name: "localhost", client: Some((&certificate, &key)) };
        self.config = Config::new()
            .set("vault", "key", &format!("{{ file = {} }}", quoted(&home.key_file())))
            .secret("old", &self.old_webhook)
            .org(&format!(
                "[[org]]\nname = \"acme\"\ncloud = \"global-01\"\n\
                 secrets = [{{ secret = \"mist/webhook\" }}, {{ file = \"SECRETS/old\" }}]\n\
                 api = {{ host = \"{}\", org_id = \"{}\", token = {{ credential = \"token\" }}, ca = {} }}\n",
                self.cloud.base_host(),
                self.org,
                quoted(&ca)
            ))
            .v2c("v2c", &self.v2c.address(), COMMUNITY, Notification::Inform)
            .table(&format!(
                "[[snmp]]\nname = \"v3\"\naddress = \"{}\"\nversion = \"3\"\nnotification = \"inform\"\nuser = \"relay\"\n\
                 auth = {{ protocol = \"sha-256\", secret = {{ secret = \"snmp/auth\" }} }}\n\
                 privacy = {{ protocol = \"aes-128\", secret = {{ credential = \"privacy\" }} }}\n",
                self.v3.address()
            ))
            .syslog_tls("siem", &self.siem.tls(), &trust);
        self.config.write(&home.path);
    }

    /// The configuration's text.
    pub(super) fn render(&self) -> String {
        fs::read_to_string(self.home.path.join("fogbell.toml")).unwrap()
    }

    /// Starts the relay, the second and later times with everything logged that any part of it can say; core files are
    /// allowed.
    pub(super) fn start(&mut self) {
        let log = format!(
            "exec env {DEFAULT_SIGNALS} \"$0\" \"$@\" 2> >(exec tee -a '{}' >&2)",
            self.log().display()
        );
        let level = if self.relay.is_none() { "RUST_LOG=info" } else { "RUST_LOG=trace" };
        let credentials = self.handed_over();
        let wrapper = ["prlimit", "--core=unlimited", "env", &credentials, level, "bash", "-c", &log];
        match &mut self.relay {
            Some(relay) => relay.start_again_under(&wrapper),
            None => self.relay = Some(Fogbell::start_in_under(&self.home.path, &wrapper, &self.config)),
        }
    }

    pub(super) fn relay(&mut self) -> &mut Fogbell {
        self.relay.as_mut().expect("the relay was started")
    }

    /// Everything that the relay ever logged.
    pub(super) fn log(&self) -> PathBuf {
        self.home.path.join("log")
    }

    /// Waits until Mist was asked with the token.
    pub(super) fn wait_asked(&self) {
        assert!(wait_until(DEADLINE, || !self.cloud.calls_to("/sites").is_empty()), "Mist was not asked");
    }

    fn handed_over(&self) -> String {
        format!("CREDENTIALS_DIRECTORY={}", self.home.path.join("credentials").display())
    }

    /// What `fogbell` with `arguments` says beside the relay.
    pub(super) fn fogbell(&self, arguments: &[&str]) -> Answer {
        self.ask(arguments, &self.home.path.join("fogbell.toml"))
    }

    /// What `fogbell check` says of a configuration.
    pub(super) fn check(&self, text: &str) -> Answer {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("fogbell.toml");
        fs::write(&file, text).unwrap();
        self.ask(&["check"], &file)
    }

    fn ask(&self, arguments: &[&str], config: &Path) -> Answer {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg("env").arg(self.handed_over()).arg(fogbell_program()).args(arguments);
        command.arg("--config").arg(config).env("NO_COLOR", "1").env_remove("RUST_LOG").stdin(Stdio::null());
        let output = command.output().unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What a terminal shows of `fogbell secret`.
    pub(super) fn typed(&self, arguments: &[&str], answers: &[(&str, &str)]) -> String {
        let (screen, code) = typed(&self.home, arguments, answers);
        assert_eq!(code, 0, "{screen}");
        screen
    }

    /// The same while the key file is elsewhere.
    pub(super) fn typed_without_key(&self, arguments: &[&str], answers: &[(&str, &str)]) -> String {
        let (key, away) = (self.home.key_file(), self.home.path.join("secrets/away"));
        fs::rename(&key, &away).unwrap();
        let (screen, code) = typed(&self.home, arguments, answers);
        fs::rename(&away, &key).unwrap();
        assert_eq!(code, 1, "{screen}");
        screen
    }

    /// An audit of a change of a secret, as Mist tells it.
    pub(super) fn audit_body(&self) -> String {
        let state = |psk: &str| serde_json::json!({ "auth": { "psk": psk, "type": "psk" }, "ssid": "guest" });
        serde_json::json!({ "topic": "audits", "events": [{
            "id": "7c0b6b0a-3a3e-4d8e-9a43-0d6b6b0a1002",
            "message": "Update WLAN \"guest\"",
            "timestamp": 1_767_323_046,
            "org_id": self.org.to_string(),
            "admin_name": "somebody",
            "before": state("another").to_string(),
            "after": state(PSK).to_string(),
            "webhook_secret": PSK,
        }] })
        .to_string()
    }

    /// Requests that are refused, with secrets where somebody may put them; what was answered.
    pub(super) fn refused(&self) -> Vec<String> {
        let relay = self.relay.as_ref().expect("the relay was started");
        let url: String = self.webhook.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let body = format!("{{\"topic\":\"alarms\",\"secret\":{:?}}}", self.webhook);
        let post = |path: &str| Curl::new(&relay.url(path)).ca(relay.ca()).body(body.clone());
        let no_message = self.old_webhook.clone();
        let signed = sign(&self.webhook, no_message.as_bytes());
        let asked = [
            (401, post(Config::PATH).header("X-Mist-Signature-v2", &self.webhook)),
            (401, post(Config::PATH).header("X-Mist-Signature", &self.webhook)),
            (401, post(Config::PATH).header("Authorization", &format!("Token {}", self.token))),
            (401, post(&format!("{}?secret={url}", Config::PATH))),
            (404, post(&format!("/v1/{url}"))),
            (405, post(Config::PATH).method("CANARY").header("X-Api-Key", &self.old_webhook)),
            (415, post(Config::PATH).header("Content-Encoding", &self.token)),
            (
                400,
                Curl::new(&relay.url(Config::PATH))
                    .ca(relay.ca())
                    .body(no_message)
                    .header("X-Mist-Signature-v2", &signed),
            ),
        ];
        let answers = asked.map(|(status, curl)| {
            let answer = curl.run();
            assert_eq!(answer.status, status, "{answer:?}");
            format!("{:?}{}", answer.headers, answer.text())
        });
        answers.into()
    }

    /// Where secrets may be.
    pub(super) fn homes(&self) -> Vec<PathBuf> {
        let home = &self.home.path;
        let mut homes = vec![self.home.key_file(), self.home.recovery_file()];
        homes.extend(["secrets", "credentials", "certs/server.key"].map(|name| home.join(name)));
        homes
    }

    /// What is looked for.
    pub(super) fn canaries(&self) -> Vec<Canary> {
        let recovery = fs::read_to_string(self.home.recovery_file()).unwrap();
        let recovery =
            recovery.lines().find(|line| line.split('-').count() == 14).expect("a recovery key").trim();
        let digits = recovery.replace('-', "");
        vec![
            Canary::new("webhook secret", self.webhook.clone()),
            Canary::new("old webhook secret", self.old_webhook.clone()),
            Canary::new("API token", self.token.clone()),
            Canary::new(super::COMMUNITY, COMMUNITY),
            Canary::new("authentication passphrase", AUTH),
            Canary::new("privacy passphrase", PRIVACY),
            key("key of TLS", &self.home.path.join("certs/server.key")),
            key("client key of syslog", &self.siem.certs().client_key()),
            Canary::new("passphrase of the vault", self.passphrase.clone()),
            Canary::new("key file of the vault", fs::read(self.home.key_file()).unwrap()),
            Canary::new("recovery key", recovery).or(from_base32(&digits)).or(digits),
            Canary::new(AUDIT, PSK),
        ]
    }
}

/// A key of P-256 in PEM, and its number (RFC 5915).
fn key(name: &'static str, file: &Path) -> Canary {
    let output = Command::new("openssl").args(["pkey", "-outform", "DER", "-in"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // an ECPrivateKey begins with version 1 and a string of 32 bytes
    let begins = [2, 1, 1, 4, 32];
    let at = output.stdout.windows(begins.len()).position(|bytes| bytes == begins).unwrap() + begins.len();
    Canary::key(name, &fs::read_to_string(file).unwrap(), output.stdout[at..at + 32].to_vec())
}

/// The 32 bytes of a recovery key, without its check.
fn from_base32(digits: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits.chars() {
        let value = "0123456789abcdefghjkmnpqrstvwxyz".find(digit.to_ascii_lowercase()).unwrap();
        (bits, count) = (bits << 5 | u32::try_from(value).unwrap(), count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes.truncate(32);
    bytes
}

const COMMUNITY: &str = "canary-04-community+/=";
const AUTH: &str = "canary-05-authentication+/=";
const PRIVACY: &str = "canary-06-privacy+/=";
const PSK: &str = "canary-12 \"psk\" é";

/// Who starts the tests in the background has SIGQUIT ignored.
const DEFAULT_SIGNALS: &str = "--default-signal=QUIT,ABRT";
