//! A run that waits for calls to Mist, and is asked to stop: a wait is no call in flight.

use std::time::Duration;

use fogbell_sco::run::{Applied, End, Stopped, Stopper};
use testkit::cloud::Misbehaviour;

use super::stage::{Stage, end};

/// Carries the plan out until `said` was told, and asks it to stop then.
async fn stopped_at(stage: &Stage, said: &str) -> Applied {
    let (stopper, stop) = Stopper::new();
    let options = stage.options();
    let asking = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !stage.log.lines().contains(said) {
            assert!(tokio::time::Instant::now() < deadline, "{}", stage.log.lines());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.stop();
    };
    let both = async { tokio::join!(stage.apply_until(&options, &stop), asking) };
    let (applied, ()) = tokio::time::timeout(Duration::from_secs(45), both).await.expect("it waits on");
    applied.unwrap()
}

const HELD: &str = "refuses more calls for now (429)";

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_after_a_429_ends_when_it_is_asked_to_and_not_when_the_wait_is_over() {
    // in the middle of a router, and before anything was begun
    for (method, path) in [(http::Method::PUT, "/setting"), (http::Method::GET, "/inventory")] {
        let mut stage = Stage::of(2).await;
        // as runs have it: who has less patience than Mist's minute is refused at once
        stage.world.mist = stage.world.mist.patient(Duration::from_secs(2 * 60 * 60));
        stage.estate.cloud().misbehave(Misbehaviour::Status(429)).method(method.clone()).on(path).times(1);

        let applied = stopped_at(&stage, HELD).await;

        let budget = stage.world.mist.budget();
        assert!(!budget.held().is_zero(), "{method}: the wait is over");
        assert!(matches!(applied.stopped, Some(Stopped::Interrupted)), "{method}: {applied:?}");
        assert_eq!(stage.progress().ended.as_deref(), Some("interrupted"), "{method}");
        for router in ["store-0001", "store-0002"] {
            assert_eq!(end(&applied, router), &End::NotReached, "{method}: {applied:?}");
            let progress = stage.progress().router(&router.parse().unwrap());
            assert!(progress.failed.is_none(), "{method}: a router that waits has not failed");
        }
        assert_eq!(stage.estate.assignments(), [], "{method}");
        stage.is_safe();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_calls_are_spent_ends_when_it_is_asked_to() {
    let mut stage = Stage::of(1).await;
    let token = mist::ApiToken::new(stage.estate.cloud().token(stage.estate.org())).unwrap();
    let mut settings = mist::Settings::new(stage.estate.cloud().base_host().parse().unwrap(), token);
    settings.ca = Some(stage.estate.cloud().ca_pem().into());
    settings.budget = mist::Budget::new(3);
    settings.patience = Duration::from_secs(2 * 60 * 60);
    stage.world.mist = mist::Client::new(settings).unwrap();

    let applied = stopped_at(&stage, "all of this hour's are spent").await;

    assert!(matches!(applied.stopped, Some(Stopped::Interrupted)), "{applied:?}");
    assert_eq!(stage.world.mist.budget().left(), 0, "the wait is over");
    assert_eq!(stage.estate.writes(), [] as [String; 0]);
}
