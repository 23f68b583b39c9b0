use mist::Answer as _;
use serde_json::{Value, json};

use super::*;
use crate::observe::Device;
use crate::plan::tests::{World, mac, site};
use crate::token::tests::{NOW, at, certificate, good};

fn plan() -> crate::plan::Plan {
    World::new(1).plan()
}

/// The running configuration after the plan's changes.
fn running(plan: &crate::plan::Plan, change: impl FnOnce(&mut Value)) -> Configuration {
    let mut router = json!({"name": "store-0", "node": [{"name": "node0", "asset-id": "A0"}]});
    for (path, value) in Changes::of(plan.changes()).iter() {
        match path.names().last().map(|name| &**name) {
            Some("mode") => router["system"] = json!({"secure-conductor-onboarding": {"mode": value}}),
            Some(key) => router["node"][0]["secure-conductor-onboarding"] = json!({key: value}),
            None => {}
        }
    }
    change(&mut router);
    Configuration::from_json(&json!({"router": [router]}))
}

fn add_node(router: &mut Value, node: Value) {
    router["node"].as_array_mut().unwrap().push(node);
}

fn committed(plan: &crate::plan::Plan) -> Committed<'_> {
    Committed::prove(&plan.routers()[0], &running(plan, |_| {})).unwrap()
}

fn anchor() -> Anchor {
    Anchor::Certificate(certificate("ca"))
}

fn check<'a>(anchor: Option<&'a Anchor>, accepted: &'a [TokenFlag]) -> TokenCheck<'a> {
    TokenCheck { anchor, served: None, now: at(NOW), margin: Duration::from_secs(3600), accepted }
}

fn invited<'p>(plan: &'p crate::plan::Plan, asset_ids: &[&str]) -> Result<Invited<'p>, StepError> {
    let token = OnboardingToken::parse(&good(asset_ids)).unwrap();
    committed(plan).invite(token, &check(Some(&anchor()), &[]))
}

fn told(hosts: &[&str], token: TokenState) -> SsrState {
    SsrState {
        conductor_hosts: hosts.iter().map(|host| (*host).into()).collect(),
        token,
        auto_upgrade: false,
    }
}

fn ready(plan: &crate::plan::Plan) -> SiteReady<'_> {
    let invited = invited(plan, &["A0"]).unwrap();
    let state = told(&["192.0.2.1"], TokenState::Set(invited.token().fingerprint()));
    invited.site_ready(&state).unwrap()
}

fn inventory(at: Option<SiteId>) -> Inventory {
    let device = Device {
        mac: mac(0),
        serial: None,
        model: None,
        name: None,
        site: at,
        connected: Some(true),
        modified: None,
    };
    [device].into_iter().collect()
}

fn assignment(plan: &crate::plan::Plan) -> Assignment<'_> {
    let ready = ready(plan);
    let state = told(&["192.0.2.1"], TokenState::Set(ready.token()));
    ready.assignment(&state, &inventory(None)).unwrap()
}

fn outcome(answer: Value) -> mist::inventory::Outcome {
    mist::inventory::Outcome::from_json(answer).unwrap()
}

#[test]
fn a_router_is_committed_when_all_of_it_runs() {
    let plan = plan();
    assert_eq!(committed(&plan).asset_ids(), &["A0".parse().unwrap()].into());

    let missing =
        |change: fn(&mut Value)| Committed::prove(&plan.routers()[0], &running(&plan, change)).unwrap_err();
    for change in [
        (|router| router["system"] = json!({})) as fn(&mut Value),
        |router| router["system"]["secure-conductor-onboarding"]["mode"] = json!("weak"),
        |router| router["node"][0]["secure-conductor-onboarding"]["endorsement-key"] = json!("AAAA"),
        |router| router["name"] = json!("store-1"),
    ] {
        assert!(matches!(missing(change), StepError::NotCommitted { .. }));
    }
    assert_eq!(missing(|router| router["node"][0]["asset-id"] = json!("")), StepError::NoAssets);
    let second = |router: &mut Value| add_node(router, json!({"name": "node1", "role": "combo"}));
    assert_eq!(missing(second), StepError::NoAssets);
}

#[test]
fn a_router_that_was_refused_has_no_step_to_take() {
    let mut world = World::new(1);
    world.device(0, |device| device.site = Some(site(9)));
    let plan = world.plan();

    let refused = Committed::prove(&plan.routers()[0], &Configuration::default());

    assert_eq!(refused.unwrap_err(), StepError::NoSteps);
}

