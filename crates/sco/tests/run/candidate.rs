//! The one candidate that everybody shares.

use fogbell_sco::run::wave::{By, WaveOptions, WaveStop, Ways};
use fogbell_sco::run::{CommittedBy, Happened, Record};
use serde_json::json;
use testkit::conductor::{AbsentPlace, Foreign};
use testkit::estate::EstateSettings;

use super::stage::{Stage, key_path, mode_path, options};

/// Somebody else's, in a router that is not of the plan.
fn theirs() -> Foreign {
    Foreign::Edit("/authority/router/conductor".to_owned(), json!({ "description": "another's" }))
}

fn is_theirs(stage: &Stage) -> bool {
    stage.conductor().candidate().to_string().contains("another's")
}

#[tokio::test]
async fn a_wave_is_one_candidate_one_validation_one_commit_and_is_made_once() {
    let stage = Stage::of(3).await;

    let done = stage.wave().await.unwrap();

    assert_eq!((done.by, done.routers.len(), done.foreign.len()), (CommittedBy::Us, 3, 0));
    stage.all_run();
    assert_eq!((stage.asked("/config/validate"), stage.asked("/config/commit")), (1, 1));
    let before = stage.estate.mark();
    let again = stage.wave().await.unwrap();
    assert_eq!(again.by, CommittedBy::Us);
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn what_runs_already_is_not_written() {
    let stage = Stage::of(1).await;
    let key = stage.estate.places()[0].endorsement_key.unwrap();
    let path = "/authority/router/store-0001";
    stage.conductor().edit_running(
        &format!("{path}/node/node0/secure-conductor-onboarding"),
        json!({ "endorsement-key": key }),
    );
    let mode = format!("{path}/system/secure-conductor-onboarding");
    stage.conductor().edit_running(&mode, json!({ "mode": "strong" }));
    let before = stage.estate.mark();

    let done = stage.wave().await.unwrap();

    assert_eq!(done.by, CommittedBy::Nobody);
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn a_candidate_with_somebody_elses_changes_is_left_as_it_is() {
    let stage = Stage::of(2).await;
    stage.conductor().foreign(theirs());
    let (candidate, before) = (stage.conductor().candidate(), stage.estate.mark());

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(&stop, WaveStop::Foreign { ours: false, paths } if paths.len() == 1), "{stop}");
    assert!(stop.to_string().contains("authority router conductor description"), "{stop}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    assert_eq!(stage.conductor().candidate(), candidate);
}

#[tokio::test]
async fn changes_that_cannot_be_seen_stop_the_wave_too() {
    let stage = Stage::of(1).await;
    let path = "/authority/router/conductor/system/secure-conductor-onboarding";
    stage.conductor().edit_candidate(path, json!({ "pre-shared-secret": "FAKE" }));
    let before = stage.estate.mark();

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::Hidden), "{stop}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn what_somebody_else_writes_meanwhile_is_neither_committed_nor_reverted() {
    // before anything is validated, and between validation and commit
    for (call, nth) in [("PATCH", 2), ("/config/validate", 1)] {
        let stage = Stage::of(2).await;
        stage.conductor().foreign_before(call, nth, theirs());

        let stop = stage.wave().await.unwrap_err();

        assert!(matches!(stop, WaveStop::Foreign { ours: true, .. }), "{call}: {stop}");
        assert!(is_theirs(&stage), "{call}");
        assert_eq!(stage.asked("/config/commit") + stage.asked("/config/revertToRunning"), 0, "{call}");
        // they commit all of it, as they may; ours is found to run
        stage.conductor().commit_by_another().unwrap();
        let done = stage.wave().await.unwrap();
        assert_eq!((done.by, stage.asked("/config/commit")), (CommittedBy::Another, 0), "{call}");
    }
}

#[tokio::test]
async fn a_value_that_somebody_puts_in_place_of_ours_is_not_committed() {
    let stage = Stage::of(1).await;
    let path = "/authority/router/store-0001/system/secure-conductor-onboarding";
    let weak = Foreign::Edit(path.to_owned(), json!({ "mode": "weak" }));
    stage.conductor().foreign_before("/config/validate", 1, weak);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::Foreign { .. }), "{stop}");
    assert_eq!((stage.mode("store-0001"), stage.asked("/config/commit")), (None, 0));
}

