//! The client against a fake conductor over HTTPS.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "rest/candidate.rs"]
mod candidate;
#[path = "rest/misbehaviour.rs"]
mod misbehaviour;
#[path = "rest/reading.rs"]
mod reading;
#[path = "rest/trust.rs"]
mod trust;

use std::time::Duration;

use fogbell_conductor::{Conductor, Password, Retry, Settings, Trust};
use testkit::conductor::{ConductorSettings, FakeConductor};

/// A conductor with one router, `r1`, whose node `node0` has the asset id `LR1`.
async fn start() -> FakeConductor {
    start_with(|_| {}).await
}

async fn start_with(change: impl FnOnce(&mut ConductorSettings)) -> FakeConductor {
    let mut settings = ConductorSettings::default();
    change(&mut settings);
    let fake = FakeConductor::start(settings).await.unwrap();
    fake.add_router("r1", &[("node0", "LR1")]);
    fake
}

/// A client that waits a second for an answer and tries three times without a pause.
fn client(fake: &FakeConductor) -> Conductor {
    client_with(fake, |_| {})
}

fn client_with(fake: &FakeConductor, change: impl FnOnce(&mut Settings)) -> Conductor {
    let password = Password::new(fake.password()).unwrap();
    let mut settings = Settings::new(fake.base_host().parse().unwrap(), fake.user(), password);
    settings.trust = Trust::Authorities(fake.ca_pem().into());
    settings.answer_timeout = Duration::from_secs(2);
    settings.commit_timeout = Duration::from_secs(2);
    settings.retry =
        Retry { tries: 3, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(2) };
    change(&mut settings);
    Conductor::new(settings).unwrap()
}
