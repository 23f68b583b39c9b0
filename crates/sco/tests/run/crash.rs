//! A wave that is cut off at every call, and goes on.

use std::future::Future;
use std::time::Duration;

use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::Record;
use fogbell_sco::run::wave::{WaveStop, change_conductor};
use testkit::cloud::Misbehaviour;
use testkit::estate::EstateSettings;

use super::stage::{Stage, mode_path, options};

/// Runs `work` until `when`, or to its end.
pub(crate) async fn until(work: impl Future, when: impl Fn() -> bool) {
    let crash = async {
        while !when() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = work => {}
        () = crash => {}
    }
}

/// How many calls a wave of two routers makes.
async fn calls() -> usize {
    let stage = Stage::of(2).await;
    let before = stage.conductor().asked().len();
    stage.wave().await.unwrap();
    stage.conductor().asked().len() - before
}

#[tokio::test]
async fn a_wave_that_is_cut_off_at_any_call_goes_on_and_is_committed_once() {
    let mut stage = Stage::of(2).await;
    for call in 0..calls().await {
        // the call is not done, or it is done and nobody knows
        for what in [Misbehaviour::Silence, Misbehaviour::DoneButSilence] {
            stage.begin_anew();
            let (before, commits) = (stage.conductor().asked().len(), stage.conductor().commits().len());
            stage.conductor().misbehave(what.clone()).after(call as u64).always();
            until(stage.wave(), || stage.conductor().asked().len() > before + call).await;
            settled(&stage, before + call, commits, &what).await;
            stage.conductor().behave();

            let done = stage.wave().await.unwrap();

            assert_eq!((done.routers.len(), done.foreign.len()), (2, 0), "{call} {what:?}");
            stage.all_run();
            assert_eq!(stage.conductor().commits().len(), commits + 1, "{call} {what:?}");
            let before = stage.estate.mark();
            stage.wave().await.unwrap();
            assert_eq!(stage.estate.writes_since(before), [] as [String; 0], "{call} {what:?}");
        }
    }
}

/// Waits until the call that was cut off has had its effect, where it has one.
async fn settled(stage: &Stage, call: usize, commits: usize, what: &Misbehaviour) {
    let is_commit =
        stage.conductor().asked().get(call).is_some_and(|ask| ask.what.contains("/config/commit"));
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while is_commit && *what == Misbehaviour::DoneButSilence && stage.conductor().commits().len() == commits {
        assert!(tokio::time::Instant::now() < end, "the commit was never done");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_record_that_lost_its_last_lines_is_made_good_by_reading() {
    let stage = Stage::of(2).await;
    stage.wave().await.unwrap();
    let path = stage.folder.path().join(Record::FILE);
    let whole = std::fs::read(&path).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    // without the outcome, without the announcement of the commit, and without the intent
    for left in 1..lines.len() {
        let mut text = lines[..left].concat();
        text.extend_from_slice(&lines[left][..lines[left].len() / 2]);
        std::fs::write(&path, text).unwrap();
        let before = stage.estate.mark();

        let done = stage.wave().await.unwrap();

        assert_eq!(done.routers.len(), 2);
        assert_eq!(stage.estate.writes_since(before), [] as [String; 0], "{left} lines were left");
        assert!(Record::read(stage.folder.path()).unwrap().wave(0).committed.is_some());
    }
}

#[tokio::test]
async fn what_is_left_in_the_candidate_of_a_router_that_fits_no_more_is_reverted() {
    let stage = Stage::of(2).await;
    until(stage.wave(), || stage.asked("/config/validate") > 0).await;
    assert!(stage.conductor().is_dirty());
    stage.conductor().set_asset_status("store-0001-vm0", "running");
    let options = fogbell_sco::run::wave::WaveOptions {
        accept_legacy_cutoff: Some(1),
        ..fogbell_sco::run::wave::WaveOptions::default()
    };

    let done = stage.wave_with(&options).await.unwrap();

    assert_eq!((done.routers.len(), done.taken_out.len()), (1, 1));
    assert_eq!((stage.mode("store-0001"), stage.key("store-0001")), (None, None));
    assert_eq!(stage.mode("store-0002").unwrap(), "strong");
    assert_eq!(stage.conductor().running_at(&mode_path("store-0001")), None);
}

#[tokio::test]
async fn what_somebody_adds_to_what_a_crash_left_stops_the_next_one() {
    let stage = Stage::of(2).await;
    until(stage.wave(), || stage.asked("/config/validate") > 0).await;
    stage
        .conductor()
        .edit_candidate("/authority/router/conductor", serde_json::json!({ "description": "another's" }));
    let before = stage.estate.mark();

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::Foreign { ours: true, .. }), "{stop}");
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn a_wave_that_is_done_waits_for_no_commit_of_another() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let stage = Stage::planned(settings, &PlanOptions { canary: 1, ..PlanOptions::default() }).await;
    let (record, commits) = (stage.record(), stage.conductor().commits().len());
    let wave = async |number| {
        change_conductor(&stage.world, &record, &stage.plan, number, &options(), &stage.seen).await
    };
    wave(0).await.unwrap();
    stage.conductor().misbehave(Misbehaviour::Silence).on("/config/commit").times(1);
    assert!(matches!(wave(1).await, Err(WaveStop::CommitUnknown { .. })));

    // as a run that goes on does: one wave after the other
    assert_eq!(wave(0).await.unwrap().routers.len(), 1);
    assert_eq!(wave(1).await.unwrap().routers.len(), 1);

    stage.all_run();
    assert_eq!(stage.conductor().commits().len(), commits + 2);
}
