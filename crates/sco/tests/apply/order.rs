//! Who comes when, and who waits for whom.

use std::time::Duration;

use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::wave::{By, Ways};
use fogbell_sco::run::{ApplyOptions, End, Stopped};
use testkit::cloud::Misbehaviour;
use testkit::conductor::Disturbance;
use testkit::estate::EstateSettings;

use super::stage::{Stage, end, why};

/// The machine of this router has another TPM than Mist says: it is never taken.
pub(super) fn spoil(stage: &Stage, router: &str) {
    let mac = stage.place(router).mac;
    let mut fleet = stage.estate.fleet();
    let machine = fleet.routers.iter_mut().find(|machine| machine.mac == mac).unwrap();
    machine.endorsement_key = Some(testkit::endorsement_keys::endorsement_key(200).to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_does_not_come_up_keeps_its_site_until_it_is_released() {
    let stage =
        Stage::with(EstateSettings { virtual_routers: 3, sites: 1, ..EstateSettings::default() }).await;
    spoil(&stage, "store-0001");

    let applied = stage.apply().await;

    assert!(matches!(end(&applied, "store-0001"), End::NotVerified(_)), "{applied:?}");
    for router in ["store-0002", "store-0003"] {
        let End::Blocked { by, .. } = end(&applied, router) else { panic!("{applied:?}") };
        assert_eq!(by.as_str(), "store-0001");
    }
    // gone on with, it is the same: the site is held by what the record says
    let applied = stage.apply().await;
    assert!(matches!(end(&applied, "store-0002"), End::Blocked { .. }), "{applied:?}");
    assert_eq!(stage.estate.assignments(), [stage.place("store-0001").mac]);
    let release = ["store-0001".parse().unwrap()].into();
    let applied = stage.apply_with(&ApplyOptions { release, ..stage.options() }).await.unwrap();

    assert_eq!(end(&applied, "store-0001"), &End::Released);
    assert_eq!((end(&applied, "store-0002"), end(&applied, "store-0003")), (&End::Verified, &End::Verified));
    assert_eq!(stage.estate.unassignments(), [stage.place("store-0001").mac]);
    assert_eq!(stage.estate.cloud().device(stage.place("store-0001").mac).unwrap().site, None);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_left_out_keeps_the_site_that_it_holds() {
    let stage =
        Stage::with(EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() }).await;
    spoil(&stage, "store-0001");
    stage.apply().await;
    let place = "/authority/router/store-0001/node/node0";
    stage.estate.conductor().edit_running(place, serde_json::json!({ "asset-id": "another-one" }));

    let options = ApplyOptions { skip_drifted: true, ..stage.options() };
    let applied = stage.apply_with(&options).await.unwrap();

    assert_eq!(end(&applied, "store-0001"), &End::Drifted);
    assert!(matches!(end(&applied, "store-0002"), End::Blocked { .. }), "{applied:?}");
    assert_eq!(stage.estate.assignments(), [stage.place("store-0001").mac]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_connected_is_not_released() {
    let stage = Stage::of(1).await;
    // it comes up, and what it proved is not told
    stage.estate.conductor().misbehave(Misbehaviour::Status(404)).on("nothing").times(1);
    spoil(&stage, "store-0001");
    let applied = stage.apply().await;
    assert!(matches!(end(&applied, "store-0001"), End::NotVerified(_)), "{applied:?}");
    let place = stage.place("store-0001").clone();
    stage.estate.conductor().set_asset_status(&place.asset_id, "synchronizing");

    let release = ["store-0001".parse().unwrap()].into();
    let applied = stage.apply_with(&ApplyOptions { release, ..stage.options() }).await.unwrap();

    assert!(why(&applied, "store-0001").contains("would cut it off"), "{applied:?}");
    assert_eq!(stage.estate.unassignments(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_not_verified_keeps_all_others_from_beginning() {
    let settings = EstateSettings { virtual_routers: 3, sites: 3, ..EstateSettings::default() };
    let stage = Stage::planned(settings, &PlanOptions::default()).await;
    spoil(&stage, "store-0001");

    let applied = stage.apply().await;

    assert!(
        matches!(&applied.stopped, Some(Stopped::Canary { router }) if router.as_str() == "store-0001"),
        "{applied:?}"
    );
    assert_eq!(end(&applied, "store-0002"), &End::NotReached);
    assert_eq!((stage.estate.assignments().len(), stage.estate.commits()), (1, 1));
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_routers_are_begun_once_too_many_failed() {
    let stage = Stage::of(5).await;
    stage.estate.conductor().disturb(Disturbance::Refused("no".to_owned())).on("create secure").always();
    let options = ApplyOptions { max_failures: 1, parallel: 1, ..stage.options() };

    let applied = stage.apply_with(&options).await.unwrap();

    assert!(
        matches!(applied.stopped, Some(Stopped::TooManyFailures { failures: 2, most: 1 })),
        "{applied:?}"
    );
    let failed = applied.routers.values().filter(|end| matches!(end, End::Failed(_))).count();
    let left = applied.routers.values().filter(|end| matches!(end, End::NotReached)).count();
    assert_eq!((failed, left), (2, 3), "{applied:?}");
    stage.estate.conductor().behave();
    assert!(stage.apply_with(&options).await.unwrap().is_complete());
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_is_not_begun_while_a_fifth_of_the_budget_is_not_free() {
    let mut stage = Stage::of(1).await;
    let calls = 25;
    let token = mist::ApiToken::new(stage.estate.cloud().token(stage.estate.org())).unwrap();
    let mut settings = mist::Settings::new(stage.estate.cloud().base_host().parse().unwrap(), token);
    settings.ca = Some(stage.estate.cloud().ca_pem().into());
    settings.budget = mist::Budget::new(calls);
    stage.world.mist = mist::Client::new(settings).unwrap();
    for _ in 0..calls * 4 / 5 - 5 {
        stage.world.org_setting().await.unwrap();
    }
    let (stopper, stop) = fogbell_sco::run::Stopper::new();
    let options = stage.options();
    let asking = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !stage.log.lines().contains("80 % of this hour's") {
            assert!(tokio::time::Instant::now() < deadline, "{}", stage.log.lines());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.stop();
    };

    let (applied, ()) = tokio::join!(stage.apply_until(&options, &stop), asking);

    assert!(matches!(applied.unwrap().stopped, Some(Stopped::Interrupted)));
    assert!(stage.world.mist.budget().left() > 0);
    assert_eq!(stage.estate.assignments(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_by_the_command_line_is_refused_found_or_done_and_sent_once() {
    let by_command_line = Ways { commit: By::CommandLine, ..Ways::default() };
    let complaint = "Error: router store-0001 cannot be so";
    for (what, refused) in
        [(Disturbance::Refused(complaint.to_owned()), true), (Disturbance::Status(3), false)]
    {
        let stage = Stage::of(2).await;
        stage.estate.conductor().disturb(what.clone()).on("commit").times(1);
        let options = ApplyOptions { ways: by_command_line, ..stage.options() };

        let applied = stage.apply_with(&options).await.unwrap();

        let unanswered = stage.log.lines().contains("no clear answer to the commit");
        assert_eq!((unanswered, stage.estate.commits()), (!refused, 1), "{what:?}: {applied:?}");
        if refused {
            assert!(why(&applied, "store-0001").contains("cannot be so"), "{applied:?}");
        } else {
            assert_eq!(end(&applied, "store-0001"), &End::Verified, "{applied:?}");
        }
        assert_eq!(end(&applied, "store-0002"), &End::Verified, "{applied:?}");
        stage.is_safe();
    }
}