#[tokio::test]
async fn what_somebody_else_drops_is_not_committed_in_part() {
    let stage = Stage::of(1).await;
    stage.conductor().foreign_before("/config/validate", 1, Foreign::Delete(mode_path("store-0001")));

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::NotInCandidate { .. }), "{stop}");
    stage.nothing_runs();
}

#[tokio::test]
async fn a_place_that_rest_does_not_make_is_made_by_a_person_where_there_is_no_command_line() {
    for absent in [AbsentPlace::NotFound, AbsentPlace::Ignored] {
        let stage = Stage::of(1).await;
        stage.conductor().read_as(|readings| readings.absent_place = absent);

        let Err(WaveStop::ForPerson { lines }) = stage.wave().await else { panic!("{absent:?}") };

        let key = stage.estate.places()[0].endorsement_key.unwrap();
        let path = "configure authority router store-0001";
        assert_eq!(
            lines.iter().map(|line| &**line).collect::<Vec<_>>(),
            [
                format!("{path} node node0 secure-conductor-onboarding endorsement-key {key}"),
                format!("{path} system secure-conductor-onboarding mode strong"),
            ],
            "{absent:?}"
        );
        assert_eq!(stage.asked("/config/commit"), 0);
        let told = stage.seen.take();
        assert!(told.iter().any(|event| matches!(event, Happened::ForPerson { .. })), "{told:?}");
        enter(&stage, key);
        let done = stage.wave().await.unwrap();
        assert_eq!(done.by, CommittedBy::Us, "{absent:?}");
        stage.all_run();
    }
}

/// A person enters both commands for the first router.
fn enter(stage: &Stage, key: &str) {
    let path = "/authority/router/store-0001";
    let node = format!("{path}/node/node0/secure-conductor-onboarding");
    stage.conductor().edit_candidate(&node, json!({ "endorsement-key": key }));
    let system = format!("{path}/system/secure-conductor-onboarding");
    stage.conductor().edit_candidate(&system, json!({ "mode": "strong" }));
}

#[tokio::test]
async fn a_person_may_write_and_commit() {
    let stage = Stage::of(1).await;
    let ways = Ways { write: By::Person, validate: By::Rest, commit: By::Person };
    let options = WaveOptions { ways, ..options() };
    let before = stage.estate.mark();

    let stop = stage.wave_with(&options).await.unwrap_err();
    assert!(stop.is_for_person(), "{stop}");
    enter(&stage, stage.estate.places()[0].endorsement_key.unwrap());
    let Err(WaveStop::ForPerson { lines }) = stage.wave_with(&options).await else { panic!() };
    assert_eq!(lines, ["commit".into()]);
    stage.conductor().commit_by_another().unwrap();
    let done = stage.wave_with(&options).await.unwrap();

    assert_eq!(done.by, CommittedBy::Another);
    stage.all_run();
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn routers_are_made_with_their_nodes() {
    let settings = EstateSettings { pairs: 1, sites: 2, configured: false, ..EstateSettings::default() };
    let stage = Stage::with(settings).await;

    let done = stage.wave().await.unwrap();

    assert_eq!(done.routers.len(), 2);
    for place in stage.estate.places() {
        let at = |field: &str| {
            stage
                .conductor()
                .running_at(&format!("/authority/router/{}/node/{}/{field}", place.router, place.node))
        };
        assert_eq!((at("asset-id"), at("role")), (Some(json!(place.asset_id)), Some(json!("combo"))));
        let key = at("secure-conductor-onboarding/endorsement-key").unwrap();
        assert_eq!(key.as_str(), place.endorsement_key);
    }
    assert_eq!(stage.conductor().commits().len(), 1);
}

#[tokio::test]
async fn the_record_of_another_plan_is_refused() {
    let stage = Stage::of(1).await;
    let other = Stage::of(2).await;
    drop(other.record());
    std::fs::copy(other.folder.path().join(Record::FILE), stage.folder.path().join(Record::FILE)).unwrap();
    let before = stage.estate.mark();

    assert!(matches!(stage.wave().await, Err(WaveStop::OtherPlan)));
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    assert_eq!(stage.conductor().running_at(&key_path("store-0001")), None);
}
