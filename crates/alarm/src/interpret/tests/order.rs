//! What comes in another order than it happened, once more, or by another topic.

use serde_json::{Value, json};

use super::*;
use crate::catalogue::{Definition, Kind};

fn event(kind: &str, time: i64) -> Value {
    json!([{"type": kind, "mac": "020000000001", "site_id": "s-1", "timestamp": time}])
}

#[test]
fn a_raise_that_comes_behind_its_clear_does_not_stay() {
    let mut play = Play::default();

    let clear = play.post(1_101, "device-updowns", event("AP_CONNECTED", 1_100)).remove(0);
    play.restart();
    let again = play.post(1_102, "device-events", event("AP_CONNECTED", 1_101)).remove(0);
    let late = play.post(1_103, "device-updowns", event("AP_DISCONNECTED", 1_050)).remove(0);
    let fresh = play.post(1_201, "device-updowns", event("AP_DISCONNECTED", 1_200)).remove(0);

    for clear in [clear, again] {
        assert_eq!((clear.state, clear.duration_secs, clear.raised_as), (State::Cleared, None, Vec::new()));
    }
    assert_eq!(late.state, State::Event, "it was over before it was told");
    assert_eq!((fresh.state, fresh.first_seen, fresh.count), (State::Raised, at(1_200), 1));
}

#[test]
fn what_was_held_down_and_is_over_is_told_by_no_other_topic() {
    let about = About { types: vec!["ap_disconnected".into()], ..About::default() };
    let rule = DampingRule { about, hold_down: Some(Duration::from_secs(60)), flapping: None };
    for flapping in [None, Some((3, Duration::from_secs(300)))] {
        let rule = DampingRule { flapping, ..rule.clone() };
        let mut play = Play::with(Rules { dampings: vec![rule], ..Rules::default() });
        let mut told = Vec::new();
        for (secs, kind) in [(1_000, "AP_DISCONNECTED"), (1_030, "AP_CONNECTED")] {
            for topic in ["device-events", "device-updowns"] {
                told.extend(play.post(secs + 1, topic, event(kind, secs)));
                play.restart();
            }
        }
        assert_eq!(told, [], "{flapping:?}");
        assert_eq!(play.post(1_101, "device-events", event("AP_DISCONNECTED", 1_100)), []);
        assert_eq!(play.tick(1_161).len(), 1);
    }
}

#[test]
fn the_end_of_what_a_window_muted_is_muted_by_whichever_topic_it_is_told() {
    let about = About { sites: vec!["s-1".into()], ..About::default() };
    let window = Window { name: "upgrade".into(), about, from: at(1_000), until: at(2_000) };
    let mut play = Play::with(Rules { windows: vec![window], ..Rules::default() });

    play.post(1_901, "device-events", event("AP_DISCONNECTED", 1_900));
    let first = play.post(1_991, "device-events", event("AP_CONNECTED", 1_990)).remove(0);
    let second = play.post(2_001, "device-updowns", event("AP_CONNECTED", 1_990)).remove(0);

    for clear in [first, second] {
        assert_eq!(clear.audience, Audience::Exempt { window: "upgrade".into() });
    }
}

#[test]
fn what_is_over_makes_room_before_what_is_open() {
    let mut play = Play::with(Rules { max_open: 3, ..Rules::default() });
    let device = |kind: &str, n: i64| json!([{"type": kind, "mac": format!("0200000000{n:02}"), "timestamp": 1_000 + n}]);

    play.post(1_000, "device-updowns", device("AP_DISCONNECTED", 0));
    let mut told = Vec::new();
    for n in 1..10 {
        told.extend(play.post(1_000 + n, "device-updowns", device("AP_CONNECTED", n)));
    }
    for n in 10..12 {
        told.extend(play.post(1_000 + n, "device-updowns", device("AP_DISCONNECTED", n)));
    }

    assert!(told.iter().all(|alert| alert.origin != Origin::Expired), "{told:?}");
    assert_eq!(play.interpreter.open(), 3);
}

#[test]
fn what_still_flaps_when_a_window_ends_is_told_then() {
    let about = About { sites: vec!["s-1".into()], ..About::default() };
    let window = Window { name: "upgrade".into(), about, from: at(1_000), until: at(2_000) };
    let about = About { types: vec!["ap_disconnected".into()], ..About::default() };
    let rule = DampingRule { about, hold_down: None, flapping: Some((2, Duration::from_secs(300))) };
    let mut play = Play::with(Rules { windows: vec![window], dampings: vec![rule], ..Rules::default() });

    let mut told = Vec::new();
    for n in 0..40 {
        let down = 1_500 + 20 * n;
        for (kind, time) in [("AP_DISCONNECTED", down), ("AP_CONNECTED", down + 10)] {
            told.extend(play.post(time, "device-events", event(kind, time)));
            while play.interpreter.due().is_some_and(|due| due <= at(time)) {
                told.extend(play.tick(time));
                play.restart();
            }
        }
    }

    let muted = Audience::Muted { window: "upgrade".into() };
    let muted: Vec<_> = told.iter().filter(|alert| alert.audience == muted).collect();
    assert_eq!(muted.len(), 1, "{told:?}");
    assert_eq!(muted[0].state, State::Raised);
    let calm = play.tick(2_600).remove(0);
    assert_eq!((calm.state, calm.audience), (State::Cleared, Audience::All));
}

