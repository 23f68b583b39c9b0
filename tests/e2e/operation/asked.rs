//! What a relay says when it is asked: over HTTP and by its subcommands.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use e2e::{Config, Curl, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, ask_fogbell_in, free_port, wait_until};
use serde_json::Value;

use super::{alarm, sink};

#[test]
fn health_and_metrics_are_served_on_the_admin_listener_alone() {
    let relay = Fogbell::start(&Config::new());
    let ask = |path: &str| Curl::new(&relay.admin_url(path)).run();

    let nothing = "not found; there are /, /livez, /readyz and /metrics\n";
    for (path, status, text) in [
        ("/livez", 200, "alive\n"),
        ("/readyz", 200, "ready\n"),
        ("/anything", 404, nothing),
        (Config::PATH, 404, nothing),
    ] {
        let answer = ask(path);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{path}");
    }
    let metrics = ask("/metrics");
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    assert!(metrics.text().ends_with("# EOF\n"));
    assert_eq!(Curl::new(&relay.admin_url("/livez")).method("DELETE").run().status, 405);
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = Curl::new(&relay.url(path)).ca(relay.ca()).run();
        assert_eq!(answer.status, 404, "{path} on the listener of webhooks");
    }
}

#[test]
fn the_figures_add_up_from_what_came_in_to_what_went_out() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let away = format!("127.0.0.1:{}", free_port());
    let config = Config::new().table(&sink("siem", &siem.tcp(), "")).table(&sink("away", &away, ""));
    let relay = Fogbell::start(&config);
    let two = r#"{"topic":"device-events","events":[{"type":"A","timestamp":1},{"type":"B","timestamp":1}]}"#;
    let ping = r#"{"topic":"ping","events":[{"type":"p","timestamp":1}]}"#;
    let strange = r#"{"topic":"tea-time","events":[{"timestamp":1},{"timestamp":2},{"timestamp":3}]}"#;
    let unread = r#"{"topic":"alarms","events":[7]}"#;

    for body in [&alarm("one"), two, two, ping, strange, unread] {
        relay.deliver(body);
    }
    for _ in 0..3 {
        assert_eq!(relay.post("another secret", &alarm("refused")).status, 401);
    }

    // one alarm, two events, and what could not be read go to every sink; four alerts go nowhere, and two events were
    // told before
    let (everywhere, nowhere, repeats) = (4.0, 4.0, 2.0);
    assert_eq!(siem.wait_lines(4).len(), 4);
    for (name, label, expect) in [
        ("fogbell_messages_total", "topic=\"alarms\"", 2.0),
        ("fogbell_messages_total", "topic=\"device-events\"", 2.0),
        ("fogbell_messages_total", "topic=\"ping\"", 1.0),
        ("fogbell_messages_total", "topic=\"other\"", 1.0),
        ("fogbell_messages_total", "org=\"acme\"", 6.0),
        ("fogbell_answers_total", "status=\"200\"", 6.0),
        ("fogbell_answers_total", "status=\"401\"", 3.0),
        ("fogbell_refusals_total", "reason=\"signature_wrong\"", 3.0),
        ("fogbell_refusals_total", "", 3.0),
        ("fogbell_requests_total", "", 9.0),
        ("fogbell_events_total", "from=\"webhook\"", 10.0),
        ("fogbell_alerts_total", "occasion=\"event\"", everywhere + nowhere),
        ("fogbell_events_repeated_total", "", repeats),
        ("fogbell_uninterpretable_total", "", 1.0),
        ("fogbell_delivered_total", "sink=\"siem\"", everywhere),
        ("fogbell_not_routed_total", "sink=\"siem\"", nowhere),
        ("fogbell_delivered_total", "sink=\"away\"", 0.0),
        ("fogbell_sink_behind_alerts", "sink=\"siem\"", 0.0),
        ("fogbell_given_up_total", "", 0.0),
        ("fogbell_journal_writable", "", 1.0),
        ("fogbell_inbox_behind_entries", "", 0.0),
    ] {
        let found = || relay.metric(name, label);
        let equal = wait_until(DEADLINE, || (found() - expect).abs() < 0.5);
        assert!(equal, "{name}{{{label}}} is {}, not {expect}", found());
    }
    let away = |name: &str| relay.metric(name, "sink=\"away\"");
    assert!(wait_until(DEADLINE, || away("fogbell_delivery_failures_total") >= 1.0));
    assert!(wait_until(DEADLINE, || away("fogbell_sink_behind_alerts") >= everywhere));
    assert!(away("fogbell_sink_behind_bytes") > 0.0);
}

