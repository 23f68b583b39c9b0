//! Rules of safety: breaking one would bind, cut off or overwrite.

use super::*;

#[test]
fn a_router_that_is_connected_without_onboarding_is_refused_and_nothing_overrides_it() {
    for (status, mode) in [("running", None), ("connected", Some("disabled")), ("a word of tomorrow", None)] {
        let mut world = World::new(1);
        world.asset(0, status);
        if let Some(mode) = mode {
            world.set_mode(0, mode);
        }
        world.options.replace_identity.insert(name("store-0"));
        world.options.reassign.insert(name("store-0"));
        (world.options.create_routers, world.options.allow_offline) = (true, true);
        world.options.danger_allow_weak = true;
        assert!(matches!(world.refusal(), Refusal::LegacyLive { .. }), "{status}");
    }
    // known by its connection alone
    let mut world = World::new(1);
    world.observed.conductor.connected.insert(name("store-0"));
    assert!(matches!(world.refusal(), Refusal::LegacyLive { .. }));
    // known by an asset of a node that the input does not name
    let mut world = World::new(2);
    world.running[0]["node"] =
        json!([{"name": "node0", "asset-id": "A0"}, {"name": "node1", "asset-id": "A7"}]);
    world.asset(1, "running");
    let asset = world.observed.conductor.assets.remove(&asset_id(1)).unwrap();
    world.observed.conductor.assets.insert(name("A7"), Asset { router: None, node: None, ..asset });
    assert!(matches!(world.refusal(), Refusal::LegacyLive { .. }));
    // its asset is live under another router without a mode, while its own router has one
    let mut world = World::new(2);
    world.set_mode(0, "strong");
    world.asset(1, "running");
    let asset = world.observed.conductor.assets.remove(&asset_id(1)).unwrap();
    world.observed.conductor.assets.insert(asset_id(0), asset);
    assert!(matches!(world.refusal(), Refusal::LegacyLive { .. }));
}

#[test]
fn the_first_mode_of_a_conductor_needs_the_number_of_those_it_cuts_off() {
    let mut world = World::new(3);
    world.running.pop();
    world.asset(1, "running");
    world.asset(2, "disconnected");

    let plan = world.plan();

    assert_eq!(plan.steps().count(), 2, "store-1 is live");
    assert_eq!(plan.cutoff(), Some(LegacyCutoff { routers: 1 }));
    assert!(plan.flags().contains(&Flag::LegacyCutoff { routers: 1 }));
    let text = plan.flags().iter().map(ToString::to_string).collect::<String>();
    assert!(text.contains("4505 and 4506") && text.contains("--accept-legacy-cutoff=1"), "{text}");
}

#[test]
fn a_mode_is_never_lowered_and_weak_needs_its_flag() {
    let mut world = World::new(1);
    world.requests[0].mode = Mode::Weak;
    assert_eq!(world.refusal(), Refusal::Weak);
    world.options.danger_allow_weak = true;
    assert_eq!(world.plan().steps().count(), 1);
    world.set_mode(0, "strong");
    assert_eq!(world.refusal(), Refusal::LowersMode { found: Mode::Strong, wanted: Mode::Weak });
    world.set_mode(0, "psk-only");
    assert_eq!(world.refusal(), Refusal::UnknownMode);
    world.requests[0].mode = Mode::Strong;
    world.set_mode(0, "weak");
    world.asset(0, "running");
    assert_eq!(world.refusal(), Refusal::LiveModeChange { found: Mode::Weak, wanted: Mode::Strong });
}

#[test]
fn an_identity_is_never_overwritten_unless_its_router_is_named_and_not_connected() {
    let mut world = World::new(1);
    let other = keys(2).remove(1);
    world.set_key(0, &other);
    let wanted = world.key(0).fingerprint();
    let refused =
        |connected| Refusal::OtherKey { node: name("node0"), found: other.fingerprint(), wanted, connected };
    assert_eq!(world.refusal(), refused(false));
    let text = world.refusal().to_string();
    assert!(
        text.contains(&format!("{wanted:.16}")) && text.contains(&format!("{:.16}", other.fingerprint())),
        "{text}"
    );

    world.options.replace_identity.insert(name("store-9"));
    assert_eq!(world.refusal(), refused(false));
    world.options.replace_identity.insert(name("store-0"));
    world.set_mode(0, "strong");
    world.asset(0, "synchronizing");
    assert_eq!(world.refusal(), refused(true));
    world.asset(0, "disconnected");
    assert!(matches!(&steps(&world.plan()).changes[..], [Change::EndorsementKey { .. }]));

    // what is there and cannot be read is an identity too
    world.options.replace_identity.clear();
    world.running[0]["node"][0]["secure-conductor-onboarding"] = json!({"endorsement-key": "(removed)"});
    assert!(matches!(world.refusal(), Refusal::OtherKey { .. }));
}

