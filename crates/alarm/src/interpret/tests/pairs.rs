//! Every pair of the tables: raise, then clear, whatever happens in between.

use serde_json::{Value, json};

use super::*;

struct Pair {
    topic: &'static str,
    raise: String,
    clear: String,
    sub_key: String,
}

fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (alarms, text) in [
        (false, include_str!("../../../data/event_pairs.json")),
        (true, include_str!("../../../data/alarm_pairs.json")),
    ] {
        let rows: Vec<Value> = serde_json::from_str(text).unwrap();
        for row in rows {
            let names = |list: &str| -> Vec<String> {
                row[list].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
            };
            for raise in names("raise") {
                for clear in names("clear") {
                    let topic = match &raise {
                        _ if alarms => "alarms",
                        raise if raise.starts_with("ME_") || raise.starts_with("TT_") => "mxedge-events",
                        _ => "device-events",
                    };
                    let sub_key = row["sub_key"].as_str().unwrap_or_default().to_owned();
                    pairs.push(Pair { topic, raise: raise.clone(), clear, sub_key });
                }
            }
        }
    }
    pairs
}

impl Pair {
    fn event(&self, kind: &str, sub: &str, time: i64) -> Value {
        let mut event = json!({"type": kind, "org_id": "o", "site_id": "s-1", "timestamp": time});
        match self.topic {
            "alarms" => {
                event["id"] = json!(format!("{kind}-{time}"));
                event["aps"] = json!(["020000000001"]);
                event["hostnames"] = json!(["d-1"]);
            }
            "mxedge-events" => event["mxedge_id"] = json!("edge-1"),
            _ => event["mac"] = json!("020000000001"),
        }
        match self.sub_key.split_once(':') {
            Some((_, word)) => event["text"] = json!(format!("{kind}: {word} {sub}, something happened")),
            None if self.sub_key.is_empty() => {}
            None => event[&self.sub_key] = json!(sub),
        }
        event
    }
}

#[test]
fn every_pair_is_two_notifications_with_one_key_and_the_same_objects() {
    let pairs = pairs();
    assert!(pairs.len() > 90, "{}", pairs.len());
    for pair in pairs {
        for restless in [false, true] {
            let mut play = Play { restless, ..Play::default() };
            let (raise, clear) =
                (pair.event(&pair.raise, "x-1", 1_000), pair.event(&pair.clear, "x-1", 1_300));
            let name = format!("{} {}", pair.raise, pair.clear);

            let raised = play.post(1_002, pair.topic, json!([raise]));
            // the copy of the site's subscription, a late end of an earlier one, and another resource in between
            let mut copy = raise.clone();
            copy["for_site"] = json!(true);
            let copy = play.post(1_003, pair.topic, json!([copy]));
            let late = play.post(1_004, pair.topic, json!([pair.event(&pair.clear, "x-1", 900)]));
            if !pair.sub_key.is_empty() {
                let other = play.post(1_005, pair.topic, json!([pair.event(&pair.raise, "x-2", 1_001)]));
                assert_ne!(other[0].key, raised[0].key, "{name}");
            }
            let cleared = play.post(1_302, pair.topic, json!([clear.clone()]));
            let again = play.post(1_303, pair.topic, json!([clear]));

            let ([raised], [cleared]) = (raised.as_slice(), cleared.as_slice()) else { panic!("{name}") };
            assert!(copy.iter().all(|alert| alert.kind == "double_subscription"), "{name}: {copy:?}");
            assert!(late.iter().all(|alert| alert.state == State::Event), "{name}: {late:?}");
            assert!(again.is_empty(), "{name}");
            assert_eq!((raised.state, cleared.state), (State::Raised, State::Cleared), "{name}");
            assert_eq!(raised.key, cleared.key, "{name}");
            assert_ne!(raised.id, cleared.id, "{name}");
            assert_eq!((cleared.first_seen, cleared.last_seen), (at(1_000), at(1_300)), "{name}");
            assert_eq!((cleared.count, cleared.duration_secs), (1, Some(300)), "{name}");
            assert_eq!(raised.duration_secs, None);
            let objects =
                |it: &Alert| [&it.device, &it.site_id, &it.device_type, &it.port].map(|text| text.clone());
            assert_eq!(objects(raised), objects(cleared), "{name}");
            assert_eq!((raised.mac, raised.severity), (cleared.mac, cleared.severity), "{name}");
            assert_eq!(cleared.raised_as[0].kind, pair.raise, "{name}");
        }
    }
}

#[test]
fn down_up_down_without_times_is_three_alerts_and_a_copy_is_none() {
    let mut play = Play::default();
    let down = json!([{"type": "GW_DISCONNECTED", "mac": "020000000001"}]);
    let up = json!([{"type": "GW_CONNECTED", "mac": "020000000001"}]);

    let told: Vec<_> = [(1, &down), (2, &down), (10, &up), (11, &up), (20, &down)]
        .into_iter()
        .flat_map(|(secs, events)| play.post(1_700_000_000 + secs, "device-updowns", events.clone()))
        .collect();

    let states: Vec<_> = told.iter().map(|alert| alert.state).collect();
    assert_eq!(states, [State::Raised, State::Cleared, State::Raised]);
    assert!(told[0].id != told[2].id && told[0].key == told[2].key);
    // behind a minute it is not the same any more, and is told with its count
    let later = play.post(1_700_000_000 + 90, "device-updowns", down);
    assert_eq!((later[0].state, later[0].count), (State::Raised, 2));
}

#[test]
fn a_device_is_one_problem_by_whichever_topic_it_is_told() {
    let mut play = Play::default();
    let alarm = |kind: &str, time: i64| json!([{"type": kind, "timestamp": time, "id": "i", "site_id": "s-1", "switches": ["020000000001"], "hostnames": ["sw-1"]}]);

    let first = play.post(1_001, "device-updowns", json!([{"type": "SW_DISCONNECTED", "mac": "02:00:00:00:00:01", "site_id": "s-1", "timestamp": 1_000}])).remove(0);
    let second = play.post(1_010, "alarms", alarm("switch_down", 1_005)).remove(0);
    let end = play
        .post(
            1_100,
            "device-events",
            json!([{"type": "SW_CONNECTED", "mac": "020000000001", "timestamp": 1_090.5}]),
        )
        .remove(0);
    let again = play.post(1_101, "alarms", alarm("switch_reconnected", 1_092)).remove(0);

    assert!([&second, &end, &again].iter().all(|alert| alert.key == first.key));
    assert_eq!((first.count, second.count, end.count), (1, 2, 2));
    let forms: Vec<_> = end.raised_as.iter().map(|form| (form.topic.as_str(), form.kind.as_str())).collect();
    assert_eq!(forms, [("device-updowns", "SW_DISCONNECTED"), ("alarms", "switch_down")]);
    assert_eq!((second.state, end.state, again.state), (State::Raised, State::Cleared, State::Cleared));
    assert_eq!((end.device.as_str(), end.site_id.as_str(), end.duration_secs), ("sw-1", "s-1", Some(90)));
    assert_eq!(first.severity, Severity::Critical, "a switch carries others");
}
