//! Asking a run to stop.

use std::convert::Infallible;
use std::future::{Future, pending};

use tokio::sync::watch;

use super::World;

/// Asks a run to stop; dropping it asks for nothing.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// One, and what a run is given of it.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Asks: what is under way is finished, and nothing more is begun.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// Whether a run was asked to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// For runs that nobody asks.
    #[must_use]
    pub fn never() -> Self {
        Stopper::new().1
    }

    /// Whether it was.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is; never when nobody can ask any more.
    pub async fn asked(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked).await.is_err() {
            pending().await
        }
    }
}

/// From when `stop` is asked, nobody waits for a free call to Mist: a wait is no call in flight. Never comes to an end; dropped,
/// everybody waits again.
pub(super) async fn hurry_when_asked(world: &World, stop: &Stop) -> Infallible {
    stop.asked().await;
    let _hurry = world.mist.budget().hurry();
    pending().await
}

/// Does `work`, of which nothing waits for a free call to Mist from when `stop` is asked.
pub(super) async fn hurried<T>(world: &World, stop: &Stop, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        never = hurry_when_asked(world, stop) => match never {},
    }
}
