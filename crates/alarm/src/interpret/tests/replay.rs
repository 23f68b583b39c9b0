//! The same inbox gives the same alerts, whatever happened in between.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Something that comes in.
#[derive(Clone, Debug)]
enum Come {
    Post(&'static str, Value),
    Fetch(Fetched, &'static str, Value),
    Learn(u8),
    Tick,
    Own(bool),
}

fn device(number: u8) -> String {
    format!("0200000000{number:02x}")
}

fn event() -> impl Strategy<Value = (&'static str, Value)> {
    let kinds = prop::sample::select(vec![
        ("device-updowns", "AP_DISCONNECTED"),
        ("device-updowns", "AP_CONNECTED"),
        ("device-events", "SW_PORT_DOWN"),
        ("device-events", "SW_PORT_UP"),
        ("device-events", "GW_ARP_UNRESOLVED"),
        ("device-events", "GW_ARP_RESOLVED"),
        ("alarms", "device_down"),
        ("alarms", "device_reconnected"),
        ("alarms", "bad_cable"),
        ("alarms", "rogue_ap"),
        ("audits", ""),
    ]);
    (kinds, 0..4_u8, prop::option::of(0..400_i64), any::<bool>(), 1..13_usize).prop_map(
        |((topic, kind), number, time, flag, many)| {
            let mut event = json!({"type": kind, "mac": device(number), "site_id": "s-1"});
            if let Some(time) = time {
                event["timestamp"] = json!(1_700_000_000 + time);
            }
            if flag {
                event["for_site"] = json!(true);
            }
            if topic == "alarms" {
                event["id"] = json!(format!("id-{number}"));
                event["aps"] = (0..many.min(10)).map(|n| device(n as u8)).collect();
                event["count"] = json!(many);
                if kind == "bad_cable" {
                    event["group"] = json!("marvis");
                    event["status"] = json!(if flag { "open" } else { "resolved" });
                }
            }
            (topic, event)
        },
    )
}

fn come() -> impl Strategy<Value = Come> {
    prop_oneof![
        8 => event().prop_map(|(topic, event)| Come::Post(topic, json!([event]))),
        2 => (event(), event()).prop_map(|((topic, a), (_, b))| Come::Post(topic, json!([a, b]))),
        1 => (event(), prop::sample::select(vec![Fetched::Delivery, Fetched::Rows, Fetched::Reconcile]))
            .prop_map(|((topic, event), fetched)| Come::Fetch(fetched, topic, json!([event]))),
        1 => (0..4_u8).prop_map(Come::Learn),
        2 => Just(Come::Tick),
        1 => any::<bool>().prop_map(Come::Own),
    ]
}

fn play(
    rules: &Rules,
    story: &[(Come, u16)],
    restless: bool,
) -> (Vec<String>, BTreeMap<StateKey, StateValue>) {
    let mut play = Play { restless, ..Play::with(rules.clone()) };
    let mut now = 1_700_000_000;
    let mut told = Vec::new();
    for (come, wait) in story {
        now += i64::from(*wait);
        let alerts = match come {
            Come::Post(topic, events) => play.post(now, topic, events.clone()),
            Come::Fetch(fetched, topic, events) => play.fetch(now, *fetched, topic, events.clone()),
            Come::Learn(number) => {
                let device = directory::Device { name: format!("d-{number}"), ..Default::default() };
                let devices = [(device_mac(*number), Some(device))].into();
                let lesson = Box::new(directory::Lesson { devices, ..Default::default() });
                play.entry(Entry::Learned { org: "acme", at: at(now), lesson }).alerts
            }
            Come::Tick => play.tick(now),
            Come::Own(raised) => {
                let state = if *raised { State::Raised } else { State::Cleared };
                let (kind, resource) = (OwnKind::SinkBehind, "noc".to_owned());
                let own = Own {
                    kind,
                    resource,
                    state,
                    text: "t".into(),
                    count: 0,
                    severity: None,
                    duration_secs: None,
                };
                play.entry(Entry::Own { at: at(now), own }).alerts
            }
        };
        told.extend(alerts.iter().map(|alert| serde_json::to_string(alert).unwrap()));
    }
    (told, play.state)
}

fn device_mac(number: u8) -> Mac {
    device(number).parse().unwrap()
}

fn rules() -> Rules {
    let about = |kind: &str| About { types: vec![kind.to_owned()], ..About::default() };
    Rules {
        dampings: vec![
            DampingRule {
                about: about("SW_PORT_DOWN"),
                flapping: Some((3, Duration::from_secs(300))),
                hold_down: None,
            },
            DampingRule {
                about: about("AP_DISCONNECTED"),
                hold_down: Some(Duration::from_secs(60)),
                flapping: None,
            },
        ],
        windows: vec![Window {
            name: "w".into(),
            about: About { devices: vec![device(1)], ..About::default() },
            from: at(1_700_000_100),
            until: at(1_700_001_000),
        }],
        expire_after: Duration::from_secs(3600),
        max_open: 6,
        repeats: [120, 600].into(),
        ..Rules::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_same_inbox_gives_the_same_alerts_byte_for_byte(
        story in prop::collection::vec((come(), 0..300_u16), 1..60),
        restart in any::<bool>(),
    ) {
        let rules = if restart { rules() } else { Rules::default() };
        let (once, state) = play(&rules, &story, false);
        let (again, again_state) = play(&rules, &story, false);
        let (restless, restless_state) = play(&rules, &story, true);

        prop_assert_eq!(&once, &again);
        prop_assert_eq!(&once, &restless, "a kill between any two entries changes nothing");
        // when a row that nothing asks for any more is forgotten may differ
        let lasting = |state: &BTreeMap<StateKey, StateValue>| -> Vec<(StateKey, StateValue)> {
            state.clone().into_iter().filter(|(key, _)| !key.starts_with(b"seen")).collect()
        };
        prop_assert!(state == again_state);
        prop_assert!(lasting(&state) == lasting(&restless_state));
    }

    #[test]
    fn every_raise_that_is_told_is_over_in_the_end(
        story in prop::collection::vec((come(), 0..300_u16), 1..60),
    ) {
        let mut story = story;
        // nothing is heard for two hours, and time passes
        story.push((Come::Tick, 0));
        let rules = rules();
        let mut long: Vec<(Come, u16)> = story;
        long.extend((0..6).map(|_| (Come::Tick, 3_601)));
        let (told, state) = play(&rules, &long, false);
        let mut open = std::collections::BTreeSet::new();
        for alert in told {
            let alert: Alert = serde_json::from_str(&alert).unwrap();
            match alert.state {
                _ if alert.is_own() => {}
                State::Raised => { open.insert(alert.key); }
                State::Cleared => { open.remove(&alert.key); }
                State::Event => {}
            }
        }
        prop_assert!(open.is_empty(), "still red: {open:?}");
        let rows = |prefix: &[u8]| -> std::collections::BTreeSet<Vec<u8>> {
            state.keys().filter_map(|key| key.strip_prefix(prefix)).map(<[u8]>::to_vec).collect()
        };
        prop_assert!(rows(b"open/").len() <= 6);
        for of_a_problem in [rows(b"raise/"), rows(b"forms/")] {
            prop_assert!(of_a_problem.is_subset(&rows(b"open/")), "a row of no problem is left");
        }
    }
}
