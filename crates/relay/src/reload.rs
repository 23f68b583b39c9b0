//! Changing a relay while it runs: who is let in, what is made of messages, and which sink gets it.

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::config::Listen;
use crate::{Config, Error, Setup};

/// A way to give a running relay another configuration.
#[derive(Clone, Debug)]
pub struct Reloader(mpsc::Sender<Reload>);

/// Another configuration, and who waits to hear what came of it.
#[derive(Debug)]
pub(crate) struct Reload {
    pub(crate) setup: Box<Setup>,
    pub(crate) answer: oneshot::Sender<Result<(), NotReloaded>>,
}

/// Why a running relay goes on as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotReloaded {
    /// It differs in what a relay cannot change while it runs.
    #[error("{} can change only with a restart of the relay; nothing was changed", keys.join(", "))]
    NeedsRestart {
        /// The keys that differ.
        keys: Vec<&'static str>,
    },
    /// Something that has to be written first could not be.
    #[error("what the new sinks need could not be written; nothing was changed")]
    NotWritten {
        /// Why.
        source: Error,
    },
    /// The relay does not run, or stops.
    #[error("the relay is stopping; nothing was changed")]
    Stopping,
}

/// Somebody at the admin socket wants the configuration read again, and waits to hear what came of it.
#[derive(Debug)]
pub struct AskedReload(pub(crate) oneshot::Sender<Result<String, String>>);

impl AskedReload {
    /// Says what came of it.
    pub fn answer(self, what: Result<String, String>) {
        let _gone = self.0.send(what);
    }
}

impl Reloader {
    /// A reloader, and what it asks for.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Reload>) {
        let (sender, receiver) = mpsc::channel(1);
        (Self(sender), receiver)
    }

    /// Goes on with `setup`: the gate for every request from now on, the rules for every message that is not interpreted
    /// yet, routes and sinks for every alert that is not delivered yet. Connections stay open, and every sink goes on
    /// from its cursor; one that is new starts at now, or as it says.
    ///
    /// # Errors
    ///
    /// [`NotReloaded`]; then everything is as it was.
    pub async fn apply(&self, setup: Setup) -> Result<(), NotReloaded> {
        let (answer, answered) = oneshot::channel();
        let reload = Reload { setup: Box::new(setup), answer };
        self.0.send(reload).await.map_err(|_| NotReloaded::Stopping)?;
        answered.await.unwrap_or(Err(NotReloaded::Stopping))
    }
}

/// The keys in which `new` differs from `old` that a relay cannot change while it runs.
pub(crate) fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let kept = |config: &Config| {
        [
            ("name", format!("{:?}", config.name)),
            ("state", format!("{:?}", config.state)),
            ("enterprise", config.enterprise.to_string()),
            // only commands go by the URL
            ("listen", format!("{:?}", Listen { public_url: None, ..config.listen.clone() })),
            ("admin", format!("{:?}", config.admin)),
            ("journal.path", format!("{:?}", config.journal.path)),
            ("journal.max_bytes", config.journal.max_bytes.to_string()),
            ("journal.history_secs", config.journal.history_secs.to_string()),
        ]
    };
    let differ = kept(old).into_iter().zip(kept(new)).filter(|(old, new)| old.1 != new.1);
    differ.map(|((key, _), _)| key).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(Path::new("fogbell.toml"), text.to_owned()).unwrap()
    }

    #[test]
    fn what_cannot_change_is_named_and_the_rest_can() {
        let old = config("");
        for (text, keys) in [
            ("", vec![]),
            ("grace_secs = 20\n[gate]\nbody_secs = 5\n[journal]\nsink_max_bytes = 7", vec![]),
            ("[[org]]\nname = 'acme'\npath = '/acme'\ncloud = 'global01'", vec![]),
            ("[listen]\npublic_url = 'https://relay.example.net'", vec![]),
            ("name = 'another'", vec!["name"]),
            ("state = '/tmp'\nenterprise = 7", vec!["state", "enterprise"]),
            ("[listen]\naddress = '127.0.0.1:1'\n[admin]\nsocket = '/x'", vec!["listen", "admin"]),
            ("[journal]\npath = '/x'\nmax_bytes = 1", vec!["journal.path", "journal.max_bytes"]),
            ("[journal]\nhistory_secs = 1", vec!["journal.history_secs"]),
        ] {
            assert_eq!(needs_restart(&old, &config(text)), keys, "{text}");
        }
    }
}
