//! Whoever can ask Mist for a ping, as the relay sees him.

use tokio::sync::{mpsc, oneshot};

/// What came of asking Mist for a ping.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pinged {
    /// Mist took it: it has to come in soon.
    Sent,
    /// Mist could not be asked, or refused; why, for a person.
    NotPossible(String),
}

/// The relay wants Mist to send a ping to it.
#[derive(Debug)]
pub struct AskedPing {
    /// The organisation, by its name in the configuration.
    pub org: String,
    answer: oneshot::Sender<Pinged>,
}

/// The pings that a relay wants, as it wants them.
pub type PingStream = mpsc::Receiver<AskedPing>;

impl AskedPing {
    pub(crate) fn new(org: &str) -> (Self, oneshot::Receiver<Pinged>) {
        let (answer, answered) = oneshot::channel();
        (Self { org: org.to_owned(), answer }, answered)
    }

    /// Says what came of it.
    pub fn answer(self, pinged: Pinged) {
        let _gone = self.answer.send(pinged);
    }
}
