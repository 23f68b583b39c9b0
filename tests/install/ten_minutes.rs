//! The first ten minutes: what `docs/first-ten-minutes.md` has an administrator do, command by command, on a machine on which
//! nothing was installed, to the last trace of it.

use std::fs;

use e2e::{
    Certs, DEADLINE, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, SnmptrapdUser, Trap, free_port,
    wait_until,
};
use serde_json::Value;
use tempfile::TempDir;
use testkit::Trust;
use testkit::cloud::{CloudSettings, Estate, FakeCloud};
use testkit::ids::OrgId;
use tokio::runtime::Runtime;

use crate::debian::{Debian, Ran};
use crate::scene::NEW;

/// What an organisation has before it has a relay: a cloud, an NMS, a SIEM, a certificate, and an empty machine.
struct Site {
    runtime: Runtime,
    cloud: FakeCloud,
    org: OrgId,
    nms: Snmptrapd,
    siem: Rsyslog,
    certs: Certs,
    _folder: TempDir,
    debian: Debian,
    port: u16,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certs = Certs::make(folder.path());
        let ca = fs::read_to_string(certs.ca()).unwrap();
        let trust = Some(Trust::pem(&ca).unwrap());
        let settings = CloudSettings { estate: Estate::small(11), trust, ..CloudSettings::default() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let cloud = runtime.block_on(FakeCloud::start(settings)).unwrap();
        let org = cloud.organisations()[0];
        cloud.enable_alarms(org, &["device_down"]).unwrap();
        let create_user = format!("createUser relay SHA-256 \"{AUTH}\" AES \"{PRIVACY}\"");
        let users = vec![SnmptrapdUser { name: "relay".to_owned(), create_user }];
        let nms = Snmptrapd::start(&SnmptrapdSetup { users, ..SnmptrapdSetup::default() });
        let siem = Rsyslog::start(&RsyslogSetup::default());
        let debian = Debian::boot();
        // the authorities that vouch for Mist and for the relay are public ones, which every machine trusts
        for (name, pem) in [("mist", cloud.ca_pem()), ("public", &ca)] {
            debian.write(&format!("/usr/local/share/ca-certificates/{name}.crt"), pem);
        }
        debian.run(&["update-ca-certificates"]);
        Self { runtime, cloud, org, nms, siem, certs, _folder: folder, debian, port: free_port() }
    }

    /// What the administrator puts on the machine: certificate, token, passphrases, answers.
    fn lay_out(&self) {
        let debian = &self.debian;
        for (name, file) in [("fullchain.pem", self.certs.server()), ("key.pem", self.certs.server_key())] {
            debian.write(&format!("/etc/ssl/relay/{name}"), &fs::read_to_string(file).unwrap());
        }
        for (name, text) in [
            ("token", self.cloud.token(self.org)),
            ("auth", AUTH.to_owned()),
            ("privacy", PRIVACY.to_owned()),
            ("answers.toml", self.answers()),
        ] {
            debian.write(&format!("/root/relay/{name}"), &text);
        }
        debian.shell("chmod 600 /etc/ssl/relay/key.pem /root/relay/*");
    }

    fn answers(&self) -> String {
        format!(
            r#"cloud = "global-01"
org = "acme"
token_file = "/root/relay/token"
api_host = "{}"
public_url = "https://127.0.0.1:{}/v1/mist"
admin = "127.0.0.1:{}"
network = ["127.0.0.0/8"]
certificate = "/etc/ssl/relay/fullchain.pem"
key = "/etc/ssl/relay/key.pem"
sink = ["siem=tcp://{}", "noc=inform://relay@{}?auth=/root/relay/auth&privacy=/root/relay/privacy"]
create_webhook = true
"#,
            self.cloud.base_host(),
            self.port,
            free_port(),
            self.siem.tcp(),
            self.nms.address(),
        )
    }

    /// `fogbell init` from the answers.
    fn init(&self) -> String {
        self.debian.run(&["fogbell", "init", "--answers", "/root/relay/answers.toml", "--yes"])
    }

    /// What a command tells in JSON; it must have succeeded.
    fn told(&self, command: &[&str]) -> Value {
        let Ran { code, said } = self.debian.try_run(&[&["fogbell"], command, &["--json"]].concat());
        let told = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{command:?}: {said}"));
        assert_eq!(code, 0, "{command:?}: {told:#}\n{}", self.log());
        told
    }

