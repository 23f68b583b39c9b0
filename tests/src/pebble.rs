//! Pebble, the authority that Let's Encrypt tests with, and the DNS that it asks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::certs::Certs;
use crate::curl::Curl;
use crate::ports::free_port;
use crate::running::Running;
use crate::wait::{DEADLINE, wait_for, wait_until};

mod front;

pub use front::Front;

/// How pebble is started.
#[derive(Clone, Copy, Debug)]
pub struct PebbleSetup {
    /// Percent of good nonces that are refused.
    pub bad_nonces: u8,
    /// Where it connects for TLS-ALPN-01.
    pub tls_port: u16,
    /// How long a certificate holds.
    pub validity_days: u64,
    /// Whether an account at the authority is needed: `kid-1`, see [`Pebble::EXTERNAL_KEY`].
    pub external_account: bool,
}

impl Default for PebbleSetup {
    fn default() -> Self {
        Self { bad_nonces: 0, tls_port: 1, validity_days: 90, external_account: false }
    }
}

/// A running pebble and its DNS, in which every name is 127.0.0.1.
#[derive(Debug)]
pub struct Pebble {
    folder: TempDir,
    setup: PebbleSetup,
    certs: Certs,
    port: u16,
    management: u16,
    dns_port: u16,
    dns_management: u16,
    /// `None` while it is down.
    authority: Option<Running>,
    _dns: Running,
}

impl Pebble {
    /// The key of the external account `kid-1`.
    pub const EXTERNAL_KEY: &'static str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

    /// Starts both and waits until they answer.
    ///
    /// # Panics
    ///
    /// When they do not.
    #[must_use]
    pub fn start(setup: PebbleSetup) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let certs = Certs::make(&folder.path().join("certs"));
        let (port, management) = (free_port(), free_port());
        let (dns_port, dns_management) = (free_port(), free_port());
        let mut dns = Command::new("pebble-challtestsrv");
        dns.args([
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]);
        dns.args([
            "-dns01",
            &format!("127.0.0.1:{dns_port}"),
            "-management",
            &format!("127.0.0.1:{dns_management}"),
        ]);
        let dns = Running::start("pebble-challtestsrv", &mut dns);
        let mut this = Self {
            folder,
            setup,
            certs,
            port,
            management,
            dns_port,
            dns_management,
            authority: None,
            _dns: dns,
        };
        this.up();
        this
    }

    /// Starts the authority again: it knows no account any more, and has new keys.
    ///
    /// # Panics
    ///
    /// When it does not answer.
    pub fn up(&mut self) {
        let Self { setup, port, management, .. } = *self;
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": self.certs.server(),
            "privateKey": self.certs.server_key(),
            "httpPort": 1,
            "tlsPort": setup.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": setup.external_account,
            "externalAccountMACKeys": { "kid-1": Self::EXTERNAL_KEY },
            "certificateValidityPeriod": setup.validity_days * 24 * 60 * 60,
        }});
        let file = self.folder.path().join("pebble.json");
        fs::write(&file, config.to_string()).expect("a temporary file can be written");
        let mut command = Command::new("pebble");
        command.arg("-config").arg(&file).args(["-dnsserver", &format!("127.0.0.1:{}", self.dns_port)]);
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", setup.bad_nonces.to_string());
        // every order is validated anew, but for one in a hundred
        command.env("PEBBLE_AUTHZREUSE", "0");
        self.authority = Some(Running::start("pebble", &mut command));
        let answers = || Curl::new(&self.directory()).ca(&self.ca()).run().status == 200;
        if !wait_until(DEADLINE, answers) {
            self.authority.as_ref().expect("it was started").give_up("does not answer");
        }
    }

    /// Ends the authority.
    pub fn down(&mut self) {
        self.authority = None;
    }

    /// URL of its directory.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The CA of its own HTTPS.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.certs.ca()
    }

    /// The certificates that it serves HTTPS with.
    #[must_use]
    pub fn certs(&self) -> &Certs {
        &self.certs
    }

    /// The root of what it issues, written anew.
    ///
    /// # Panics
    ///
    /// When it does not tell.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let pem = wait_for(DEADLINE, || {
            let answer = Curl::new(&url).ca(&self.ca()).run();
            (answer.status == 200).then_some(answer.body)
        });
        let file = self.folder.path().join("root.pem");
        fs::write(&file, pem.expect("pebble tells its root")).expect("a temporary file can be written");
        file
    }

    /// A hook that sets records in its DNS. While the file `wrong` beside it exists, it sets other values.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    #[must_use]
    pub fn hook(&self) -> PathBuf {
        let url = format!("http://127.0.0.1:{}", self.dns_management);
        let folder = self.folder.path().display();
        let script = format!(
            "#!/bin/sh\nset -eu\nvalue=$3\n[ -e {folder}/wrong ] && value=wrong\necho \"$1 $2\" >> {folder}/calls\n\
             case $1 in\n  present) call=set-txt ;;\n  cleanup) call=clear-txt ;;\nesac\n\
             exec curl --disable --silent --show-error --fail --noproxy '*' --max-time 20 \\\n  \
             --data \"{{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$value\\\"}}\" {url}/$call\n"
        );
        let file = self.folder.path().join("hook");
        fs::write(&file, script).expect("a temporary file can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a file can be made executable");
        file
    }

    /// Whether the hook sets wrong values.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn set_wrong(&self, wrong: bool) {
        let file = self.folder.path().join("wrong");
        if wrong {
            fs::write(file, "").expect("a temporary file can be written");
        } else {
            fs::remove_file(file).expect("a temporary file can be removed");
        }
    }

    /// The calls of the hook, as `present _acme-challenge.relay.test`.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// The table `[tls.acme]` for a relay that is `relay.test`, by `dns-01` with a hook or by `tls-alpn-01`.
    #[must_use]
    pub fn table(&self, directory: &str, dns: bool) -> String {
        let quoted = |path: &Path| serde_json::Value::from(path.display().to_string()).to_string();
        let challenge = if dns {
            format!("challenge = \"dns-01\"\nhook = [{}]\npropagation_secs = 0\n", quoted(&self.hook()))
        } else {
            "challenge = \"tls-alpn-01\"\n".to_owned()
        };
        format!(
            "[tls.acme]\nnames = [\"relay.test\"]\nagree_terms = true\ncontact = [\"mailto:noc@relay.test\"]\n\
             directory = \"{directory}\"\nca = {}\n{challenge}",
            quoted(&self.ca())
        )
    }
}
