//! Owners, as on a machine with the package; and what systemd seals.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use super::*;

/// The relay's user and group there.
const FOGBELL: u32 = 64_998;

/// A machine whose `/etc` and `/var/lib` are its own, with the user of the package.
struct Installed {
    machine: Machine,
    answers: String,
}

/// What comes behind it runs where `/etc` and `/var/lib` are as they are on this machine, and what is written there is
/// under `$1`.
const OWN: &str = "for at in etc lib; do mkdir -p $1/$at $1/$at.work; done; \
    mount -t overlay overlay -o lowerdir=/etc,upperdir=$1/etc,workdir=$1/etc.work /etc && \
    mount -t overlay overlay -o lowerdir=/var/lib,upperdir=$1/lib,workdir=$1/lib.work /var/lib && \
    shift && exec \"$@\"";

impl Installed {
    fn new() -> Self {
        let machine = Machine::new();
        let answers = machine.answers("").display().to_string();
        let this = Self { machine, answers };
        let user = format!(
            "sed -i /^fogbell:/d /etc/passwd /etc/group; echo fogbell:x:{FOGBELL}:{FOGBELL}::/:/bin/false >> /etc/passwd; \
             echo fogbell:x:{FOGBELL}: >> /etc/group; mkdir -p /var/lib/systemd"
        );
        let made =
            Command::new("unshare").args(&this.wrapper()[1..]).args(["sh", "-c", &user]).status().unwrap();
        assert!(made.success());
        this
    }

    fn wrapper(&self) -> Vec<String> {
        let own = self.machine.at("own").display().to_string();
        ["unshare", "--mount", "sh", "-c", OWN, "sh", &own].map(str::to_owned).to_vec()
    }

    fn ask(&self, words: &[&str]) -> Answer {
        let wrapper = self.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        e2e::ask_fogbell_under(&wrapper, words)
    }

    fn init(&self, more: &[&str]) -> Answer {
        let config = self.machine.config().display().to_string();
        self.ask(&[&["init", "--config", &config, "--answers", &self.answers, "--yes"], more].concat())
    }

    /// Each with its mode, user and group.
    fn assert_owned(&self, expected: &[(&str, u32, u32, u32)]) {
        for (name, mode, user, group) in expected {
            let path = self.machine.at(name);
            let meta = fs::metadata(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                (meta.mode() & 0o7777, meta.uid(), meta.gid()),
                (*mode, *user, *group),
                "{name}: {:o}",
                meta.mode() & 0o7777
            );
        }
    }
}

#[test]
fn the_relays_user_may_read_what_is_written_and_nobody_else() {
    let installed = Installed::new();

    let done = installed.init(&[]);

    assert_eq!(done.code, 0, "{}{}", done.out, done.said);
    installed.assert_owned(&[
        ("etc", 0o750, 0, FOGBELL),
        ("etc/fogbell.toml", 0o640, 0, FOGBELL),
        ("etc/secrets", 0o750, 0, FOGBELL),
        ("etc/secrets/mist-token", 0o640, 0, FOGBELL),
        ("etc/secrets/webhook", 0o640, 0, FOGBELL),
    ]);
}

#[test]
fn a_vault_is_the_relays_own() {
    let installed = Installed::new();
    let path = |name: &str| installed.machine.at(name).display().to_string();
    let (key, recovery) = (path("vault.key"), path("recovery"));

    let done = installed.init(&["--secrets", &key, "--recovery-key-to", &recovery]);

    assert_eq!(done.code, 0, "{}{}", done.out, done.said);
    installed.assert_owned(&[
        ("etc/fogbell.toml", 0o640, 0, FOGBELL),
        ("state", 0o700, FOGBELL, FOGBELL),
        ("state/vault", 0o600, FOGBELL, FOGBELL),
        ("vault.key", 0o640, 0, FOGBELL),
        ("recovery", 0o600, 0, 0),
    ]);
    let again = installed.init(&["--secrets", &key]);
    assert!(again.code == 0 && again.out.contains("nothing to do"), "{}{}", again.out, again.said);
}

#[test]
fn systemd_seals_what_opens_the_vault_for_this_machine() {
    let installed = Installed::new();
    let recovery = installed.machine.at("recovery").display().to_string();

    let done = installed.init(&["--secrets", "credential", "--recovery-key-to", &recovery]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.said);
    assert!(done.out.contains("LoadCredentialEncrypted=fogbell-vault fogbell check"), "{}", done.out);
    installed.assert_owned(&[
        ("own/etc/credstore.encrypted/fogbell-vault", 0o600, 0, 0),
        ("state/vault", 0o600, FOGBELL, FOGBELL),
    ]);
    let text = fs::read_to_string(installed.machine.config()).unwrap();
    assert!(text.contains("key = { credential = \"fogbell-vault\" }"), "{text}");

    let again = installed.init(&[]);
    assert!(again.code == 0 && again.out.contains("nothing to do"), "{}{}", again.out, again.said);

    // as systemd hands it to the unit
    let config = installed.machine.config().display().to_string();
    let refused = installed.ask(&["check", "--config", &config]);
    assert!(refused.code == 78 && refused.said.contains("credential"), "{}", refused.said);
    let handed = "umask 077; d=$(mktemp -d); systemd-creds decrypt --name=fogbell-vault /etc/credstore.encrypted/fogbell-vault \
                  $d/fogbell-vault 2>/dev/null; CREDENTIALS_DIRECTORY=$d \"$@\"; code=$?; rm -r $d; exit $code";
    let wrapper = [installed.wrapper(), ["sh", "-c", handed, "sh"].map(str::to_owned).to_vec()].concat();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let checked = e2e::ask_fogbell_under(&wrapper, &["check", "--config", &config]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.said);
}
