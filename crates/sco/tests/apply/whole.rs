//! The whole of it.

use fogbell_sco::RouterName;
use fogbell_sco::decide::Health;
use fogbell_sco::observe::AuthState;
use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::{End, Stop, VerifyOptions, verify};
use ids::Timestamp;
use testkit::estate::EstateSettings;

use super::stage::{FACTOR, Stage};

/// 12 routers on 8 sites: virtual ones, two pairs of them, and hardware.
fn twelve() -> EstateSettings {
    EstateSettings { virtual_routers: 8, hardware: 2, pairs: 2, sites: 8, ..EstateSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn twelve_routers_on_eight_sites_are_onboarded_and_a_second_time_nothing_is_written() {
    let options = PlanOptions { wave_size: 6, ..PlanOptions::default() };
    let mut stage = Stage::planned(twelve(), &options).await;
    assert_eq!(stage.plan.waves().len(), 3);

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}\n{}", stage.log.lines());
    assert!(applied.routers.values().all(|end| *end == End::Verified), "{applied:?}");
    assert_eq!(applied.routers.len(), 12);
    stage.is_safe();
    stage.once("");
    let mut assets: Vec<String> = stage.estate.places().iter().map(|place| place.asset_id.clone()).collect();
    assets.sort();
    assert_eq!(stage.estate.bound(), assets);
    assert!(stage.kept.0.lock().unwrap().is_empty(), "a token that is not needed any more is still kept");
    // the same run, and one that knows nothing of it
    let before = stage.estate.mark();
    let again = stage.apply().await;
    assert!(again.is_complete(), "{again:?}");
    stage.begin_again();
    let anew = stage.apply().await;
    assert!(anew.routers.values().all(|end| *end == End::AlreadyThere), "{anew:?}\n{}", stage.log.lines());
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_leave_one_after_the_other_and_not_faster_than_the_pace() {
    let mut stage = Stage::of(4).await;
    stage.world.pace.assignment = std::time::Duration::from_millis(400);

    let applied = stage.apply().await;

    assert!(applied.is_complete(), "{applied:?}");
    let calls = stage.estate.cloud().calls();
    let assigned = calls.iter().filter(|call| call.method == "PUT" && call.path.ends_with("/inventory"));
    let times: Vec<i64> = assigned.map(|call| call.at.micros()).collect();
    assert_eq!(times.len(), 4);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 400_000), "{times:?} at a factor of {FACTOR}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_did_on_the_conductor_is_proven_by_reading() {
    let stage = Stage::of(2).await;
    let options = || fogbell_sco::run::ApplyOptions { skip_conductor: true, ..stage.options() };

    let applied = stage.apply_with(&options()).await.unwrap();
    assert!(super::stage::why(&applied, "store-0001").contains("does not hold"), "{applied:?}");
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
    for place in stage.estate.places() {
        let path = format!("/authority/router/{}", place.router);
        let key = serde_json::json!({ "endorsement-key": place.endorsement_key });
        stage
            .estate
            .conductor()
            .edit_candidate(&format!("{path}/node/node0/secure-conductor-onboarding"), key);
        let mode = serde_json::json!({ "mode": "strong" });
        stage.estate.conductor().edit_candidate(&format!("{path}/system/secure-conductor-onboarding"), mode);
    }
    stage.estate.conductor().commit_by_another().unwrap();
    let applied = stage.apply_with(&options()).await.unwrap();

    assert!(applied.is_complete(), "{applied:?}");
    assert_eq!(stage.estate.commits(), 0);
    stage.is_safe();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_command_line_a_person_brings_the_token_and_what_the_conductor_shows() {
    let mut stage = Stage::of(1).await;
    stage.world.pcli = None;
    let (name, place): (RouterName, _) = ("store-0001".parse().unwrap(), stage.place("store-0001").clone());
    let applied = stage.apply().await;
    assert!(super::stage::why(&applied, "store-0001").contains("`import-token`"), "{applied:?}");
    assert_eq!(stage.estate.assignments(), []);
    let earlier = Timestamp::now();
    let token = stage.estate.conductor().make_token("store-0001", 2).unwrap();
    stage.kept.0.lock().unwrap().insert(name.clone(), token);

    let applied = stage.apply().await;

    let End::NotVerified(nodes) = &applied.routers[&name] else { panic!("{applied:?}") };
    assert!(matches!(nodes[0].1, Health::AuthNotSeen { .. }), "{nodes:?}");
    let verdict = async |time: Timestamp| {
        let given = [(place.asset_id.parse().unwrap(), (time, AuthState::Completed))].into();
        let options = VerifyOptions { watch: true, given, ..VerifyOptions::default() };
        let record = stage.record();
        let looked =
            verify(&stage.world, &stage.plan, Some(&record), &options, &stage.log, &Stop::never()).await;
        looked.unwrap().remove(&name).unwrap().remove(0).1
    };
    // what was shown before the assignment says nothing
    assert!(matches!(verdict(earlier).await, Health::AuthNotSeen { .. }));
    assert!(verdict(Timestamp::now()).await.is_verified());
    assert!(stage.apply().await.is_complete());
    stage.is_safe();
    stage.once("");
}