/// The status as JSON, told by the relay that runs in `home` or read from what it left there.
fn status(home: &Path) -> Value {
    let answer = ask_fogbell_in(home, &["journal", "status", "--json"]);
    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    serde_json::from_str(&answer.out).unwrap()
}

fn table(home: &Path) -> String {
    let answer = ask_fogbell_in(home, &["journal", "status"]);
    assert_eq!((answer.code, answer.said.as_str()), (0, ""));
    answer.out
}

/// One figure of the cursor of a sink.
fn cursor(status: &Value, name: &str, figure: &str) -> Value {
    let cursors = status["cursors"].as_array().unwrap();
    let found = cursors.iter().find(|cursor| cursor["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {status}"))[figure].clone()
}

/// How many alerts a sink is behind, as the table has it.
fn behind(table: &str, name: &str) -> u64 {
    let line = table.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {table}"));
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What the relay keeps, with sizes and times of change.
fn files(home: &Path) -> Vec<(PathBuf, u64, SystemTime)> {
    let kept = fs::read_dir(home.join("state")).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        (entry.path(), meta.len(), meta.modified().unwrap())
    });
    let mut kept: Vec<_> = kept.collect();
    kept.sort();
    kept
}

fn end(relay: &mut Fogbell) {
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
}

#[test]
fn the_state_of_the_journal_is_shown_with_the_relay_running_stopped_and_killed() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let away = format!("127.0.0.1:{}", free_port());
    let config = Config::new().table(&sink("siem", &siem.tcp(), "")).table(&sink("away", &away, ""));
    let mut relay = Fogbell::start(&config.set("", "grace_secs", "2"));
    let home = relay.home().to_owned();
    for number in 0..3 {
        relay.deliver(&alarm(&format!("number_{number}")));
    }
    // what the relay says of the sink that is away may stand behind the three
    let settled = || {
        let status = status(&home);
        cursor(&status, "siem", "behind_records") == 0
            && cursor(&status, "away", "behind_records").as_u64() >= Some(3)
    };
    let figures = |status: &Value| {
        assert!(status["inbox"]["rows"].as_u64() >= Some(3), "{status}");
        assert!(cursor(status, "away", "behind_records").as_u64() >= Some(3), "{status}");
        assert!(cursor(status, "away", "behind_bytes").as_u64() > Some(100), "{status}");
        assert!(cursor(status, "away", "oldest_undelivered_at").is_i64(), "{status}");
        assert_eq!(cursor(status, "away", "given_up_records"), 0);
        assert_eq!(cursor(status, "siem", "behind_records"), 0);
    };

    for stop in [end as fn(&mut Fogbell), Fogbell::kill9] {
        assert!(wait_until(DEADLINE, settled), "{}", table(&home));
        let (running, shown) = (status(&home), table(&home));
        figures(&running);
        assert_eq!(running["writer"]["writable"], true);
        assert_eq!(cursor(&running, "siem", "registered"), true);
        assert!(shown.contains("(relay running)") && shown.contains("takes messages"), "{shown}");
        assert!(behind(&shown, "away") >= 3 && behind(&shown, "siem") == 0, "{shown}");

        stop(&mut relay);
        let before = files(&home);
        let (stopped, shown) = (status(&home), table(&home));
        figures(&stopped);
        assert_eq!(stopped["writer"], Value::Null);
        assert!(shown.contains("(relay stopped)"), "{shown}");
        assert!(behind(&shown, "away") >= 3 && behind(&shown, "siem") == 0, "{shown}");
        assert_eq!(files(&home), before, "looking changed what is kept");
        relay.start_again();
    }
}
