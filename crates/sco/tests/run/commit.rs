//! What becomes of a commit.

use std::time::Duration;

use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::wave::{By, WaveOptions, WaveStop, Ways, change_conductor};
use fogbell_sco::run::{CommittedBy, Entry, Record, WaveEntry};
use serde_json::json;
use testkit::cloud::Misbehaviour;
use testkit::conductor::Foreign;
use testkit::estate::EstateSettings;

use super::stage::{Stage, options};

fn theirs() -> Foreign {
    Foreign::Edit("/authority/router/conductor".to_owned(), json!({ "description": "another's" }))
}

#[tokio::test]
async fn a_commit_that_was_done_and_not_answered_is_found_and_not_repeated() {
    for what in [
        Misbehaviour::DoneButSilence,
        Misbehaviour::DoneBut(502),
        Misbehaviour::HalfThenReset,
        Misbehaviour::BrokenJson,
    ] {
        let stage = Stage::of(2).await;
        stage.conductor().misbehave(what.clone()).on("/config/commit").times(1);

        let done = stage.wave().await.unwrap();

        assert_eq!(done.by, CommittedBy::UsUnanswered, "{what:?}");
        assert_eq!((stage.asked("/config/commit"), stage.conductor().commits().len()), (1, 1), "{what:?}");
        stage.all_run();
    }
}

#[tokio::test]
async fn a_commit_of_which_nothing_is_known_leaves_the_candidate_and_is_sent_again_only_after_a_look() {
    let stage = Stage::of(1).await;
    stage.conductor().misbehave(Misbehaviour::Silence).on("/config/commit").times(1);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::CommitUnknown { .. }), "{stop}");
    assert_eq!((stage.asked("/config/commit"), stage.asked("/config/revertToRunning")), (1, 0));
    assert!(stage.conductor().is_dirty());
    let looks = stage.asked("source=running");
    let done = stage.wave().await.unwrap();
    assert_eq!((done.by, stage.asked("/config/commit")), (CommittedBy::Us, 2));
    assert!(stage.asked("source=running") > looks);
    stage.all_run();
}

