//! An assignment of which nothing is known, and a device without a site.

use fogbell_sco::RouterName;
use fogbell_sco::run::{ApplyOptions, ApplyStop, End};
use testkit::cloud::{Foreign, Misbehaviour};
use testkit::estate::EstateSettings;

use super::crash::{settled, until};
use super::stage::{Stage, end, why};

/// The run of a router and of one behind it at the same site, cut off once its assignment is on its way and nothing more is
/// known; whether it came to Mist is for the caller to say.
async fn cut_off(arrives: bool) -> Stage {
    let settings = EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() };
    let stage = Stage::with(settings).await;
    if arrives {
        // so that it does not come up before somebody takes it back
        super::order::spoil(&stage, "store-0001");
    }
    let lost = if arrives { Misbehaviour::DoneButSilence } else { Misbehaviour::Silence };
    stage.estate.cloud().misbehave(lost).method(http::Method::PUT).on("/inventory").times(1);
    let router = first();
    let announced = || stage.folder.path().exists() && stage.log.lines().contains("tells its token");
    let on_its_way = || {
        let site = stage.estate.cloud().device(stage.place("store-0001").mac).unwrap().site;
        announced() && stage.progress().router(&router).assigning.is_some() && (site.is_some() || !arrives)
    };
    assert!(until(stage.apply(), on_its_way).await.is_none(), "it was not cut off");
    settled(&stage).await;
    stage.estate.cloud().behave();
    assert!(stage.progress().router(&router).assigned.is_none());
    stage
}

/// The machine of the first router is what Mist says again.
fn mend(stage: &Stage) {
    let place = stage.place("store-0001");
    let mut fleet = stage.estate.fleet();
    let machine = fleet.routers.iter_mut().find(|machine| machine.mac == place.mac).unwrap();
    machine.endorsement_key = place.endorsement_key.map(str::to_owned);
}

fn first() -> RouterName {
    "store-0001".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_that_never_came_to_mist_is_sent_by_who_goes_on() {
    let stage = cut_off(false).await;

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}");
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_assigned_and_taken_back_is_not_assigned_again_unless_its_router_is_named() {
    let stage = cut_off(true).await;
    let mac = stage.place("store-0001").mac;
    let sent = stage.estate.assignments().len();
    stage.estate.cloud().foreign(Foreign::Move(mac, None));
    let before = stage.estate.mark();

    let applied = stage.apply().await;

    let told = why(&applied, "store-0001");
    assert!(told.contains("cannot be told") && told.contains("--assign-again store-0001"), "{told}");
    assert!(matches!(end(&applied, "store-0002"), End::Blocked { .. }), "{applied:?}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    // another one that is named, or one that is not there, changes nothing
    let again =
        |router: &str| ApplyOptions { assign_again: [router.parse().unwrap()].into(), ..stage.options() };
    let other = stage.apply_with(&again("store-0002")).await.unwrap();
    assert!(why(&other, "store-0001").contains("cannot be told"), "{other:?}");
    let nobody = stage.apply_with(&again("store-0009")).await.unwrap_err();
    assert!(matches!(nobody, ApplyStop::NoRouter { .. }), "{nobody}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    mend(&stage);

    let applied = stage.apply_with(&again("store-0001")).await.unwrap();

    assert!(applied.is_complete(), "{applied:?}");
    assert_eq!(stage.estate.assignments()[sent..], [mac, stage.place("store-0002").mac]);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_taken_back_can_be_let_go_for_the_next_of_its_site() {
    let stage = cut_off(true).await;
    stage.estate.cloud().foreign(Foreign::Move(stage.place("store-0001").mac, None));

    let release = [first()].into();
    let applied = stage.apply_with(&ApplyOptions { release, ..stage.options() }).await.unwrap();

    assert_eq!(end(&applied, "store-0001"), &End::Released, "{applied:?}");
    assert_eq!(end(&applied, "store-0002"), &End::Verified, "{applied:?}");
    assert_eq!(stage.estate.unassignments(), []);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_mist_does_not_say_when_a_device_was_changed_a_person_decides() {
    let stage = cut_off(false).await;
    stage.estate.switch("modified-time", "absent").unwrap();
    let sent = stage.estate.assignments().len();

    let applied = stage.apply().await;

    assert!(why(&applied, "store-0001").contains("--assign-again store-0001"), "{applied:?}");
    assert_eq!(stage.estate.assignments().len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_that_is_still_under_way_is_waited_for_by_who_goes_on() {
    let settings = EstateSettings { virtual_routers: 1, ..EstateSettings::default() };
    let mut stage = Stage::with(settings).await;
    stage.world.pace.assigned = std::time::Duration::from_secs(60);
    let late = Misbehaviour::Late(std::time::Duration::from_secs(2));
    stage.estate.cloud().misbehave(late).method(http::Method::PUT).on("/inventory").times(1);
    let router = first();
    let on_its_way = || {
        stage.log.lines().contains("tells its token") && stage.progress().router(&router).assigning.is_some()
    };
    assert!(until(stage.apply(), on_its_way).await.is_none(), "it was not cut off");

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}");
    assert_eq!(stage.estate.cloud().reassigned(), []);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rollback_took_back_is_not_in_doubt() {
    use fogbell_sco::run::{Stop, plan_rollback, roll_back};

    let stage = cut_off(true).await;
    let mac = stage.place("store-0001").mac;
    stage.estate.conductor().set_asset_status(&stage.place("store-0001").asset_id, "disconnected");
    let record = stage.record();
    let force = [first()].into();
    let back = plan_rollback(&stage.world, &stage.plan, &record, &force).await.unwrap();
    roll_back(&stage.world, &record, &back, &stage.log, &Stop::never()).await.unwrap();
    drop(record);
    assert_eq!(stage.estate.unassignments(), [mac]);
    let sent = stage.estate.assignments().len();

    let again = ApplyOptions { assign_again: [first()].into(), ..stage.options() };
    let applied = stage.apply_with(&again).await.unwrap();

    assert!(why(&applied, "store-0001").contains("its rollback took it away"), "{applied:?}");
    assert_eq!(stage.estate.assignments().len(), sent);
}
