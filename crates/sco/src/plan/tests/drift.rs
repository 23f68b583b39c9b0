use super::*;

fn drifted(change: impl FnOnce(&mut World)) -> Vec<String> {
    let mut world = World::new(2);
    let plan = world.plan();
    change(&mut world);
    world.plan();
    let drift = plan.drift(&world.observed, &world.options.allow);
    drift
        .iter()
        .flat_map(|drift| drift.items.iter().map(|item| format!("{} {}", drift.router, item.what)))
        .collect()
}

#[test]
fn each_thing_a_router_rests_on_is_drift_of_that_router() {
    let other = keys(3).remove(2);
    assert_eq!(drifted(|_| {}), [""; 0]);
    assert_eq!(drifted(|world| world.observed.org = name("00000000-0000-4000-8000-00000000000e")).len(), 2);
    assert_eq!(drifted(|world| world.observed.conductor.pin = SpkiFingerprint::of(b"x")).len(), 2);
    assert_eq!(drifted(|world| world.set_mode(1, "weak")), ["store-1 mode"]);
    assert_eq!(drifted(|world| world.set_key(1, &other)), ["store-1 key of node0"]);
    assert_eq!(drifted(|world| world.export(0, &other.to_base64())), ["store-0 key in Mist of node0"]);
    assert_eq!(
        drifted(|world| world.running[0]["node"][0]["asset-id"] = json!("A9")),
        ["store-0 asset id of node0"]
    );
    assert_eq!(
        drifted(|world| world.device(0, |device| device.site = Some(site(1)))),
        ["store-0 assignment of node0"]
    );
    let hosts = |world: &mut World| {
        world.observed.sites.get_mut(&site(0)).unwrap().ssr.conductor_hosts = vec!["192.0.2.9".into()];
    };
    assert_eq!(drifted(hosts), ["store-0 conductor_hosts"]);
    assert_eq!(drifted(|world| drop(world.observed.sites.remove(&site(0)))), ["store-0 site"]);
}

#[test]
fn what_changes_by_itself_or_by_the_plan_is_no_drift() {
    assert_eq!(drifted(|world| world.asset(0, "disconnected")), [""; 0]);
    assert_eq!(drifted(|world| world.observed.time = at(1_900_000_000)), [""; 0]);
    assert_eq!(drifted(|world| world.device(0, |device| device.connected = Some(false))), [""; 0]);
    let changed = |world: &mut World| world.device(0, |device| device.modified = Some(at(1_900_000_000)));
    assert_eq!(drifted(changed), [""; 0]);
    let token =
        |world: &mut World| world.observed.sites.get_mut(&site(0)).unwrap().ssr.token = TokenState::Masked;
    assert_eq!(drifted(token), [""; 0]);
    let done = |world: &mut World| {
        world.set_mode(0, "strong");
        let key = world.key(0);
        world.set_key(0, &key);
        world.device(0, |device| device.site = Some(site(0)));
        world.observed.sites.get_mut(&site(0)).unwrap().ssr.conductor_hosts = vec!["192.0.2.1".into()];
    };
    assert_eq!(drifted(done), [""; 0]);
}
