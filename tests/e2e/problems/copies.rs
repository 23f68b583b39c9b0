//! What comes twice: by two subscriptions, written in another way, and what only looks like it.

use serde_json::{Value, json};

use super::scene::{Kill, Post, Restart, Step, Told, ends, now, play};

/// The same event by the webhook of the organisation and by that of the site.
fn twice(event: &Value) -> [Step; 2] {
    let by = |for_site: bool| {
        let mut event = event.clone();
        event["for_site"] = json!(for_site);
        Post("alarms", event)
    };
    [by(false), by(true)]
}

#[test]
fn what_organisation_and_site_both_post_is_told_once_and_said_once() {
    let start = now();
    let alarm = |n: i64| {
        json!({"type": "rogue_ap", "id": format!("id-{n}"), "org_id": "o", "site_id": "s-1", "site_name": "Lisboa",
               "severity": "critical", "group": "security", "bssids": ["020000000009"], "timestamp": start + n})
    };
    let mut steps: Vec<Step> = Vec::new();
    for n in 0..3 {
        steps.extend(twice(&alarm(n)));
        steps.push(if n == 0 { Kill } else { Restart });
    }

    let told = play(steps);

    let types: Vec<_> = told.iter().map(|told| (told.is("type"), told.is("topic"))).collect();
    assert_eq!(
        types,
        [
            ("rogue_ap", "alarms"),
            ("double_subscription", "relay"),
            ("rogue_ap", "alarms"),
            ("rogue_ap", "alarms"),
        ]
    );
    let said = told[1].is("reason");
    assert!(said.contains("Lisboa") && said.contains("alarms"), "{said}");
    assert_eq!((told[1].notification, told[1].is("severity"), told[1].is("state")), (3, "warning", "event"));
}

#[test]
fn a_body_posted_again_is_no_new_fact_however_it_is_written() {
    let start = now();
    let event = json!({"type": "device_restarted", "id": "i", "site_id": "s-1", "aps": ["020000000001"], "count": 1,
                       "hostnames": ["ap-1"], "timestamp": start});
    let mut other = event.clone();
    other["id"] = json!("another");
    let moved: Value = {
        let fields = event.as_object().unwrap().iter().rev();
        fields.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
    };

    let told = play(vec![
        Post("alarms", event.clone()),
        Post("alarms", moved),
        Kill,
        Post("alarms", event),
        Post("alarms", other),
    ]);

    let ids: Vec<_> = told.iter().map(|told| (told.is("type"), told.is("key"))).collect();
    assert_eq!(ids.len(), 2, "{told:#?}");
    assert_eq!(ids[0], ids[1], "two facts about one thing");
    assert_ne!(told[0].is("id"), told[1].is("id"));
}

#[test]
fn down_up_down_in_identical_bodies_without_times_is_three_alerts() {
    let body = |kind: &str| json!({"type": kind, "org_id": "o", "mac": "02017b42b21c", "model": "SSR"});
    let (down, up) = (body("GW_CONDUCTOR_DISCONNECTED"), body("GW_CONDUCTOR_CONNECTED"));

    let told = play(vec![
        Post("device-events", down.clone()),
        // copies that come at once
        Post("device-events", down.clone()),
        Kill,
        Post("device-events", up.clone()),
        Post("device-events", up),
        Restart,
        Post("device-events", down),
    ]);

    let states: Vec<_> =
        told.iter().map(|told| (told.is("state"), told.is("type"), told.is("count"))).collect();
    assert_eq!(
        states,
        [
            ("raised", "GW_CONDUCTOR_DISCONNECTED", "1"),
            ("cleared", "GW_CONDUCTOR_CONNECTED", "1"),
            ("raised", "GW_CONDUCTOR_DISCONNECTED", "1"),
        ]
    );
    ends(&told[0], &told[1]);
    assert_eq!(told[0].is("key"), told[2].is("key"));
    assert_ne!(told[0].is("id"), told[2].is("id"), "the second time is another alert");
    assert!(told[1].is("duration").parse::<u64>().is_ok(), "{:?}", told[1]);
    assert!(told.iter().all(|one: &Told| one.is("device_type") == "gateway"));
}