#[test]
fn an_asset_id_is_never_overwritten_and_never_taken_from_another() {
    let mut world = World::new(1);
    world.running[0]["node"][0]["asset-id"] = json!("A9");
    assert_eq!(
        world.refusal(),
        Refusal::OtherAssetId { node: name("node0"), found: "A9".into(), wanted: asset_id(0) }
    );
    world.running[0]["node"][0]["asset-id"] = json!("what is this");
    assert!(matches!(world.refusal(), Refusal::OtherAssetId { .. }));

    let mut world = World::new(1);
    world.running[0]["node"][0] = json!({"name": "node0"});
    world.running[1]["node"] = json!([{"name": "node0", "asset-id": "A0"}]);
    let taken = Refusal::AssetIdTaken { asset_id: asset_id(0), router: name("old"), node: name("node0") };
    assert_eq!(world.refusal(), taken);
    world.options.replace_identity.insert(name("store-0"));
    assert_eq!(world.refusal(), taken);
    world.running[1] = json!({"name": "old"});
    world.observed.conductor.duplicate_assets.insert(asset_id(0));
    assert_eq!(world.refusal(), Refusal::DuplicateAsset { asset_id: asset_id(0) });
}

#[test]
fn what_mist_returned_and_is_no_good_key_is_refused() {
    let mut world = World::new(1);
    let good = world.key(0).to_base64();
    let certificate = include_str!("../../../tests/fixtures/pki/server.crt");
    for text in ["string", &good[..good.len() - 4], certificate, "eyJhbGciOiJSUzI1NiJ9.e30.AA", ""] {
        world.export(0, text);
        assert!(matches!(world.refusal(), Refusal::BadKey { .. }), "{text}");
    }
    world.observed.exports.insert(mac(0), Exported::Ambiguous);
    assert_eq!(world.refusal(), Refusal::AmbiguousKey { mac: mac(0) });
    world.observed.exports.insert(mac(0), Exported::Missing);
    assert_eq!(world.refusal(), Refusal::NoKey { mac: mac(0) });
    world.observed.exports.clear();
    assert_eq!(world.refusal(), Refusal::NoKey { mac: mac(0) });
}

#[test]
fn one_key_is_never_given_to_two_routers() {
    let mut world = World::new(3);
    let text = world.key(0).to_base64();
    world.export(1, &text);
    let plan = world.plan();
    let refused =
        |router: &PlannedRouter| matches!(router.outcome, RouterOutcome::Refused(Refusal::SharedKey { .. }));
    assert_eq!(plan.routers().iter().map(refused).collect::<Vec<_>>(), [true, true, false]);

    // nor when the other one has it already
    let mut world = World::new(1);
    let key = world.key(0);
    world.running[1]["node"] =
        json!([{"name": "node0", "secure-conductor-onboarding": {"endorsement-key": key.to_base64()}}]);
    assert!(matches!(world.refusal(), Refusal::SharedKey { .. }));
}

#[test]
fn a_key_that_somebody_else_read_must_be_the_same() {
    let mut world = World::new(1);
    world.requests[0].nodes[0].ek = Some(world.key(0));
    let plan = world.plan();
    assert_eq!(
        plan.routers()[0].basis.nodes[&name::<NodeName>("node0")].confirmation,
        Confirmation::Confirmed
    );

    let other = keys(2).remove(1);
    world.requests[0].nodes[0].ek = Some(other.clone());
    let (mist, given) = (world.key(0).fingerprint(), other.fingerprint());
    assert_eq!(world.refusal(), Refusal::KeyNotConfirmed { mac: mac(0), mist, given });
}

#[test]
fn a_router_that_is_not_there_is_made_only_when_asked_for() {
    let mut world = World::new(1);
    world.running.remove(0);
    assert_eq!(world.refusal(), Refusal::NoRouter);
    world.options.create_routers = true;
    let plan = world.plan();
    let changes: Vec<String> = plan.changes().map(ToString::to_string).collect();
    assert_eq!(
        changes[..3],
        ["create router store-0", "create node node0 of store-0", "asset id A0 of store-0 node0"]
    );
    assert_eq!(changes.len(), 5);

    let mut world = World::new(1);
    world.running[0]["node"] = json!([{"name": "node1"}]);
    assert_eq!(world.refusal(), Refusal::NoNode { node: name("node0") });
}