#[test]
fn what_mist_says_of_a_problem_without_a_time_does_not_end_it() {
    let mut play = Play::default();
    play.post(1_000, "device-events", event("GW_CONDUCTOR_DISCONNECTED", 1_000));

    let row = json!([{"type": "GW_CONDUCTOR_CONNECTED", "mac": "020000000001", "site_id": "s-1"}]);
    assert_eq!(play.fetch(2_000, Fetched::Reconcile, "device-events", row), []);
    let row = event("GW_CONDUCTOR_CONNECTED", 1_500);
    assert_eq!(play.fetch(2_001, Fetched::Reconcile, "device-events", row)[0].state, State::Cleared);
}

#[test]
fn a_device_that_mist_still_calls_connected_is_told_to_be_down() {
    let mut play = Play::default();
    play.post(1_000, "device-updowns", event("AP_DISCONNECTED", 1_000));

    let stale = play.fetch(2_000, Fetched::Reconcile, "device-updowns", event("AP_CONNECTED", 2_000));
    let down = play.post(2_010, "device-updowns", event("AP_DISCONNECTED", 1_990)).remove(0);

    assert_eq!((stale.len(), stale[0].state), (1, State::Cleared));
    assert_eq!(down.state, State::Raised, "it went down before Mist's list knew");
}

#[test]
fn ports_of_one_switch_that_go_down_in_the_same_second_are_all_found() {
    let mut play = Play::default();
    let event = |port: &str, more: Value| {
        let mut event =
            json!({"type": "SW_PORT_DOWN", "mac": "020000000001", "port_id": port, "timestamp": 1_000});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let row = |port: &str| event(port, json!({"site_id": "s-1", "count": 1}));

    assert_eq!(play.post(1_001, "device-events", json!([event("p-1", json!({}))])).len(), 1);
    let rows = json!([row("p-1"), row("p-2"), row("p-3")]);
    let found = play.fetch(2_000, Fetched::Rows, "device-events", rows.clone());
    let ports: Vec<_> = found.iter().map(|alert| (alert.port.as_str(), alert.state)).collect();

    assert_eq!(ports, [("p-2", State::Raised), ("p-3", State::Raised)]);
    assert_eq!(play.fetch(2_001, Fetched::Rows, "device-events", rows), []);
    assert_eq!(play.post(2_002, "device-events", json!([event("p-3", json!({}))])), []);
}

#[test]
fn a_status_that_only_a_search_gives_makes_nothing_new() {
    let mut play = Play::default();
    let posted = json!([{"type": "vpn_peer_down", "id": "i", "timestamp": 1_000, "site_id": "s", "gateways": ["020000000001"]}]);
    let mut row = posted.clone();
    row[0]["status"] = json!("open");

    assert_eq!(play.post(1_001, "alarms", posted).len(), 1);
    assert_eq!(play.fetch(2_000, Fetched::Rows, "alarms", row), []);
}

#[test]
fn what_one_cloud_defines_is_known_after_a_restart_although_another_does_not() {
    let mut play = Play::default();
    let learn = |play: &mut Play, org: &str, names: &[&str]| {
        let key = |name: &&str| Definition { key: (*name).to_owned(), ..Definition::default() };
        let definitions = [(Kind::Alarm, names.iter().map(key).collect())].into();
        let lesson = Box::new(directory::Lesson { definitions, ..directory::Lesson::default() });
        play.entry(Entry::Learned { org, at: at(1), lesson });
    };
    let event =
        |kind: &str, time: i64| json!([{"type": kind, "id": kind, "site_id": "s", "timestamp": time}]);

    learn(&mut play, "acme", &["flux_down", "flux_up"]);
    let down = play.post(100, "alarms", event("flux_down", 100)).remove(0);
    learn(&mut play, "other", &["rogue_ap"]);
    play.restart();
    let up = play.post(160, "alarms", event("flux_up", 160)).remove(0);

    assert_eq!((down.state, up.state, up.duration_secs), (State::Raised, State::Cleared, Some(60)));
}
