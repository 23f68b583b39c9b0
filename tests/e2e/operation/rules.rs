//! What an operator decides of problems: held back, graded, muted for maintenance, told again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{Config, DEADLINE, Fogbell, Parameters, Rsyslog, RsyslogSetup, wait_until};

use super::sink;

const ENTERPRISE: u32 = 32_473;

fn event(kind: &str, mac: u8, time: u64) -> String {
    format!(
        r#"{{"topic":"device-updowns","events":[{{"type":"{kind}","mac":"0200000000{mac:02}","site_id":"s-1","site_name":"Depot","timestamp":{time}}}]}}"#
    )
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn rfc3339(secs: u64) -> String {
    testkit::ids::Timestamp::from_micros(i64::try_from(secs).unwrap() * 1_000_000).to_string()
}

fn said(receiver: &Rsyslog, count: usize) -> Vec<Parameters> {
    receiver.wait_lines(count).iter().map(|line| line.parameters(ENTERPRISE)).collect()
}

#[test]
fn a_raise_that_is_over_at_once_is_told_to_nobody() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new()
        .table(&sink("siem", &siem.tcp(), ""))
        .table("[[damping]]\ntypes = [\"ap_disconnected\"]\nhold_down_secs = 1\n")
        .table("[[severity]]\ntypes = [\"ap_disconnected\"]\nsites = [\"Depot\"]\nseverity = \"critical\"\n");
    let mut relay = Fogbell::start(&config);

    for (kind, mac) in [("AP_DISCONNECTED", 1), ("AP_CONNECTED", 1), ("AP_DISCONNECTED", 2)] {
        relay.deliver(&event(kind, mac, now()));
    }
    // what is held is remembered
    relay.kill9();
    relay.start_again();

    let told = said(&siem, 1).remove(0);
    assert_eq!((told["mac"].as_str(), told["state"].as_str()), ("020000000002", "raised"));
    assert_eq!(told["severity"], "critical");
    relay.deliver(&event("AP_CONNECTED", 2, now()));
    let told = said(&siem, 2).remove(1);
    assert_eq!((told["mac"].as_str(), told["state"].as_str()), ("020000000002", "cleared"));
    assert!(relay.metric("fogbell_problems_open", "") < 0.5);
}

#[test]
fn a_window_keeps_the_noc_asleep_and_tells_it_at_its_end_what_is_still_there() {
    let (noc, siem) = (Rsyslog::start(&RsyslogSetup::default()), Rsyslog::start(&RsyslogSetup::default()));
    let end = now() + 5;
    let config = Config::new()
        .table(&sink("noc", &noc.tcp(), "maintenance = \"muted\"\n"))
        .table(&sink("siem", &siem.tcp(), ""))
        .table(&format!(
            "[[maintenance]]\nname = \"upgrade\"\nsites = [\"Depot\"]\nfrom = \"{}\"\nuntil = \"{}\"\nwho = \"ops\"\nwhy = \"firmware\"\n",
            rfc3339(now() - 60),
            rfc3339(end)
        ));
    let relay = Fogbell::start(&config);

    for (kind, mac) in [("AP_DISCONNECTED", 1), ("AP_CONNECTED", 1), ("AP_DISCONNECTED", 2)] {
        relay.deliver(&event(kind, mac, now()));
    }
    assert_eq!(said(&siem, 3).len(), 3);
    assert!(now() < end, "this story was too slow to see the window");
    assert_eq!(noc.lines().len(), 0);

    let woken = said(&noc, 1).remove(0);
    assert!(now() >= end);
    assert_eq!((woken["mac"].as_str(), woken["state"].as_str()), ("020000000002", "raised"));
    relay.deliver(&event("AP_CONNECTED", 2, now()));
    assert_eq!(said(&noc, 2)[1]["state"], "cleared");
    // the one that was never muted was told everything once
    assert_eq!(said(&siem, 4).len(), 4);
    let drained = wait_until(DEADLINE + Duration::from_secs(5), || {
        relay.metric("fogbell_sink_behind_alerts", "") < 0.5
    });
    assert!(drained);
}
