//! The local engine: the authority of the traps that are sent.

use std::fmt;

use async_snmp as wire;
use thiserror::Error;

use crate::{EngineId, EngineState};

/// The engine of this process, started: one for all senders of SNMPv3 traps.
#[derive(Clone)]
pub struct Engine(wire::AuthoritativeEngine);

impl Engine {
    /// Starts the engine once more: counts the start and hands the new state to `persist`, which must not
    /// return before it is on disk. Only then can anything be sent.
    ///
    /// `persist` is kept and called again, with one more start, should the engine's clock of 68 years run out.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing was started.
    pub fn start<E>(
        state: &EngineState,
        mut persist: impl FnMut(&EngineState) -> Result<(), E> + Send + 'static,
    ) -> Result<Self, StartError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if state.boots() > EngineState::MAX_BOOTS {
            return Err(StartError::Exhausted);
        }
        let id = state.id().clone();
        let bytes = id.bytes().to_vec();
        let persist = move |state: &wire::PersistedAuthoritativeEngine| {
            persist(&EngineState::with_boots(id.clone(), state.engine_boots()))
        };
        let started = if state.boots() == 0 {
            wire::AuthoritativeEngine::install(bytes, persist)
        } else {
            wire::PersistedAuthoritativeEngine::new(bytes, state.boots())
                .and_then(|previous| wire::AuthoritativeEngine::restart(previous, persist))
        };
        started.map(Self).map_err(|error| StartError::Persist { source: error.into() })
    }

    /// The engine's name and count of starts, as last persisted.
    #[must_use]
    pub fn state(&self) -> EngineState {
        let id = EngineId::of(self.0.engine_id());
        EngineState::with_boots(id, self.0.engine_boots())
    }

    pub(super) const fn inner(&self) -> &wire::AuthoritativeEngine {
        &self.0
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Engine").field(&self.state()).finish()
    }
}

/// An engine could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The new state could not be written.
    #[error("the state of the SNMP engine could not be kept")]
    Persist {
        /// What `persist` said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine was started as often as an engine can be: make a new one.
    #[error("the SNMP engine was started as often as an engine can be")]
    Exhausted,
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::Mib;

    /// Starts `state` and gives what was persisted.
    fn started(state: &EngineState) -> EngineState {
        let kept = Arc::new(Mutex::new(None));
        let file = Arc::clone(&kept);
        let engine = Engine::start(state, move |state| {
            *file.lock().unwrap() = Some(state.clone());
            Ok::<_, Infallible>(())
        })
        .unwrap();
        let kept = kept.lock().unwrap().clone().unwrap();
        assert_eq!(engine.state(), kept);
        kept
    }

    #[test]
    fn every_start_counts_one_more_under_the_same_id() {
        let new = EngineState::random(&Mib::default()).unwrap();

        let first = started(&new);
        let second = started(&EngineState::parse(&first.to_string()).unwrap());
        let third = started(&second);

        assert_eq!((first.boots(), second.boots(), third.boots()), (1, 2, 3));
        assert!([&first, &second, &third].iter().all(|state| state.id() == new.id()));
    }

    #[test]
    fn an_engine_whose_state_cannot_be_kept_does_not_start() {
        let new = EngineState::random(&Mib::default()).unwrap();

        let refused = Engine::start(&new, |_| Err(io::Error::other("no space"))).unwrap_err();

        assert!(
            matches!(&refused, StartError::Persist { source } if source.to_string().contains("no space"))
        );
    }

    #[test]
    fn the_last_start_is_one_that_receivers_still_take() {
        let id = EngineState::random(&Mib::default()).unwrap().id().clone();
        let last = started(&EngineState::with_boots(id, EngineState::MAX_BOOTS));

        assert_eq!(last.boots(), 2_147_483_646);
        let refused = Engine::start(&last, |_| Ok::<_, Infallible>(())).unwrap_err();
        assert!(matches!(refused, StartError::Exhausted));
    }
}
