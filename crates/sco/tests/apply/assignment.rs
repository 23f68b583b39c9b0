//! The assignment is the trigger: it is sent once, and reading decides what came of it.

use std::time::Duration;

use fogbell_sco::run::{ApplyOptions, End};
use testkit::cloud::{AssignmentFault, Foreign, Misbehaviour};
use testkit::estate::EstateSettings;

use super::stage::{Stage, end, why};

async fn pair() -> Stage {
    Stage::with(EstateSettings { virtual_routers: 0, pairs: 1, ..EstateSettings::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_whose_answer_is_lost_is_found_and_not_repeated() {
    for what in [
        Misbehaviour::DoneButSilence,
        Misbehaviour::DoneBut(502),
        Misbehaviour::HalfThenReset,
        Misbehaviour::BrokenJson,
    ] {
        let stage = Stage::of(1).await;
        stage.estate.cloud().misbehave(what.clone()).method(http::Method::PUT).on("/inventory").times(1);

        let applied = stage.apply().await;

        assert!(applied.is_complete(), "{what:?}: {applied:?}");
        stage.once(&format!("{what:?}"));
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_that_comes_late_is_not_sent_again_and_its_router_keeps_its_site() {
    let stage = Stage::with(EstateSettings { virtual_routers: 2, ..EstateSettings::default() }).await;
    let late = Misbehaviour::Late(Duration::from_secs(4));
    stage.estate.cloud().misbehave(late).method(http::Method::PUT).on("/inventory").times(1);

    let applied = stage.apply().await;

    assert!(why(&applied, "store-0001").contains("its answer was lost"), "{applied:?}");
    // the token that the late one will ask for is still its own
    assert!(matches!(end(&applied, "store-0002"), End::Blocked { .. }), "{applied:?}");
    let mac = stage.place("store-0001").mac;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while stage.estate.cloud().device(mac).unwrap().site.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let applied = stage.apply().await;
    assert!(applied.is_complete(), "{applied:?}");
    // the fake lists a call once it is done: the late one may not be among them
    assert!(stage.estate.assignments().iter().filter(|assigned| **assigned == mac).count() <= 1);
    assert_eq!(stage.estate.cloud().reassigned(), []);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_pair_that_was_assigned_is_a_failure_and_the_rest_is_assigned_later() {
    let refused = || AssignmentFault::Refused("already managed".to_owned());
    for (fault, said) in
        [(refused(), "already managed"), (AssignmentFault::SaidButNotDone, "does not show it")]
    {
        let stage = pair().await;
        let macs: Vec<_> = stage.estate.places().iter().map(|place| place.mac).collect();
        stage.estate.cloud().spoil_assignment(macs[1], fault);

        let applied = stage.apply().await;

        assert!(why(&applied, "store-0001").contains(said), "{applied:?}");
        let applied = stage.apply().await;
        assert!(applied.is_complete(), "{applied:?}");
        assert_eq!(stage.estate.assignments(), [macs[0], macs[1], macs[1]], "the first one was not moved");
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_somebody_else_assigned_meanwhile_is_not_moved() {
    let stage =
        Stage::with(EstateSettings { virtual_routers: 1, sites: 2, ..EstateSettings::default() }).await;
    let (mac, sites) =
        (stage.place("store-0001").mac, stage.estate.cloud().sites(stage.estate.org()).unwrap());
    let other = sites.iter().find(|(site, _)| *site != stage.site("store-0001")).unwrap().0;
    let settings = format!("PUT /api/v1/sites/{}/setting", stage.site("store-0001"));
    stage.estate.cloud().foreign_before(&settings, 1, Foreign::Move(mac, Some(other)));

    let applied = stage.apply().await;

    assert!(
        why(&applied, "store-0001").contains("not in the inventory without a site any more"),
        "{applied:?}"
    );
    assert_eq!(stage.estate.assignments(), []);
    assert_eq!(stage.estate.cloud().device(mac).unwrap().site, Some(other));
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_somebody_else_changed_are_not_assigned_to() {
    let stage = Stage::of(1).await;
    let (site, cloud) = (stage.site("store-0001"), stage.estate.cloud());
    let theirs = serde_json::json!({ "conductor_hosts": ["203.0.113.9"], "conductor_token": "a.b.c" });
    // written and read back, and then changed: the next read is the one before the assignment
    let read = format!("GET /api/v1/sites/{site}/setting");
    // the check, the look before writing, the look after it, and the one before the assignment
    cloud.foreign_before(&read, 4, Foreign::SiteSetting(site, "ssr".to_owned(), theirs.clone()));

    let applied = stage.apply().await;

    assert!(why(&applied, "store-0001").contains("somebody else writes them"), "{applied:?}");
    assert_eq!(stage.estate.assignments(), []);
    assert_eq!(cloud.site_ssr(site).unwrap(), theirs);
    // and is not overwritten by whoever goes on, unless that is accepted
    let error = stage.apply_with(&stage.options()).await.unwrap_err();
    assert!(
        error.to_string().contains("conductor_hosts") || error.to_string().contains("--replace-"),
        "{error}"
    );
    assert_eq!(cloud.site_ssr(site).unwrap(), theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_connected_gets_no_token_and_holds_no_site() {
    let stage = Stage::with(EstateSettings { virtual_routers: 2, ..EstateSettings::default() }).await;
    stage.estate.cloud().foreign(Foreign::Connected(stage.place("store-0001").mac, false));

    let applied = stage.apply().await;

    assert!(matches!(end(&applied, "store-0001"), End::WaitingForDevice(_)), "{applied:?}");
    assert_eq!(end(&applied, "store-0002"), &End::Verified);
    assert!(stage.progress().router(&"store-0001".parse().unwrap()).token.is_none());
    let options = ApplyOptions { allow_offline: true, ..stage.options() };
    let applied = stage.apply_with(&options).await.unwrap();
    assert!(!matches!(end(&applied, "store-0001"), End::WaitingForDevice(_)), "{applied:?}");
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn mist_refuses_and_fails_and_the_run_says_so_or_goes_on() {
    for (status, complete) in [(503, true), (403, false), (401, false)] {
        let stage = Stage::of(1).await;
        let settings = format!("/sites/{}/setting", stage.site("store-0001"));
        let misbehaving =
            stage.estate.cloud().misbehave(Misbehaviour::Status(status)).method(http::Method::PUT);
        if complete {
            misbehaving.on(&settings).times(1);
        } else {
            misbehaving.on(&settings).always();
        }

        let applied = stage.apply().await;

        assert_eq!(applied.is_complete(), complete, "{status}: {applied:?}");
        assert_eq!(stage.estate.assignments().len(), usize::from(complete), "{status}");
        if !complete {
            assert!(why(&applied, "store-0001").contains(&status.to_string()), "{applied:?}");
            stage.estate.cloud().behave();
            assert!(stage.apply().await.is_complete(), "{status}");
        }
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_somebody_took_away_since_is_not_assigned_again() {
    for moved in [false, true] {
        let stage =
            Stage::with(EstateSettings { virtual_routers: 1, sites: 2, ..EstateSettings::default() }).await;
        super::order::spoil(&stage, "store-0001");
        let applied = stage.apply().await;
        assert!(matches!(end(&applied, "store-0001"), End::NotVerified(_)), "{applied:?}");
        let (mac, own) = (stage.place("store-0001").mac, stage.site("store-0001"));
        let sites = stage.estate.cloud().sites(stage.estate.org()).unwrap();
        let other = sites.iter().map(|(site, _)| *site).find(|site| *site != own).filter(|_| moved);
        stage.estate.cloud().move_device(mac, other).unwrap();
        let before = stage.estate.mark();

        if moved {
            let error = stage.apply_with(&stage.options()).await.unwrap_err().to_string();
            assert!(
                error.contains("store-0001 (assignment of node0") && error.contains("plan again"),
                "{error}"
            );
        } else {
            let applied = stage.apply().await;
            let why = why(&applied, "store-0001");
            assert!(why.contains("somebody took it away") && why.contains("plan again"), "{why}");
        }

        assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
        assert_eq!(stage.estate.cloud().device(mac).unwrap().site, other);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_was_assigned_one_after_the_other_is_known_as_this_runs() {
    let stage = pair().await;
    super::order::spoil(&stage, "store-0001");
    let macs: Vec<_> = stage.estate.places().iter().map(|place| place.mac).collect();
    stage.estate.cloud().spoil_assignment(macs[1], AssignmentFault::SaidButNotDone);
    stage.apply().await;
    stage.apply().await;

    let applied = stage.apply().await;

    assert!(matches!(end(&applied, "store-0001"), End::NotVerified(_)), "{applied:?}");
    assert_eq!(stage.estate.assignments(), [macs[0], macs[1], macs[1]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_read_back_is_not_assigned_to_and_nobody_else_is_blamed() {
    let stage = Stage::of(1).await;
    stage.estate.switch("token-shown", "absent").unwrap();

    let applied = stage.apply().await;

    let why = why(&applied, "store-0001");
    assert!(why.contains("does not read back") && !why.contains("somebody"), "{why}");
    assert_eq!(stage.estate.assignments(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_answer_breaks_on_its_way_is_made_again() {
    let stage = Stage::of(1).await;
    let site = format!("GET /api/v1/sites/{}/setting", stage.site("store-0001"));
    let (cloud, conductor) = (stage.estate.cloud(), stage.estate.conductor());
    for part in ["/inventory", &site["GET ".len()..], "/export_idtokens", "/sites"] {
        let reads = if part.contains("export") { http::Method::POST } else { http::Method::GET };
        cloud.misbehave(Misbehaviour::BrokenJson).method(reads).on(part).times(1);
    }
    for part in ["source=running", "source=candidate", "/graphql", "/system", "/login"] {
        conductor.misbehave(Misbehaviour::BrokenJson).on(part).times(1);
    }

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}");
    stage.once("");
    stage.is_safe();
}