    fn log(&self) -> String {
        self.debian.try_run(&["journalctl", "--no-pager", "-u", "fogbell.service"]).said
    }

    /// Waits until each receiver has so many alerts in all.
    fn wait(&self, alerts: usize) {
        // a heartbeat is what a sink is tried with, and no alert
        let is_alert = |trap: &&Trap| trap.name != HEARTBEAT;
        let arrived = || (self.nms.traps().iter().filter(is_alert).count(), self.siem.lines().len());
        let all = wait_until(DEADLINE, || arrived() == (alerts, alerts));
        assert!(all, "{:?} of {alerts}: {}", arrived(), self.log());
    }
}

#[test]
fn from_an_empty_machine_to_an_alarm_of_mist_at_both_receivers_and_back_to_nothing() {
    let site = Site::new();
    let debian = &site.debian;
    let before = debian.files();

    debian.apt(&["install", NEW]);
    site.lay_out();

    // the answers become a configuration, and a webhook in Mist
    let said = site.init();
    for line in [
        "ok: token \"",
        "ok: the certificate is for 127.0.0.1",
        "ok: sink siem: it takes connections",
        "ok: sink noc: ",
        "~ Mist: make webhook \"fogbell\"",
        "+ /etc/systemd/system/fogbell.socket.d/listen.conf  0644",
        "+ /etc/fogbell/fogbell.toml  0640 root:fogbell",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // what it says is to be done, is done as it says it
    let note =
        said.lines().find_map(|line| line.split_once("cannot read `/etc/ssl/relay/key.pem`: ")?.1.into());
    debian.shell(note.unwrap_or_else(|| panic!("{said}")));
    let (_, next) = said.split_once("done. Next:\n").unwrap_or_else(|| panic!("{said}"));
    let next: Vec<&str> = next.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(next.len(), 5, "{said}");
    assert!(next[2] == "systemctl enable --now fogbell" && next[3].starts_with("fogbell doctor"), "{next:?}");
    for command in &next[..4] {
        debian.shell(command);
    }
    assert!(site.init().contains("nothing to do"));

    // nothing is wrong, and nothing is even to be looked at
    let told = site.told(&["doctor", "--strict"]);
    assert_eq!((&told["failed"], &told["warned"]), (&0.into(), &0.into()), "{told:#}");
    let checked = told["findings"].as_array().unwrap();
    for component in ["config", "certificate", "listener", "mist api", "webhook", "clock", "disk", "sink"] {
        assert!(checked.iter().any(|it| it["component"] == component), "{component}: {told:#}");
    }
    assert_eq!(checked.iter().filter(|it| it["component"] == "sink").count(), 2, "{told:#}");

    // a raise and a clear, by the way of every alert
    let told = site.told(&["test", "--wait", "30"]);
    for (sink, outcome) in [("noc", "acknowledged"), ("siem", "settled")] {
        let sinks = told["sinks"].as_array().unwrap();
        let of = sinks.iter().find(|it| it["sink"] == sink).unwrap_or_else(|| panic!("{told:#}"));
        assert_eq!(of["outcome"], outcome, "{told:#}");
    }
    site.wait(2);

    // a ping of Mist, by network, TLS, address and signature
    let told = site.told(&["webhook", "ping"]);
    let stages = told["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mist", "listener", "rules", "sink noc", "sink siem"]);
    assert!(stages.iter().all(|stage| stage["passed"] == true), "{told:#}");
    site.wait(3);
    assert_eq!(site.siem.lines()[2].msgid, "ping");

    // and what it is all for
    let mac = site.cloud.devices(site.org).unwrap()[0].mac;
    site.runtime.block_on(site.cloud.alarm("device_down", &[mac])).unwrap();
    site.wait(4);
    let line = &site.siem.lines()[3];
    assert!(line.msgid == "device_down" && line.data.contains(&mac.to_string()), "{line:?}");

    debian.apt(&["purge", "fogbell"]);

    // what the administrator put there is his to take away
    debian.run(&["rm", "-r", "/etc/ssl/relay", "/root/relay"]);
    let after = debian.files();
    let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:?}, gone: {gone:?}");
}

/// `fbHeartbeat` of FOGBELL-MIB.
const HEARTBEAT: &str = ".1.3.6.1.4.1.32473.1.0.5";

/// Passphrases of SNMPv3.
const AUTH: &str = "a passphrase that proves";
const PRIVACY: &str = "a passphrase that hides";
