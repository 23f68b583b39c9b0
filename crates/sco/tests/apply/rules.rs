//! Rules of safety that only a whole run shows: breaking one would bind, cut off or overwrite.

use std::collections::BTreeSet;

use fogbell_sco::decide::{Cleanup, Health};
use fogbell_sco::plan::{PlanOptions, RouterOutcome};
use fogbell_sco::run::{
    Accepted, ApplyOptions, ApplyStop, CleanupOptions, End, RolledBack, SiteCleanup, Stop, clean_up,
    plan_rollback, roll_back,
};
use serde_json::{Value, json};
use testkit::cloud::Foreign;
use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::order::spoil;
use super::stage::{Stage, end, why};

fn no_canary() -> PlanOptions {
    PlanOptions { canary: 0, ..PlanOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_a_site_holds_already_needs_its_own_flag_and_its_own_site() {
    // the second router is not of the plan, and at the site of the first
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let mut stage = Stage::with(settings).await;
    let (site, other) = (stage.site("store-0001"), stage.site("store-0002"));
    let theirs = json!({ "conductor_hosts": ["203.0.113.9"], "conductor_token": "a.b.c",
        "auto_upgrade": { "enabled": true } });
    let cloud = stage.estate.cloud();
    cloud.set_site_setting(site, "ssr", theirs.clone()).unwrap();
    cloud.foreign(Foreign::Move(stage.place("store-0002").mac, Some(site)));
    stage.requests.truncate(1);
    let stage = stage.plan_again(&no_canary()).await;
    let all = || Accepted {
        replace_hosts: [site].into(),
        replace_token: [site].into(),
        other_routers: [site].into(),
        auto_upgrade: [site].into(),
    };
    let elsewhere = BTreeSet::from([other]);
    let cases = [
        (Accepted { replace_hosts: elsewhere.clone(), ..all() }, "--replace-hosts"),
        (Accepted { replace_token: elsewhere.clone(), ..all() }, "--replace-token"),
        (Accepted { other_routers: elsewhere.clone(), ..all() }, "--accept-other-routers"),
        (Accepted { auto_upgrade: elsewhere, ..all() }, "--accept-auto-upgrade"),
    ];
    for (accepted, flag) in cases {
        let options = ApplyOptions { accepted, ..stage.options() };
        let stop = stage.apply_with(&options).await.unwrap_err();
        let ApplyStop::Flags { flags } = &stop else { panic!("{flag}: {stop}") };
        assert!(flags.len() == 1 && stop.to_string().contains(flag), "{flag}: {stop}");
    }
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
    assert_eq!(stage.estate.cloud().site_ssr(site).unwrap(), theirs);

    let options = ApplyOptions { accepted: all(), ..stage.options() };
    let applied = stage.apply_with(&options).await.unwrap();

    assert!(applied.is_complete(), "{applied:?}");
    // what was read is not written as a token, whoever's it is
    assert!(
        stage.estate.cloud().calls().iter().all(|call| !call.body.windows(5).any(|part| part == b"a.b.c"))
    );
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_shown_as_waiting_while_connected_is_neither_onboarded_again_nor_let_go() {
    let usual = EstateSettings::default();
    let conductor = ConductorSettings { version: "7.2.2-1r1".to_owned(), ..usual.conductor.clone() };
    let stage = Stage::with(EstateSettings { conductor, ..usual }).await;
    spoil(&stage, "store-0001");
    let applied = stage.apply().await;
    assert!(matches!(end(&applied, "store-0001"), End::NotVerified(_)), "{applied:?}");
    let place = stage.place("store-0001").clone();
    stage.estate.conductor().set_asset_status(&place.asset_id, "running");
    let before = stage.estate.mark();

    let again = stage.apply().await;
    let release = ["store-0001".parse().unwrap()].into();
    let released = stage.apply_with(&ApplyOptions { release, ..stage.options() }).await.unwrap();

    let End::NotVerified(nodes) = end(&again, "store-0001") else { panic!("{again:?}") };
    assert!(matches!(nodes[0].1, Health::Unknown), "{nodes:?}");
    assert!(why(&released, "store-0001").contains("would cut it off"), "{released:?}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    assert_eq!(stage.estate.assignments(), [place.mac]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_at_its_site_is_onboarded_only_when_named_and_is_taken_from_it_first() {
    let stage = Stage::of(1).await;
    let place = stage.place("store-0001").clone();
    stage.estate.cloud().foreign(Foreign::Move(place.mac, Some(place.site)));
    let stage = stage.plan_again(&no_canary()).await;
    assert!(matches!(stage.plan.routers()[0].outcome, RouterOutcome::Refused(_)), "{:?}", stage.plan);
    let named = PlanOptions { reassign: ["store-0001".parse().unwrap()].into(), ..no_canary() };
    let stage = stage.plan_again(&named).await;

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}");
    let writes = stage.estate.writes();
    let cloud: Vec<&str> =
        writes.iter().filter(|write| write.contains("in the cloud")).map(String::as_str).collect();
    assert!(
        matches!(&cloud[..], [token, unassign, assign]
            if token.contains("/setting") && unassign.contains("/inventory") && assign.contains("/inventory")),
        "{cloud:?}"
    );
    assert_eq!(
        (stage.estate.unassignments(), stage.estate.assignments()),
        (vec![place.mac], vec![place.mac])
    );
    assert_eq!(stage.estate.cloud().reassigned(), []);
    stage.is_safe();
}

async fn clean(stage: &Stage) -> Vec<SiteCleanup> {
    let record = stage.record();
    let options = CleanupOptions::default();
    let done = clean_up(&stage.world, &stage.plan, &record, options, &stage.log, &Stop::never()).await;
    done.unwrap().into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stays_while_a_router_of_its_site_is_unfinished() {
    let stage =
        Stage::with(EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() }).await;
    spoil(&stage, "store-0002");
    stage.apply().await;
    let before = stage.estate.mark();

    let kept = clean(&stage).await;

    assert_eq!(kept, [SiteCleanup::Decided(Cleanup::Unfinished(vec!["store-0002".parse().unwrap()]))]);
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_to_clean_up_holds_no_token_that_was_read() {
    let stage = Stage::of(1).await;
    assert!(stage.apply().await.is_complete());
    let before = stage.estate.cloud().calls().len();
    clean(&stage).await;
    let calls = stage.estate.cloud().calls().into_iter().skip(before);
    let written: Vec<Value> = calls
        .filter(|call| call.method == http::Method::PUT)
        .map(|call| serde_json::from_slice(&call.body).unwrap())
        .collect();
    let token = |body: &Value| body["ssr"]["conductor_token"].as_str().unwrap_or_default().to_owned();
    assert!(!written.is_empty() && written.iter().all(|body| token(body).is_empty()), "{written:?}");
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_unassigns_every_router_before_it_touches_any_settings_and_never_the_conductor() {
    let stage = Stage::of(2).await;
    for router in ["store-0001", "store-0002"] {
        spoil(&stage, router);
    }
    stage.apply().await;
    let (record, before) = (stage.record(), stage.estate.mark());

    let back = plan_rollback(&stage.world, &stage.plan, &record, &[].into()).await.unwrap();
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0], "it was only shown");
    let done = roll_back(&stage.world, &record, &back, &stage.log, &Stop::never()).await.unwrap();

    assert!(done.values().all(|done| *done == RolledBack::ForPerson), "{done:?}");
    let writes = stage.estate.writes_since(before);
    let of = |part: &str| writes.iter().map(|write| write.contains(part)).collect::<Vec<_>>();
    assert_eq!(of("/inventory"), [true, true, false, false], "{writes:?}");
    assert_eq!(of("/setting"), [false, false, true, true], "{writes:?}");
    for place in stage.estate.places() {
        let ssr: Value = stage.estate.cloud().site_ssr(place.site).unwrap();
        assert_eq!(ssr.get("conductor_token"), None, "{ssr}");
    }
}
