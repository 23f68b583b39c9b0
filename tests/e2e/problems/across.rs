//! A device that goes down is one problem, by whichever topics it is told.

use serde_json::{Value, json};

use super::scene::{Kill, Post, Restart, ends, now, play};

fn updown(kind: &str, time: i64) -> Value {
    json!({"type": kind, "mac": MAC, "device_type": "switch", "device_name": "sw-1", "site_id": SITE,
           "site_name": "Lisboa", "org_id": ORG, "timestamp": time})
}

/// The same fact as an alarm, which knows neither the site's name nor the device's type.
fn alarm(kind: &str, time: i64) -> Value {
    json!({"type": kind, "id": format!("{kind} {time}"), "org_id": ORG, "site_id": SITE, "switches": [MAC],
           "hostnames": ["sw-1"], "severity": "warn", "group": "infrastructure", "count": 1, "timestamp": time})
}

#[test]
fn a_switch_that_goes_down_and_comes_back_is_one_problem_through_kills_copies_and_late_messages() {
    let start = now();
    let down = updown("SW_DISCONNECTED", start);
    // of an event the site of the device is not known
    let up = json!({"type": "SW_CONNECTED", "mac": MAC, "org_id": ORG, "timestamp": start + 300});
    let before = json!({"type": "SW_CONNECTED", "mac": MAC, "org_id": ORG, "timestamp": start - 60});

    let told = play(vec![
        Post("device-updowns", down.clone()),
        Kill,
        Post("device-updowns", down.clone()),
        Post("alarms", alarm("switch_down", start + 5)),
        Kill,
        Post("device-events", before),
        Restart,
        Post("device-events", up.clone()),
        Kill,
        Post("device-updowns", down),
        Post("device-events", up),
        Post("device-updowns", updown("SW_DISCONNECTED", start + 100)),
        Post("alarms", alarm("switch_reconnected", start + 302)),
    ]);

    let short: Vec<_> = told.iter().map(|told| told.short()).collect();
    assert_eq!(
        short,
        [
            ["raised", "SW_DISCONNECTED", "1", ""],
            ["raised", "switch_down", "2", ""],
            // it was up before it went down
            ["event", "SW_CONNECTED", "1", ""],
            ["cleared", "SW_CONNECTED", "2", "300"],
            ["event", "SW_DISCONNECTED", "1", ""],
            ["cleared", "switch_reconnected", "2", "302"],
        ]
    );
    assert!(told.iter().all(|one| one.is("key") == told[0].is("key")), "{told:#?}");
    ends(&told[0], &told[3]);
    ends(&told[1], &told[5]);
    let numbers: Vec<_> = told.iter().map(|told| (told.notification, told.perceived)).collect();
    assert_eq!(numbers, [(8, 3), (8, 3), (3, 2), (9, 1), (3, 3), (9, 1)]);
    assert_eq!((told[3].is("site"), told[3].is("device")), ("Lisboa", "sw-1"));
}

#[test]
fn an_alarm_about_three_access_points_ends_one_by_one() {
    let start = now();
    let macs = ["020000000011", "020000000012", "020000000013"];
    let down = json!({"type": "device_down", "id": "i", "org_id": ORG, "site_id": SITE, "aps": macs,
                      "hostnames": ["ap-1", "ap-2", "ap-3"], "severity": "warn", "group": "infrastructure",
                      "count": 3, "timestamp": start});
    let up = |n: usize| json!({"type": "AP_CONNECTED", "ap": macs[n], "org_id": ORG, "site_id": SITE, "timestamp": start + 60 * n as i64});

    let told = play(vec![
        Post("alarms", down),
        Kill,
        Post("device-updowns", up(1)),
        Restart,
        Post("device-events", up(2)),
        Post("device-events", up(0)),
    ]);

    let short: Vec<_> = told.iter().map(|told| (told.is("device"), told.short())).collect();
    assert_eq!(
        short,
        [
            ("ap-1", ["raised", "device_down", "1", ""]),
            ("ap-2", ["raised", "device_down", "1", ""]),
            ("ap-3", ["raised", "device_down", "1", ""]),
            ("ap-2", ["cleared", "AP_CONNECTED", "1", "60"]),
            ("ap-3", ["cleared", "AP_CONNECTED", "1", "120"]),
            ("ap-1", ["cleared", "AP_CONNECTED", "1", "0"]),
        ]
    );
    for (raise, clear) in [(0, 5), (1, 3), (2, 4)] {
        ends(&told[raise], &told[clear]);
    }
    assert!(told[0].is("key") != told[1].is("key") && told[1].is("key") != told[2].is("key"));
    assert!(told.iter().take(3).all(|told| (told.notification, told.perceived) == (8, 5)));
}

const ORG: &str = "0a0a0a0a-0000-4000-8000-000000000001";
const SITE: &str = "51515151-0000-4000-8000-000000000002";
const MAC: &str = "020000000001";
