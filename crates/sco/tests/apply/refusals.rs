//! What is not begun, and what is left as it is.

use fogbell_sco::decide::{Cleanup, CleanupDone};
use fogbell_sco::run::{
    Accepted, ApplyOptions, ApplyStop, CleanupOptions, End, RolledBack, SiteCleanup, Stop, Stopped,
    VerifyOptions, clean_up, plan_rollback, roll_back, verify,
};
use serde_json::json;
use testkit::cloud::{EmptyToken, Foreign, Misbehaviour, SsrPut, TokenShown};
use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::stage::{Stage, end, why};

#[tokio::test(flavor = "multi_thread")]
async fn what_drifted_is_refused_before_anything_is_written_and_may_be_left_out() {
    let stage = Stage::of(2).await;
    let (sites, mac) =
        (stage.estate.cloud().sites(stage.estate.org()).unwrap(), stage.place("store-0001").mac);
    let other = sites.iter().find(|(site, _)| *site != stage.site("store-0001")).unwrap().0;
    stage.estate.cloud().foreign(Foreign::Move(mac, Some(other)));

    let stop = stage.apply_with(&stage.options()).await.unwrap_err();

    assert!(matches!(&stop, ApplyStop::Drift { drift } if drift.len() == 1), "{stop}");
    assert!(stop.to_string().contains("assignment of node0"), "{stop}");
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
    let others = Accepted { other_routers: [other].into(), ..Accepted::default() };
    let options = ApplyOptions { skip_drifted: true, accepted: others, ..stage.options() };
    let applied = stage.apply_with(&options).await.unwrap();
    assert_eq!((end(&applied, "store-0001"), end(&applied, "store-0002")), (&End::Drifted, &End::Verified));
    assert_eq!(stage.estate.cloud().device(mac).unwrap().site, Some(other));
    assert_eq!(stage.estate.wrong_bindings(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_site_has_already_is_replaced_only_when_that_was_accepted() {
    let stage = Stage::of(1).await;
    let (site, cloud) = (stage.site("store-0001"), stage.estate.cloud());
    let theirs = json!({ "conductor_hosts": stage.estate.conductor().public_hosts(), "conductor_token": "********",
        "auto_upgrade": { "enabled": true }, "disable_stats": true });
    cloud.set_site_setting(site, "ssr", theirs.clone()).unwrap();
    let stage = stage.plan_again(&fogbell_sco::plan::PlanOptions { canary: 0, ..Default::default() }).await;

    let stop = stage.apply_with(&stage.options()).await.unwrap_err();

    let ApplyStop::Flags { flags } = &stop else { panic!("{stop}") };
    assert_eq!(flags.len(), 2, "{stop}");
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
    let accepted =
        Accepted { replace_token: [site].into(), auto_upgrade: [site].into(), ..Accepted::default() };
    let applied = stage.apply_with(&ApplyOptions { accepted, ..stage.options() }).await.unwrap();
    assert!(applied.is_complete(), "{applied:?}");
    let now = stage.estate.cloud().site_ssr(site).unwrap();
    assert_eq!(
        (&now["auto_upgrade"], &now["disable_stats"]),
        (&theirs["auto_upgrade"], &theirs["disable_stats"])
    );
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_mode_is_set_only_for_the_number_of_legacy_routers_that_is_counted_now() {
    let conductor = ConductorSettings::default();
    let settings =
        EstateSettings { virtual_routers: 1, legacy: 2, sites: 3, conductor, ..EstateSettings::default() };
    let stage = Stage::with(settings).await;
    for accept_legacy_cutoff in [None, Some(0), Some(1)] {
        let options = ApplyOptions { accept_legacy_cutoff, ..stage.options() };
        let stop = stage.apply_with(&options).await.unwrap_err();
        assert!(stop.to_string().contains("--accept-legacy-cutoff=2"), "{stop}");
    }
    assert_eq!(stage.estate.writes(), [] as [String; 0]);

    let applied = stage.apply().await;

    let Some(Stopped::Restart(due)) = applied.stopped else { panic!("{applied:?}") };
    assert!(due.to_string().contains("cuts off the 2 routers"), "{due}");
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_begun_with_a_conductor_whose_clock_is_off() {
    let stage = Stage::of(1).await;
    for (ahead, said) in [(70, "ahead of"), (-70, "behind"), (-3 * 86_400, "behind")] {
        stage.estate.conductor().set_clock(ahead);

        let stop = stage.apply_with(&stage.options()).await.unwrap_err();

        assert!(matches!(stop, ApplyStop::Clock { .. }), "{stop}");
        assert!(stop.to_string().contains(said), "{stop}");
    }
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
    stage.estate.conductor().set_clock(30);
    assert!(stage.apply().await.is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_reads_back_hidden_is_set_and_is_never_written_back() {
    let stage =
        Stage::with(EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() }).await;
    stage.estate.cloud().read_as(|readings| readings.token_shown = TokenShown::Masked);

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}\n{}", stage.log.lines());
    assert!(stage.log.lines().contains("set, not readable"));
    stage.is_safe();
    stage.once("");
    // what cannot be read may be somebody else's
    let cleaned = clean(&stage, CleanupOptions::default()).await;
    assert_eq!(cleaned, [SiteCleanup::Decided(Cleanup::Unreadable)]);
    let accept = CleanupOptions { accept_unreadable: true, ..CleanupOptions::default() };
    assert_eq!(clean(&stage, accept).await, [SiteCleanup::Done(CleanupDone::Removed)]);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_is_connected_already_is_not_assigned() {
    let stage = Stage::of(1).await;
    let place = stage.place("store-0001").clone();
    let connected = testkit::conductor::Foreign::AssetStatus(place.asset_id.clone(), "running".to_owned());
    stage.estate.conductor().foreign_before("POST /api/v1/config/commit", 1, connected);

    let applied = stage.apply().await;

    assert!(why(&applied, "store-0001").contains("a live router"), "{applied:?}");
    assert_eq!(stage.estate.assignments(), []);
}

async fn clean(stage: &Stage, options: CleanupOptions) -> Vec<SiteCleanup> {
    let record = stage.record();
    let done =
        clean_up(&stage.world, &stage.plan, &record, options, &stage.log, &Stop::never()).await.unwrap();
    done.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_taken_away_one_site_first_and_never_the_addresses() {
    for (put, empty, expect) in [
        (SsrPut::Replaces, EmptyToken::Kept, "removed"),
        (SsrPut::Merges, EmptyToken::Removes, "removed"),
        (SsrPut::Merges, EmptyToken::Ignored, "not removed, expires at"),
    ] {
        let stage = Stage::of(2).await;
        stage.estate.cloud().read_as(|readings| (readings.ssr_put, readings.empty_token) = (put, empty));
        assert!(stage.apply().await.is_complete());

        let cleaned = clean(&stage, CleanupOptions::default()).await;

        assert_eq!(cleaned.len(), 2);
        for done in &cleaned {
            let SiteCleanup::Done(done) = done else { panic!("{cleaned:?}") };
            assert!(done.to_string().starts_with(expect), "{put:?} {empty:?}: {done}");
        }
        for router in ["store-0001", "store-0002"] {
            let ssr = stage.estate.cloud().site_ssr(stage.site(router)).unwrap();
            assert_eq!(ssr["conductor_hosts"], json!(stage.estate.conductor().public_hosts()));
        }
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_routers_of_the_first_site_do_not_stay_connected_no_other_token_is_taken_away() {
    let stage = Stage::of(3).await;
    assert!(stage.apply().await.is_complete());
    let cloud = stage.estate.cloud();
    let order: Vec<_> = stage.plan.queues().iter().map(|queue| queue.site).collect();
    let [first, second, third] = order[..] else { panic!("{order:?}") };
    let mac = stage.estate.places().iter().find(|place| place.site == first).unwrap().mac;
    let has_token = |site| cloud.site_ssr(site).unwrap()["conductor_token"].is_string();
    // it needs its token after all: it is gone once the token is
    let away = Foreign::Connected(mac, false);
    cloud.foreign_before(&format!("PUT /api/v1/sites/{first}/setting"), 1, away);

    let cleaned = clean(&stage, CleanupOptions::default()).await;

    assert!(cleaned.contains(&SiteCleanup::Done(CleanupDone::Removed)), "{cleaned:?}");
    assert_eq!((has_token(first), has_token(second), has_token(third)), (false, true, true), "{cleaned:?}");
    // and by whoever cleans up again, as long as it is gone
    let again = clean(&stage, CleanupOptions::default()).await;
    assert!(has_token(second) && has_token(third), "{again:?}");
    cloud.foreign(Foreign::Connected(mac, true));
    clean(&stage, CleanupOptions::default()).await;
    assert!(!has_token(second) && !has_token(third));
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unassignment_whose_answer_is_lost_is_found_and_not_repeated() {
    for what in [Misbehaviour::DoneButSilence, Misbehaviour::DoneBut(502), Misbehaviour::BrokenJson] {
        let stage = Stage::of(1).await;
        super::order::spoil(&stage, "store-0001");
        stage.apply().await;
        let mac = stage.place("store-0001").mac;
        stage.estate.cloud().misbehave(what.clone()).method(http::Method::PUT).on("/inventory").times(1);

        let release = ["store-0001".parse().unwrap()].into();
        let applied = stage.apply_with(&ApplyOptions { release, ..stage.options() }).await.unwrap();

        assert_eq!(end(&applied, "store-0001"), &End::Released, "{what:?}: {applied:?}");
        assert_eq!(stage.estate.unassignments(), [mac], "{what:?}: sent once");
        assert_eq!(stage.estate.cloud().device(mac).unwrap().site, None);
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_stays_while_it_is_needed_or_somebody_elses_would_apply() {
    let stage = Stage::of(2).await;
    let org = stage.estate.org();
    assert!(stage.apply().await.is_complete());
    stage.estate.cloud().foreign(Foreign::OrgSetting(
        org,
        "ssr".to_owned(),
        json!({ "conductor_token": "a.b.c" }),
    ));
    let before = stage.estate.mark();
    assert_eq!(
        clean(&stage, CleanupOptions::default()).await,
        [SiteCleanup::Decided(Cleanup::OrganisationToken), SiteCleanup::Decided(Cleanup::OrganisationToken)]
    );
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);

    // the first site is not well without its token: the second one keeps its own
    let canary = stage.plan.queues()[0].routers[0].as_str().to_owned();
    stage.estate.cloud().foreign(Foreign::OrgSetting(org, "ssr".to_owned(), json!({})));
    let first = stage.site(&canary);
    let gone = Foreign::Connected(stage.place(&canary).mac, false);
    stage.estate.cloud().foreign_before(&format!("PUT /api/v1/sites/{first}/setting"), 1, gone);
    let cleaned = clean(&stage, CleanupOptions::default()).await;
    assert!(cleaned.contains(&SiteCleanup::Done(CleanupDone::Removed)), "{cleaned:?}");
    assert!(cleaned.contains(&SiteCleanup::Decided(Cleanup::AfterCanary)), "{cleaned:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_alone_what_was_onboarded_and_what_somebody_else_changed() {
    let stage = Stage::of(3).await;
    for router in ["store-0002", "store-0003"] {
        let mac = stage.place(router).mac;
        let mut fleet = stage.estate.fleet();
        let machine = fleet.routers.iter_mut().find(|machine| machine.mac == mac).unwrap();
        machine.endorsement_key = Some(testkit::endorsement_keys::endorsement_key(201).to_owned());
    }
    let applied = stage.apply().await;
    assert_eq!(end(&applied, "store-0001"), &End::Verified);
    let theirs = json!({ "conductor_hosts": ["203.0.113.9"], "conductor_token": "a.b.c" });
    stage.estate.cloud().foreign(Foreign::SiteSetting(
        stage.site("store-0003"),
        "ssr".to_owned(),
        theirs.clone(),
    ));
    let (record, before) = (stage.record(), stage.estate.mark());

    let back = plan_rollback(&stage.world, &stage.plan, &record, &[].into()).await.unwrap();

    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    assert!(back.routers[0].left_alone.is_some());
    assert_eq!(back.routers[1].unassign, [stage.place("store-0002").mac]);
    assert_eq!(back.routers[2].kept.len(), 1, "{back:?}");
    assert!(
        back.commands().iter().any(|line| line.contains("store-0002") && line.ends_with("delete mode")),
        "{back:?}"
    );
    let done = roll_back(&stage.world, &record, &back, &stage.log, &Stop::never()).await.unwrap();
    assert!(matches!(done[&"store-0001".parse().unwrap()], RolledBack::LeftAlone(_)), "{done:?}");
    assert_eq!(done[&"store-0002".parse().unwrap()], RolledBack::ForPerson);
    assert_eq!(stage.estate.unassignments(), [stage.place("store-0002").mac, stage.place("store-0003").mac]);
    assert_eq!(stage.estate.cloud().site_ssr(stage.site("store-0003")).unwrap(), theirs);
    let ssr = stage.estate.cloud().site_ssr(stage.site("store-0002")).unwrap();
    assert_eq!((&ssr["conductor_hosts"], ssr.get("conductor_token")), (&json!([]), None));
    let site = stage.estate.cloud().device(stage.place("store-0001").mac).unwrap().site;
    assert_eq!(site, Some(stage.site("store-0001")), "the one that is onboarded was cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_verified_is_verified_by_another_look() {
    let stage = Stage::of(1).await;
    assert!(stage.apply().await.is_complete());
    let once = VerifyOptions::default();
    let look = || async {
        let record = stage.record();
        let looked =
            verify(&stage.world, &stage.plan, Some(&record), &once, &stage.log, &Stop::never()).await;
        looked.unwrap().remove(&"store-0001".parse().unwrap()).unwrap().remove(0).1
    };

    assert!(look().await.is_verified());
    stage.estate.cloud().foreign(Foreign::Connected(stage.place("store-0001").mac, false));
    assert!(!look().await.is_verified());
}
