//! The static programs where there is no system at all: a root with nothing in it but them and what names are looked up with, in a
//! network of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::{Config, Curl, DEADLINE, Machine, Rsyslog, Running, sign, wait_until};
use tempfile::TempDir;

use crate::debian::from_environment;

/// An empty root in a network of its own, where every name is [`BY_DNS`] by DNS, and one is [`BY_HOSTS`] by its file.
struct Bare {
    root: TempDir,
    machine: Machine,
    _dns: Running,
}

impl Bare {
    fn new() -> Self {
        let (root, machine) = (tempfile::tempdir().unwrap(), Machine::new());
        for folder in ["etc", "proc", "tmp"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        for program in ["fogbell", "fogpilot"] {
            fs::copy(from_environment("FOGBELL_STATIC").join(program), root.path().join(program)).unwrap();
        }
        fs::write(root.path().join("etc/hosts"), format!("{BY_HOSTS} siem.hosts.test\n")).unwrap();
        fs::write(root.path().join("etc/resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        let mut dns = machine.command("pebble-challtestsrv");
        dns.args(["-defaultIPv4", BY_DNS, "-defaultIPv6", "", "-dns01", "127.0.0.1:53"]);
        dns.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:8055"]);
        let dns = Running::start("pebble-challtestsrv", &mut dns);
        Self { root, machine, _dns: dns }
    }

    /// A program of the root, run in it.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.machine.command("chroot");
        command.arg(self.root.path()).arg(program).args(arguments);
        command.env("NO_COLOR", "1").env_remove("RUST_LOG");
        command
    }

    /// Writes configuration, secrets and certificates to where the program in the root finds them.
    fn configure(&self, config: &Config) {
        config.write(&self.root.path().join("home"));
        let file = self.root.path().join("home/fogbell.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(&self.root.path().display().to_string(), "")).unwrap();
    }

    fn home(&self, file: &str) -> std::path::PathBuf {
        self.root.path().join("home").join(file)
    }
}

#[test]
fn a_static_relay_in_an_empty_root_finds_its_sinks_by_hosts_and_by_dns() {
    let bare = Bare::new();
    let by_hosts = Rsyslog::start_on(&bare.machine, BY_HOSTS);
    let by_dns = Rsyslog::start_on(&bare.machine, BY_DNS);
    // what one address has is not at the other, so that a name that was looked up in the wrong place leads to nobody
    let named = |address: String, name: &str| format!("{name}:{}", address.rsplit_once(':').unwrap().1);
    bare.configure(
        &Config::new()
            .syslog("hosts", &named(by_hosts.tcp(), "siem.hosts.test"), "tcp")
            .syslog("dns", &named(by_dns.tcp(), "siem.dns.test"), "tcp")
            .syslog("datagrams", &named(by_dns.udp(), "logs.dns.test"), "udp"),
    );
    for program in ["/fogbell", "/fogpilot"] {
        let version = bare.command(program, &["--version"]).output().unwrap();
        assert!(String::from_utf8_lossy(&version.stdout).contains("0.1.0"), "{program}: {version:?}");
    }

    let mut run = bare.command("/fogbell", &["run", "--config", "/home/fogbell.toml"]);
    let mut relay = Running::start("fogbell", &mut run);
    let line = relay.wait_line("`accepting webhooks`", |line| line.contains("accepting webhooks"));
    let address = line.split_once("address=").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    let answer = bare.machine.inside(|| post(address, &bare.home("certs/ca.pem")));
    assert_eq!((answer.0, answer.1.as_str()), (200, ""), "{:?}", relay.lines());

    let arrived = || (by_hosts.lines().len(), by_dns.lines().len());
    let all = wait_until(DEADLINE, || arrived() == (1, 2));
    assert!(all, "{:?}: {:#?}", arrived(), relay.lines());

    let found =
        bare.command("/fogbell", &["doctor", "--json", "--config", "/home/fogbell.toml"]).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let sinks: Vec<_> =
        told["findings"].as_array().unwrap().iter().filter(|it| it["component"] == "sink").collect();
    assert_eq!(sinks.len(), 3, "{told:#}");
    assert!(sinks.iter().all(|sink| sink["status"] == "pass"), "{sinks:#?}");
}

#[test]
fn a_name_that_nobody_knows_is_said_by_a_static_relay_too() {
    let bare = Bare::new();
    fs::write(
        bare.root.path().join("etc/resolv.conf"),
        "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n",
    )
    .unwrap();
    bare.configure(&Config::new().syslog("siem", "siem.dns.test:514", "tcp"));

    let found =
        bare.command("/fogbell", &["doctor", "--json", "--config", "/home/fogbell.toml"]).output().unwrap();

    let told: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let sink = told["findings"].as_array().unwrap().iter().find(|it| it["component"] == "sink").unwrap();
    assert_eq!(sink["status"], "fail", "{sink:#}");
    assert!(sink["text"].as_str().unwrap().contains("siem.dns.test"), "{sink:#}");
}

/// Posts a signed message of its own; status and text of the answer.
fn post(address: &str, ca: &Path) -> (u16, String) {
    let body = r#"{"topic":"alarms","events":[{"id":"00000000-0000-4000-8000-000000000001","type":"device_down",
        "severity":"critical","timestamp":1767323045,"org_id":"2818e386-8dec-4562-9ede-5b8a0fbbdc71","aps":["5c5b35000001"]}]}"#;
    let request = Curl::new(&format!("https://{address}{}", Config::PATH)).ca(ca).body(body);
    let answer = request.header("X-Mist-Signature-v2", &sign(Config::SECRET, body.as_bytes())).run();
    (answer.status, answer.text())
}

const BY_HOSTS: &str = "127.0.0.2";
const BY_DNS: &str = "127.0.0.3";