#[test]
fn a_device_at_another_site_is_refused_and_one_at_its_site_only_assigned_again_when_named() {
    let mut world = World::new(1);
    world.device(0, |device| device.site = Some(site(7)));
    world.options.reassign.insert(name("store-0"));
    assert_eq!(world.refusal(), Refusal::OtherSite { mac: mac(0), found: site(7) });

    world.device(0, |device| device.site = Some(site(0)));
    let plan = world.plan();
    assert_eq!((&steps(&plan).unassign[..], &steps(&plan).assign[..]), (&[mac(0)][..], &[mac(0)][..]));
    world.options.reassign.clear();
    assert_eq!(world.refusal(), Refusal::AtSite { mac: mac(0) });
}

#[test]
fn a_router_in_the_middle_of_it_is_not_assigned_again() {
    let mut world = World::onboarded();
    world.asset(0, "synchronizing");
    let status = "synchronizing".into();
    assert_eq!(world.refusal(), Refusal::InProgress { asset_id: asset_id(0), status });
    world.options.reassign.insert(name("store-0"));
    assert_eq!(world.refusal(), Refusal::LiveReassign { asset_id: asset_id(0) });
}

#[test]
fn a_live_router_without_a_site_is_not_onboarded_once_more() {
    let mut world = World::onboarded();
    world.device(0, |device| device.site = None);
    world.options.reassign.insert(name("store-0"));
    assert_eq!(world.refusal(), Refusal::LiveUnassigned { asset_id: asset_id(0), status: "running".into() });
}

#[test]
fn a_device_that_is_not_connected_is_waited_for() {
    for connected in [Some(false), None] {
        let mut world = World::new(1);
        world.device(0, |device| device.connected = connected);
        let plan = world.plan();
        assert_eq!(plan.routers()[0].outcome, RouterOutcome::WaitingForDevice(vec![mac(0)]));
        assert!(plan.is_empty() && plan.queues().is_empty() && plan.changes().count() == 0);
        world.options.allow_offline = true;
        assert_eq!(world.plan().steps().count(), 1);
    }
}

#[test]
fn a_site_that_is_not_there_and_software_without_onboarding_are_refused() {
    let mut world = World::new(1);
    world.observed.conductor.version = "7.1.2-1r1".parse().ok();
    assert!(matches!(world.refusal(), Refusal::TooOld { .. }));
    world.observed.conductor.version = None;
    world.asset(0, "disconnected");
    world.observed.conductor.assets.values_mut().for_each(|asset| asset.version = "6.3.0-1r1".parse().ok());
    assert!(matches!(world.refusal(), Refusal::TooOld { .. }));
    world.observed.sites.clear();
    assert_eq!(world.refusal(), Refusal::NoSite { site: site(0) });
}

#[test]
fn what_a_site_holds_is_listed_each_with_its_flag() {
    let mut world = World::new(2);
    // another router of the first site that is not in the plan
    world.requests.pop();
    world.device(1, |device| device.site = Some(site(0)));
    let found = SsrState {
        conductor_hosts: vec!["192.0.2.9".into()],
        token: TokenState::Set(TokenFingerprint::of("theirs")),
        auto_upgrade: true,
    };
    world.observed.sites.insert(site(0), Site { name: "ATL".into(), ssr: found });

    let flags = world.plan().flags();

    let site = site(0);
    let expect = [
        SettingsFlag::ReplaceHosts { site, found: vec!["192.0.2.9".into()] },
        SettingsFlag::ReplaceToken { site, readable: true },
        SettingsFlag::OtherRouters { site, macs: vec![mac(1)] },
        SettingsFlag::AutoUpgrade { site },
    ];
    assert_eq!(flags, expect.into_iter().map(Flag::Settings).collect());
}

#[test]
fn somebody_elses_changes_in_the_candidate_are_told() {
    let mut world = World::new(1);
    world.plan();
    let mut other = world.running.clone();
    other.push(json!({"name": "theirs", "description": "x"}));
    world.observed.conductor.candidate = Configuration::from_json(&json!({"router": other}));

    let plan = Plan::make(&world.requests, &world.observed, &world.options);

    assert!(
        plan.routers()[0].warnings[0].contains("router theirs description"),
        "{:?}",
        plan.routers()[0].warnings
    );
    let recorded = Changes::of(plan.changes());
    let conductor = &world.observed.conductor;
    let difference = Difference::of(&conductor.running, &conductor.candidate, &recorded);
    assert!(matches!(difference, Difference::Foreign { .. }));
}
