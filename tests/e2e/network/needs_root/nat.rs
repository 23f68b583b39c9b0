//! A firewall that translates the source too hides Mist; the relay notices and says what to do.

use e2e::{Config, DEADLINE, Fogbell, Machine, ask_fogbell_in, sign, wait_until};
use serde_json::Value;

use super::super::MESSAGE;
use crate::doctor::scene::{found, is_gone};

/// Rules of a firewall that hides who connects, as they are often set up.
const RULES: &str = "table ip fw {
 chain pre { type nat hook prerouting priority dstnat; tcp dport 8443 dnat to 10.77.0.1:8443; }
 chain post { type nat hook postrouting priority srcnat; ip daddr 10.77.0.1 tcp dport 8443 masquerade; }
}
";

/// Posts a message from `mist` to the firewall's address; the status.
fn post(mist: &Machine, relay: &Fogbell) -> String {
    let mut curl = mist.command("curl");
    curl.args([
        "--disable",
        "--silent",
        "--max-time",
        "10",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]);
    curl.arg("--cacert").arg(relay.ca()).args(["--connect-to", "localhost:8443:54.193.71.1:8443"]);
    curl.args(["--header", &format!("X-Mist-Signature-v2: {}", sign(Config::SECRET, MESSAGE.as_bytes()))]);
    curl.args(["--data-binary", MESSAGE, &format!("https://localhost:8443{}", Config::PATH)]);
    String::from_utf8(curl.output().unwrap().stdout).unwrap()
}

/// Whether the relay says by its metric that sources are hidden.
fn hidden(machine: &Machine, relay: &Fogbell) -> bool {
    let page = machine.must("curl", &["--silent", &relay.admin_url("/metrics")]);
    page.lines().any(|line| line == "fogbell_sources_hidden 1")
}

/// The newest alert, when it is of this type.
fn newest(relay: &Fogbell, kind: &str) -> Option<Value> {
    let answer = ask_fogbell_in(relay.home(), &["tail", "--number", "1", "--json"]);
    let mut alerts = answer.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    alerts.rfind(|alert| alert["type"] == kind)
}

/// What `fogbell doctor` says.
fn of_doctor(relay: &Fogbell) -> Value {
    let answer = ask_fogbell_in(relay.home(), &["doctor", "--json"]);
    serde_json::from_str(&answer.out).unwrap()
}

#[test]
fn source_nat_is_noticed_and_so_is_its_end() {
    let (mist, firewall, machine) = (Machine::new(), Machine::new(), Machine::new());
    mist.join("eth0", &firewall, "outside");
    firewall.join("inside", &machine, "eth0");
    mist.address("eth0", "54.193.71.17/24");
    firewall.address("outside", "54.193.71.1/24");
    firewall.address("inside", "10.77.0.2/24");
    machine.address("eth0", "10.77.0.1/24");
    machine.route("10.77.0.2");
    firewall.must("sh", &["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, RULES).unwrap();
    firewall.must("nft", &["-f", &rules.display().to_string()]);
    let config = Config::new().set("gate", "networks", "[]").set("listen", "address", "\"[::]:8443\"");
    let mut relay = Fogbell::start_under(&machine.wrapper(), &config);

    // Mist's address is listed, and nothing of Mist's comes from it
    for _ in 0..20 {
        assert_eq!(post(&mist, &relay), "403");
    }
    let line = relay.process().wait_line("what is hidden", |line| line.contains("sources_hidden"));
    for part in ["WARN", "10.77.0.2", "trusted_proxies", "not the source"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(wait_until(DEADLINE, || hidden(&machine, &relay)));
    assert!(wait_until(DEADLINE, || newest(&relay, "sources_hidden").is_some()));
    let alert = newest(&relay, "sources_hidden").unwrap();
    assert_eq!(alert["state"], "raised", "{alert}");

    let finds = |code| found(&of_doctor(&relay), code);
    let said = finds("sources_hidden");
    assert_eq!(said["target"], "10.77.0.2", "{said}");
    assert!(said["mend"].as_str().unwrap().contains("and not the source"), "{said}");

    // as it was told: only the destination is translated
    firewall.must("nft", &["delete", "chain", "ip", "fw", "post"]);
    assert_eq!(post(&mist, &relay), "200");
    assert!(wait_until(DEADLINE, || !hidden(&machine, &relay)));
    let cleared = || newest(&relay, "sources_hidden").is_some_and(|alert| alert["state"] == "cleared");
    assert!(wait_until(DEADLINE, cleared));
    let mended = |code| assert!(is_gone(&of_doctor(&relay), code));
    mended("sources_hidden");
    let said = relay
        .process()
        .lines()
        .iter()
        .filter(|line| line.contains("WARN") && line.contains("sources_hidden"))
        .count();
    assert_eq!(said, 1, "it is said once");
}
