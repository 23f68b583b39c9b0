use super::*;

fn meaning(topic: &str, name: &str) -> (String, Role) {
    let catalogue = Catalogue::bundled();
    let meaning = catalogue.meaning(&Topic::new(topic), name);
    (meaning.class.into(), meaning.role)
}

#[test]
fn a_device_that_is_down_is_one_problem_by_whichever_topic_it_is_told() {
    for (topic, raise, clear) in [
        ("alarms", "device_down", "device_reconnected"),
        ("alarms", "switch_down", "switch_reconnected"),
        ("alarms", "gateway_down", "gateway_reconnected"),
        ("device-updowns", "AP_DISCONNECTED", "AP_CONNECTED"),
        ("device-events", "SW_DISCONNECTED", "SW_CONNECTED"),
        ("device-events", "GW_DISCONNECTED", "GW_CONNECTED"),
    ] {
        assert_eq!(meaning(topic, raise), ("device_down".into(), Role::Raises), "{raise}");
        assert_eq!(meaning(topic, clear), ("device_down".into(), Role::Clears), "{clear}");
    }
}

#[test]
fn similar_names_are_told_apart() {
    assert_eq!(meaning("alarms", "gw_vpn_path_down"), ("gw_vpn_path_down".into(), Role::Raises));
    assert_eq!(meaning("alarms", "vpn_path_down"), ("vpn_path_down".into(), Role::Tells));
    assert_eq!(meaning("alarms", "vpn_peer_up"), ("vpn_peer_down".into(), Role::Clears));
    assert_eq!(meaning("device-events", "GW_VPN_PEER_DOWN"), ("gw_vpn_peer_down".into(), Role::Raises));
}

#[test]
fn a_type_is_found_in_any_case_and_under_its_other_names() {
    let catalogue = Catalogue::bundled();
    for (name, key) in [
        ("MISSING_VLAN", "missing_vlan"),
        ("rogue-ap-detected", "rogue_ap"),
        ("HEALTH_CHECK", "health_check_failed"),
    ] {
        assert_eq!(catalogue.definition(Kind::Alarm, name).unwrap().key, key);
        assert!(catalogue.knows(name));
    }
    assert!(!catalogue.knows("device_dwon"));
}

#[test]
fn what_the_api_tells_is_paired_by_opposite_endings() {
    let mut catalogue = Catalogue::bundled();
    let define = |catalogue: &mut Catalogue, key: &str| {
        catalogue.define(Kind::Alarm, Definition { key: key.into(), ..Definition::default() });
    };
    define(&mut catalogue, "gw_flux_up");
    assert_eq!(catalogue.meaning(&Topic::Alarms, "gw_flux_up").role, Role::Tells);
    define(&mut catalogue, "gw_flux_down");

    let (down, up) =
        (catalogue.meaning(&Topic::Alarms, "gw_flux_down"), catalogue.meaning(&Topic::Alarms, "gw_flux_up"));
    assert_eq!((down.role, up.role), (Role::Raises, Role::Clears));
    assert_eq!(down.class, up.class);
}

#[test]
fn the_resource_follows_from_the_definition() {
    let catalogue = Catalogue::bundled();
    for (name, resource) in [
        ("device_down", Resource::Device),
        ("vc_master_changed", Resource::Device),
        ("infra_dhcp_failure", Resource::Site),
        ("rogue_ap", Resource::Site),
        ("excessive_client", Resource::Site),
        ("never_seen", Resource::Unknown),
    ] {
        assert_eq!(catalogue.meaning(&Topic::Alarms, name).resource, resource, "{name}");
    }
}

#[test]
fn a_sub_key_is_read_from_its_field_or_from_the_text() {
    use serde_json::json;
    let read = |topic: &str, name: &str, event: serde_json::Value| {
        let catalogue = Catalogue::bundled();
        let event = event.to_string();
        let event = serde_json::from_str(&event).unwrap();
        catalogue.meaning(&Topic::new(topic), name).sub_key.read(crate::fields::Fields(&event), None)
    };
    let bgp = json!({"reasons": ["BGP neighbor 198.51.100.1 down"]});

    assert_eq!(read("alarms", "gw_bgp_neighbor_down", bgp), "198.51.100.1");
    assert_eq!(read("device-events", "SW_PORT_DOWN", json!({"port_id": "ge-0/0/1"})), "ge-0/0/1");
    assert_eq!(read("device-events", "SW_PORT_DOWN", json!({"port_ids": ["a", "b"]})), "");
    assert_eq!(read("mxedge-events", "ME_SERVICE_CRASHED", json!({"service": "tunterm"})), "tunterm");
    assert_eq!(read("device-events", "AP_DISCONNECTED", json!({"text": "neighbor x"})), "");
}

#[test]
fn every_bundled_pair_begins_and_ends_the_same_class() {
    let catalogue = Catalogue::bundled();
    let rows: Vec<serde_json::Value> =
        [include_str!("../../data/event_pairs.json"), include_str!("../../data/alarm_pairs.json")]
            .into_iter()
            .flat_map(|text| serde_json::from_str::<Vec<_>>(text).unwrap())
            .collect();
    assert!(rows.len() > 80);
    for row in rows {
        let names = |list: &str| -> Vec<String> {
            row[list].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        let pair = |name: &str| catalogue.pairs.find(&normal(name)).unwrap().clone();
        let class = pair(&names("raise")[0]).class;
        for name in names("raise") {
            assert_eq!((pair(&name).role, &pair(&name).class), (Role::Raises, &class), "{name}");
        }
        for name in names("clear") {
            assert_eq!((pair(&name).role, &pair(&name).class), (Role::Clears, &class), "{name}");
        }
    }
}
