//! A run that is cut off, and goes on.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use fogbell_sco::decide::Deadlines;
use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::{Applied, Record, Stopped, Stopper};
use testkit::estate::EstateSettings;

use super::stage::Stage;

/// A router and a pair, which share a site; they are verified once they held for a minute.
async fn small() -> Stage {
    let settings = EstateSettings { virtual_routers: 1, pairs: 1, sites: 1, ..EstateSettings::default() };
    let deadlines = Deadlines { stable: Duration::from_secs(60), ..Deadlines::default() };
    Stage::planned(settings, &PlanOptions { canary: 0, deadlines, ..PlanOptions::default() }).await
}

/// Works on `work` until `cut` says so after a step of it, which is then dropped in the middle of whatever it does.
pub(super) async fn until<T>(work: impl Future<Output = T>, cut: impl Fn() -> bool) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if cut() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// What is under way at the fakes has come to its end.
pub(super) async fn settled(stage: &Stage) {
    let mut before = None;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let now = (stage.estate.mist_calls(), stage.estate.conductor().asked().len());
        if before == Some(now) || tokio::time::Instant::now() > deadline {
            return;
        }
        before = Some(now);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn ended_well(stage: &Stage, applied: &Applied, undisturbed: &serde_json::Value, context: &str) {
    assert!(applied.is_complete(), "{context}: {applied:?}\n{}", stage.log.lines());
    stage.is_safe();
    stage.once(context);
    assert_eq!(stage.estate.end_state(), *undisturbed, "{context}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_after_any_entry_of_its_record_goes_on_to_the_same_end() {
    let stage = small().await;
    let applied = stage.apply().await;
    let undisturbed = stage.estate.end_state();
    ended_well(&stage, &applied, &undisturbed, "undisturbed");
    let entries = Record::entries(stage.folder.path()).unwrap();
    let entries = entries.iter().enumerate();
    let places: Vec<(usize, String)> =
        entries.map(|(place, (_, entry))| (place, serde_json::to_string(entry).unwrap())).collect();
    assert!(places.len() > 15, "{places:?}");
    drop(stage);

    for (place, entry) in places {
        let stage = small().await;
        let count = || Record::entries(stage.folder.path()).map_or(0, |entries| entries.len());
        until(stage.apply(), || count() > place).await;
        settled(&stage).await;

        let applied = stage.apply().await;

        ended_well(&stage, &applied, &undisturbed, &format!("cut off after {entry}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cut_off_after_any_write_goes_on_to_the_same_end() {
    let stage = small().await;
    stage.apply().await;
    let (undisturbed, writes) = (stage.estate.end_state(), stage.estate.writes().len());
    drop(stage);

    for write in 0..writes {
        let stage = small().await;
        until(stage.apply(), || stage.estate.writes().len() > write).await;
        settled(&stage).await;

        let applied = stage.apply().await;

        ended_well(&stage, &applied, &undisturbed, &format!("cut off after write {write} of {writes}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_asked_to_stop_finishes_what_is_under_way_and_says_so() {
    let stage = small().await;
    let (stopper, stop) = Stopper::new();
    let options = stage.options();
    let work = stage.apply_until(&options, &stop);
    let asking = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while stage.estate.assignments().is_empty() {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stopper.stop();
    };

    let (applied, ()) = tokio::join!(work, asking);
    let applied = applied.unwrap();

    assert!(matches!(applied.stopped, Some(Stopped::Interrupted)), "{applied:?}");
    let progress = stage.progress();
    assert_eq!(progress.ended.as_deref(), Some("interrupted"));
    assert!(progress.routers.values().all(|router| router.assigning.is_none()), "an assignment is under way");
    let applied = stage.apply().await;
    assert!(applied.is_complete(), "{applied:?}");
    stage.is_safe();
    stage.once("");
}
