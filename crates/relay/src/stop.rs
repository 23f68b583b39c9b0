//! Tells parts of the relay to stop.

use tokio::sync::watch;

/// What a part of the relay watches to know that it is to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Told>);

/// Tells one part of the relay to stop.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<Told>);

/// How to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    /// Not at all.
    Nothing,
    /// Once everything there is has been done.
    Stop,
    /// Once what was begun is done.
    Halt,
}

impl Stopper {
    pub(crate) fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Told::Nothing);
        (Self(sender), Stop(receiver))
    }

    /// Has it stop once everything there is has been done.
    pub(crate) fn stop(&self) {
        self.0.send_replace(Told::Stop);
    }

    /// Has it stop once what was begun is done; somebody else goes on from there.
    pub(crate) fn halt(&self) {
        self.0.send_replace(Told::Halt);
    }
}

impl Stop {
    /// Whether it is to stop.
    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow() != Told::Nothing
    }

    /// Whether it is to begin nothing more.
    pub(crate) fn is_halted(&self) -> bool {
        *self.0.borrow() == Told::Halt
    }

    /// Resolves when it is to stop, also when nobody is left to say so.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|told| *told != Told::Nothing).await;
    }
}