#[test]
fn a_token_of_another_router_is_not_taken() {
    let plan = plan();
    assert!(invited(&plan, &["A0"]).is_ok());
    for asset_ids in [&["A1"][..], &["A0", "A1"]] {
        let StepError::Token { judgement } = invited(&plan, asset_ids).unwrap_err() else {
            panic!("no judgement")
        };
        assert!(!judgement.is_usable(&[TokenFlag::Unauthenticated, TokenFlag::Unverifiable]));
    }
}

#[test]
fn a_token_nobody_vouches_for_needs_its_flag() {
    let plan = plan();
    let token = || OnboardingToken::parse(&good(&["A0"])).unwrap();

    let error = committed(&plan).invite(token(), &check(None, &[])).unwrap_err();

    assert!(error.to_string().contains("consistent, not authenticated"), "{error}");
    assert!(committed(&plan).invite(token(), &check(None, &[TokenFlag::Unauthenticated])).is_ok());
}

#[test]
fn the_token_counts_for_the_assets_that_run_and_not_for_those_of_the_input() {
    // the router has a second node that the input does not name, and the token must name it too
    let plan = plan();
    let two = running(&plan, |router| add_node(router, json!({"name": "node1", "asset-id": "A7"})));
    let prove = || Committed::prove(&plan.routers()[0], &two).unwrap();
    let token = |asset_ids: &[&str]| OnboardingToken::parse(&good(asset_ids)).unwrap();

    assert!(prove().invite(token(&["A0"]), &check(Some(&anchor()), &[])).is_err());
    assert!(prove().invite(token(&["A0", "A7"]), &check(Some(&anchor()), &[])).is_ok());
}

#[test]
fn settings_that_read_back_otherwise_stop_the_router() {
    let plan = plan();
    let theirs = TokenState::Set(TokenFingerprint::of("theirs"));
    let ours = TokenState::Set(invited(&plan, &["A0"]).unwrap().token().fingerprint());
    for (state, fine) in [
        (told(&["192.0.2.1"], ours), true),
        (told(&["192.0.2.1"], TokenState::Masked), true),
        (told(&["192.0.2.1"], theirs), false),
        (told(&["192.0.2.1"], TokenState::Absent), false),
        (told(&[], ours), false),
        (told(&["192.0.2.9"], TokenState::Masked), false),
    ] {
        assert_eq!(invited(&plan, &["A0"]).unwrap().site_ready(&state).is_ok(), fine, "{state:?}");
        // and once more right before the assignment
        assert_eq!(ready(&plan).assignment(&state, &inventory(None)).is_ok(), fine, "{state:?}");
    }
}

#[test]
fn a_device_that_got_a_site_meanwhile_is_not_assigned() {
    let plan = plan();
    for devices in [inventory(Some(site(0))), inventory(Some(site(9))), Inventory::default()] {
        let ready = ready(&plan);
        let state = told(&["192.0.2.1"], TokenState::Set(ready.token()));
        assert_eq!(ready.assignment(&state, &devices).unwrap_err(), StepError::NotUnassigned { mac: mac(0) });
    }
}

#[test]
fn mist_is_told_not_to_configure_it() {
    let plan = plan();

    let request = assignment(&plan).request();

    assert_eq!((request.mist_configured, request.no_reassign), (Some(false), true));
    assert_eq!((request.site, request.macs), (site(0), vec![mac(0)]));
}

#[test]
fn a_failure_inside_an_answer_is_a_failure() {
    let plan = plan();
    let mac = mac(0).to_string();
    let assigned = |answer| assignment(&plan).assigned(&outcome(answer), at(NOW));
    assert!(assigned(json!({"op": "assign", "success": [mac], "error": [], "reason": []})).is_ok());
    for answer in [
        json!({"op": "assign", "success": [], "error": [mac], "reason": ["already managed"]}),
        json!({"op": "assign", "success": [], "error": [], "reason": []}),
        json!({"op": "assign", "success": [mac], "error": [mac], "reason": []}),
        json!({"op": "assign", "success": ["020000000999"], "error": []}),
    ] {
        assert!(matches!(assigned(answer.clone()), Err(StepError::NotAssigned { .. })), "{answer}");
    }
}

#[test]
fn an_assignment_whose_answer_was_lost_is_judged_by_what_is_there() {
    let plan = plan();
    assert!(assignment(&plan).found_assigned(&inventory(Some(site(0))), at(NOW)).is_ok());
    for devices in [inventory(None), inventory(Some(site(9)))] {
        assert!(assignment(&plan).found_assigned(&devices, at(NOW)).is_err());
    }
}
