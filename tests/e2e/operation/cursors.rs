//! Where each sink goes on after a stop, a kill, a change.

use std::path::Path;

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup,
    ask_fogbell_in, free_port, wait_until,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{alarm, sink};

/// The types that arrived under this APP-NAME, in their order; not what the relay says of itself.
fn kinds(siem: &Rsyslog, app: &str) -> Vec<String> {
    let own = |line: &e2e::Line| line.app == app && line.parameters(32473)["topic"] != "relay";
    siem.lines().into_iter().filter(own).map(|line| line.msgid).collect()
}

/// Waits until every sink of the relay in `home` has written down that everything is delivered.
fn wait_settled(home: &Path) {
    let behind = || -> Vec<String> {
        let answer = ask_fogbell_in(home, &["journal", "status", "--json"]);
        let status: Value = serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}", answer.said));
        let cursors = status["cursors"].as_array().unwrap();
        let behind = cursors.iter().filter(|cursor| cursor["behind_records"] != 0);
        behind.map(|cursor| cursor["name"].to_string()).collect()
    };
    assert!(wait_until(DEADLINE, || behind().is_empty()), "behind: {:?}", behind());
}

fn wait_kinds(siem: &Rsyslog, app: &str, count: usize) {
    assert!(wait_until(DEADLINE, || kinds(siem, app).len() >= count), "{app}: {:?}", kinds(siem, app));
}

fn end(mut relay: Fogbell) {
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
}

#[test]
fn a_second_start_repeats_nothing_that_was_settled_and_loses_nothing() {
    let mut siem = Rsyslog::start(&RsyslogSetup::default());
    let communities = vec!["public".to_owned()];
    let mut nms = Snmptrapd::start(&SnmptrapdSetup { communities, ..Default::default() });
    let config = Config::new().table(&sink("siem", &siem.tcp(), "")).v2c(
        "noc",
        &nms.address(),
        "public",
        Notification::Inform,
    );
    let mut relay = Fogbell::start(&config);
    let post = |relay: &Fogbell, word: &str| -> Vec<String> {
        let kinds = (0..5).map(|number| format!("{word}_{number}"));
        kinds.inspect(|kind| relay.deliver(&alarm(kind))).collect()
    };

    // settled, and then a stop as asked
    let mut expect = post(&relay, "settled");
    wait_settled(relay.home());
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    relay.start_again();
    // accepted while the receivers are away, and then a kill
    siem.stop();
    nms.stop();
    expect.extend(post(&relay, "kept"));
    relay.kill9();
    siem.start_again();
    nms.start_again();
    relay.start_again();
    expect.extend(post(&relay, "fresh"));

    wait_kinds(&siem, "siem", expect.len());
    wait_settled(relay.home());
    assert_eq!(kinds(&siem, "siem"), expect);
    let mut traps = nms.traps();
    // an inform whose answer was late is sent again, with the same place in the outbox
    traps.sort_by_key(|trap| trap.parameters(32473)["seq"].parse::<u64>().unwrap());
    traps.dedup_by(|a, b| a.varbinds == b.varbinds);
    let types = traps.iter().map(|trap| trap.parameters(32473)).filter(|said| said["topic"] != "relay");
    assert_eq!(types.map(|said| said["type"].clone()).collect::<Vec<_>>(), expect);
}

#[test]
fn a_sink_whose_address_changed_goes_on_where_it_was() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let folder = TempDir::new().unwrap();
    let at = |address: &str| Config::new().table(&sink("siem", address, ""));
    let relay = Fogbell::start_in(folder.path(), &at(&siem.tcp()));
    relay.deliver(&alarm("first"));
    wait_settled(folder.path());
    end(relay);

    let nowhere = format!("127.0.0.1:{}", free_port());
    let relay = Fogbell::start_in(folder.path(), &at(&nowhere).set("", "grace_secs", "1"));
    relay.deliver(&alarm("second"));
    end(relay);
    let moved = Rsyslog::start(&RsyslogSetup::default());
    let relay = Fogbell::start_in(folder.path(), &at(&moved.tcp()));
    relay.deliver(&alarm("third"));

    wait_kinds(&moved, "siem", 2);
    wait_settled(folder.path());
    assert_eq!(kinds(&moved, "siem"), ["second", "third"]);
    assert_eq!(kinds(&siem, "siem"), ["first"]);
    end(relay);
}

#[test]
fn a_new_sink_starts_at_now_unless_it_asks_for_what_is_kept() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let folder = TempDir::new().unwrap();
    let old = Config::new().table(&sink("old", &siem.tcp(), ""));
    let relay = Fogbell::start_in(folder.path(), &old);
    for kind in ["first", "second"] {
        relay.deliver(&alarm(kind));
    }
    wait_settled(folder.path());
    end(relay);

    let config = old
        .table(&sink("new", &siem.tcp(), ""))
        .table(&sink("told_now", &siem.tcp(), "start = \"now\"\n"))
        .table(&sink("curious", &siem.tcp(), "start = \"oldest\"\n"));
    let mut relay = Fogbell::start_in(folder.path(), &config);
    relay.deliver(&alarm("third"));

    for (app, expect) in [
        ("old", &["first", "second", "third"][..]),
        ("new", &["third"]),
        ("told_now", &["third"]),
        ("curious", &["first", "second", "third"]),
    ] {
        wait_kinds(&siem, app, expect.len());
        wait_settled(folder.path());
        assert_eq!(kinds(&siem, app), expect, "{app}");
    }
    // once the journal knows a sink, it goes on where it was
    relay.kill9();
    relay.start_again();
    relay.deliver(&alarm("fourth"));
    wait_kinds(&siem, "curious", 4);
    wait_settled(folder.path());
    assert_eq!(kinds(&siem, "curious"), ["first", "second", "third", "fourth"]);
}
