//! Several problems of one device are told apart by what names them: a port, a neighbour, a Marvis action.

use serde_json::{Value, json};

use super::scene::{Kill, Post, Restart, Told, ends, now, play};

fn short(told: &[Told]) -> Vec<[&str; 4]> {
    told.iter().map(Told::short).collect()
}

#[test]
fn two_ports_of_one_switch_go_down_and_come_up_on_their_own() {
    let start = now();
    let port = |kind: &str, port: &str, time: i64| {
        json!({"type": kind, "mac": "020000000001", "device_type": "switch", "device_name": "sw-1", "model": "EX4100",
               "port_id": port, "text": "ifName", "site_id": "s-1", "timestamp": start + time})
    };

    let told = play(vec![
        Post("device-events", port("SW_PORT_DOWN", "ge-0/0/1", 0)),
        Post("device-events", port("SW_PORT_DOWN", "ge-0/0/2", 1)),
        Kill,
        Post("device-events", port("SW_PORT_UP", "ge-0/0/1", 40)),
        Restart,
        Post("device-events", port("SW_PORT_DOWN", "ge-0/0/1", 0)),
        Post("device-events", port("SW_PORT_UP", "ge-0/0/2", 71)),
    ]);

    assert_eq!(
        short(&told),
        [
            ["raised", "SW_PORT_DOWN", "1", ""],
            ["raised", "SW_PORT_DOWN", "1", ""],
            ["cleared", "SW_PORT_UP", "1", "40"],
            ["cleared", "SW_PORT_UP", "1", "70"],
        ]
    );
    ends(&told[0], &told[2]);
    ends(&told[1], &told[3]);
    assert_ne!(told[0].is("key"), told[1].is("key"));
    assert_eq!((told[2].is("port"), told[3].is("port")), ("ge-0/0/1", "ge-0/0/2"));
    let numbers: Vec<_> = told.iter().map(|told| (told.notification, told.perceived)).collect();
    assert_eq!(numbers, [(1, 5), (1, 5), (2, 1), (2, 1)]);
}

#[test]
fn an_alarm_about_a_neighbour_ends_with_that_neighbour() {
    let start = now();
    let alarm = |kind: &str, neighbour: &str, state: &str, time: i64| {
        json!({"type": kind, "id": format!("{kind}{neighbour}"), "site_id": "s-1", "gateways": ["020000000003"],
               "hostnames": ["gw-1"], "reasons": [format!("BGP neighbor {neighbour} {state}")], "severity": "warn",
               "group": "infrastructure", "count": 1, "timestamp": start + time})
    };
    let down = |neighbour, time| alarm("gw_bgp_neighbor_down", neighbour, "down", time);

    let told = play(vec![
        Post("alarms", down("198.51.100.1", 0)),
        Post("alarms", down("198.51.100.2", 5)),
        Restart,
        Post("alarms", down("198.51.100.1", 0)),
        Post("alarms", alarm("gw_bgp_neighbor_up", "198.51.100.1", "up", 600)),
        Kill,
        Post("alarms", down("198.51.100.1", 900)),
    ]);

    assert_eq!(
        short(&told),
        [
            ["raised", "gw_bgp_neighbor_down", "1", ""],
            ["raised", "gw_bgp_neighbor_down", "1", ""],
            ["cleared", "gw_bgp_neighbor_up", "1", "600"],
            // another one, at the same place
            ["raised", "gw_bgp_neighbor_down", "1", ""],
        ]
    );
    ends(&told[0], &told[2]);
    assert_ne!(told[0].is("key"), told[1].is("key"));
    assert_eq!(told[0].is("key"), told[3].is("key"));
    assert_ne!(told[0].is("id"), told[3].is("id"));
}

#[test]
fn a_marvis_action_is_open_until_marvis_says_that_it_is_resolved() {
    let start = now();
    let action = |status: &str, id: &str, seen: i64, count: u64| -> Value {
        json!({"type": "BAD_CABLE", "id": id, "alert_id": id, "site_id": "s-1", "site_name": "Lisboa", "group": "marvis",
               "severity": "critical", "category": "switch", "status": status, "update": status != "open",
               "count": count, "timestamp": start, "last_seen": start + seen, "details": {"status": "open"},
               "impacted_entities": [{"entity_type": "switch", "entity_mac": "020000000005", "entity_name": "sw-5",
                                      "port_id": "ge-0/0/5"}]})
    };

    let told = play(vec![
        Post("alarms", action("open", "one", 0, 1)),
        Kill,
        Post("alarms", action("open", "one", 0, 1)),
        Post("alarms", action("open", "another", 0, 1)),
        Post("alarms", action("reoccured", "one", 60, 3)),
        Restart,
        Post("alarms", action("resolved", "one", 1_200, 3)),
        Kill,
        Post("alarms", action("resolved", "one", 1_200, 3)),
    ]);

    assert_eq!(
        short(&told),
        [
            ["raised", "BAD_CABLE", "1", ""],
            ["raised", "BAD_CABLE", "1", ""],
            // an update counts what it counts, not once more
            ["raised", "BAD_CABLE", "3", ""],
            ["cleared", "BAD_CABLE", "3", "1200"],
        ]
    );
    ends(&told[0], &told[3]);
    assert_eq!(told[0].is("key"), told[2].is("key"));
    assert_ne!(told[0].is("key"), told[1].is("key"), "another action at the same port");
    let [device, port] = ["device", "port"].map(|name| told[3].is(name));
    assert_eq!((device, port, told[3].is("site")), ("sw-5", "ge-0/0/5", "Lisboa"));
    assert_eq!((told[0].notification, told[0].perceived, told[3].notification), (1, 3, 2));
}
