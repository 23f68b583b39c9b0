//! Lines on standard error.

use super::*;

/// Every line as an object, in which no key is there twice.
fn objects(lines: &[String]) -> Vec<Map<String, Value>> {
    let object = |line: &String| {
        let parsed: Map<String, Value> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let keys: BTreeSet<&str> = parsed.keys().map(String::as_str).collect();
        for key in &keys {
            let once = line.matches(&format!("{{\"{key}\":")).count()
                + line.matches(&format!(",\"{key}\":")).count();
            assert_eq!(once, 1, "`{key}` is there {once} times: {line}");
        }
        for key in ["timestamp", "level", "message", "target"] {
            assert!(keys.contains(key), "no `{key}`: {line}");
        }
        parsed
    };
    lines.iter().map(object).collect()
}

/// The lines with this message.
fn of<'a>(all: &'a [Map<String, Value>], message: &str) -> Vec<&'a Map<String, Value>> {
    all.iter().filter(|line| line["message"] == message).collect()
}

#[test]
fn as_json_every_line_is_an_object_and_a_refused_request_has_its_reason() {
    let mut relay = Logged::start(&[], &["--log", "json"], "info,async_snmp=off");
    relay.posts();
    let said = |relay: &Logged| objects(&relay.running.lines());
    assert!(wait_until(DEADLINE, || of(&said(&relay), "refused a request").len() == 2));
    relay.running.sigterm();
    assert!(relay.running.wait_exit(DEADLINE).success());

    let all = said(&relay);

    let refused = of(&all, "refused a request");
    for (line, reason, status) in [(refused[0], "signature_wrong", 401), (refused[1], "path", 404)] {
        assert_eq!((&line["reason"], &line["status"]), (&reason.into(), &status.into()), "{line:?}");
        assert_eq!((&line["peer"], &line["level"]), (&"127.0.0.1".into(), &"INFO".into()), "{line:?}");
        // how many were refused since the last line and not said
        assert_eq!(line["unlogged"], 0, "{line:?}");
    }
    let of_sink = all.iter().find(|line| line.get("sink").is_some_and(|sink| sink == "siem"));
    assert_eq!(of_sink.unwrap()["level"], "WARN", "{all:?}");
    let text = relay.running.lines().join("\n");
    assert!(!text.contains(CANARY) && !text.contains(Config::SECRET), "{text}");
}

#[test]
fn a_relay_that_cannot_start_says_so_in_a_line_of_json_too() {
    let home = TempDir::new().unwrap();
    let mut relay = run(home.path(), &[], &["--log", "json"], "info");

    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(78));

    let all = objects(&relay.lines());
    assert_eq!((all.len(), &all[0]["level"]), (1, &"ERROR".into()), "{all:?}");
    assert!(all[0]["error"].as_str().unwrap().contains("cannot read `"), "{all:?}");
}

#[test]
fn what_mist_posts_is_logged_at_trace_alone_and_a_secret_never() {
    for (filter, is_there) in [("debug", false), ("trace", true)] {
        let mut relay = Logged::start(&[], &["--log", "json"], filter);
        relay.posts();
        relay.running.sigterm();
        assert!(relay.running.wait_exit(DEADLINE).success());

        let text = relay.running.lines().join("\n");
        let messages: Vec<String> = text
            .lines()
            .filter(|line| line.contains("\"message\":\"a message\""))
            .map(str::to_owned)
            .collect();
        assert_eq!(messages.iter().any(|line| line.contains(CANARY)), is_there, "at {filter}: {messages:?}");
        assert_eq!(text.contains(CANARY), is_there, "at {filter}");
        assert!(!text.contains(Config::SECRET), "at {filter}");
    }
}

#[test]
fn the_form_may_come_from_the_environment_and_text_is_the_default() {
    let relay = Logged::start(&["env", "FOGBELL_LOG=json"], &[], "info");
    assert!(!objects(&relay.running.lines()).is_empty());

    // another program's journal is not this one's
    let mut relay = Logged::start(&["env", "JOURNAL_STREAM=1:2"], &[], "info");
    let line = relay.running.wait_line("that it serves", |line| line.contains("accepting webhooks"));
    assert!(line.contains(" INFO ") && line.contains("address="), "{line}");
}