#[tokio::test]
async fn a_commit_that_is_done_late_is_found_by_the_next_look() {
    let stage = Stage::of(1).await;
    let late = Duration::from_millis(2_500);
    stage.conductor().misbehave(Misbehaviour::Late(late)).on("/config/commit").times(1);

    let stop = stage.wave().await.unwrap_err();
    assert!(matches!(stop, WaveStop::CommitUnknown { .. }), "{stop}");
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while stage.conductor().commits().is_empty() {
        assert!(tokio::time::Instant::now() < end, "the late commit was never done");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let done = stage.wave().await.unwrap();

    assert_eq!((done.by, stage.asked("/config/commit")), (CommittedBy::UsUnanswered, 1));
    stage.all_run();
}

#[tokio::test]
async fn a_commit_that_was_refused_is_taken_out_of_the_candidate() {
    for status in [400, 403, 429] {
        let stage = Stage::of(1).await;
        stage.conductor().misbehave(Misbehaviour::Status(status)).on("/config/commit").times(1);

        let stop = stage.wave().await.unwrap_err();

        assert!(matches!(stop, WaveStop::Conductor { what: "commit", .. }), "{stop}");
        stage.nothing_runs();
        assert_eq!(stage.wave().await.unwrap().by, CommittedBy::Us, "{status}");
    }
}

#[tokio::test]
async fn somebody_elses_commit_of_our_candidate_is_found_and_ours_is_not_sent() {
    let stage = Stage::of(2).await;
    stage.conductor().foreign_before("/config/validate", 1, theirs());
    stage.conductor().foreign_before("/config/validate", 1, Foreign::Commit);

    let done = stage.wave().await.unwrap();

    assert_eq!((done.by, stage.asked("/config/commit")), (CommittedBy::Another, 0));
    let foreign: Vec<String> = done.foreign.iter().map(ToString::to_string).collect();
    assert_eq!(foreign, ["authority router conductor description"]);
    stage.all_run();
}

#[tokio::test]
async fn what_was_committed_together_with_ours_is_told_and_written_down() {
    let stage = Stage::of(1).await;
    stage.conductor().foreign_before("/config/commit", 1, theirs());

    let done = stage.wave().await.unwrap();

    let foreign: Vec<String> = done.foreign.iter().map(ToString::to_string).collect();
    assert_eq!(foreign, ["authority router conductor description"]);
    let wave = Record::read(stage.folder.path()).unwrap().wave(0);
    assert_eq!((wave.foreign, wave.foreign_unknown), (done.foreign, false));
}

#[tokio::test]
async fn what_was_committed_together_with_ours_is_said_to_be_unknown_after_a_crash() {
    let stage = Stage::of(1).await;
    stage.conductor().foreign_before("/config/commit", 1, theirs());
    stage.conductor().misbehave(Misbehaviour::DoneButSilence).on("/config/commit").times(1);
    let asked = || stage.asked("/config/commit") > 0 && !stage.conductor().commits().is_empty();
    super::crash::until(stage.wave(), asked).await;
    stage.conductor().behave();

    let done = stage.wave().await.unwrap();

    assert_eq!(done.by, CommittedBy::UsUnanswered);
    let wave = Record::read(stage.folder.path()).unwrap().wave(0);
    assert!(wave.foreign_unknown, "{wave:?}");
}

#[tokio::test]
async fn a_wave_that_was_committed_is_not_written_again_when_somebody_changed_it() {
    let stage = Stage::of(1).await;
    stage.wave().await.unwrap();
    let path = "/authority/router/store-0001/system/secure-conductor-onboarding";
    stage.conductor().edit_running(path, json!({ "mode": "disabled" }));
    let before = stage.estate.mark();

    let done = stage.wave().await.unwrap();

    assert_eq!(done.by, CommittedBy::Us);
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn what_the_record_says_already_is_not_said_again() {
    let stage = Stage::of(2).await;
    let by_hand = WaveOptions { ways: Ways { commit: By::Person, ..Ways::default() }, ..options() };
    let intents = || {
        let entries = Record::entries(stage.folder.path()).unwrap();
        let is_intent = |entry: &Entry| {
            matches!(entry, Entry::Wave { what: WaveEntry::Intent { .. } | WaveEntry::FirstMode(_), .. })
        };
        entries.iter().filter(|(_, entry)| is_intent(entry)).count()
    };
    for _ in 0..3 {
        let stop = stage.wave_with(&by_hand).await.unwrap_err();
        assert!(stop.is_for_person(), "{stop}");
        assert_eq!(intents(), 2, "the values, and that it is the first mode");
    }
    // what was taken out of the candidate is announced anew
    stage.conductor().misbehave(Misbehaviour::Status(400)).on("/config/commit").times(1);
    stage.wave().await.unwrap_err();
    stage.wave().await.unwrap();

    assert_eq!(intents(), 3);
    stage.all_run();
}

#[tokio::test]
async fn while_the_commit_of_one_wave_is_not_known_no_other_is_begun() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let options_of_plan = PlanOptions { canary: 1, ..PlanOptions::default() };
    let stage = Stage::planned(settings, &options_of_plan).await;
    stage.conductor().misbehave(Misbehaviour::Silence).on("/config/commit").times(1);
    let stop = stage.wave().await.unwrap_err();
    let WaveStop::CommitUnknown { paths } = stop else { panic!("{stop}") };
    assert_eq!(paths.iter().count(), 2, "the mode and the key of the canary: {paths}");
    let before = stage.estate.mark();

    let stop = change_conductor(&stage.world, &stage.record(), &stage.plan, 1, &options(), &stage.seen).await;

    assert!(matches!(stop, Err(WaveStop::CommitOpen { wave: 0 })), "{stop:?}");
    assert!(stop.unwrap_err().to_string().contains("wave 1 is not known to be done or not"));
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    stage.wave().await.unwrap();
    change_conductor(&stage.world, &stage.record(), &stage.plan, 1, &options(), &stage.seen).await.unwrap();
    stage.all_run();
}
