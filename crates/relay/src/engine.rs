//! The relay's own SNMP engine, made once and kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use snmp::{Engine, EngineState, Mib};
use tracing::{error, warn};

use crate::keep;
use crate::{Cause, Error};

/// Where the engine is kept below the state directory.
#[must_use]
pub fn engine_path(state: &Path) -> PathBuf {
    state.join("snmp-engine")
}

/// Starts the engine kept in `state`: counts this start and writes it down before anything is sent.
///
/// An engine whose count is lost is never used again: receivers would drop its traps in silence.
pub(crate) fn start(state: &Path, mib: &Mib) -> Result<Engine, Error> {
    let path = engine_path(state);
    let kept = match fs::read(&path) {
        Ok(text) => match EngineState::parse(&String::from_utf8_lossy(&text)) {
            Ok(kept) => Some(kept),
            Err(error) => {
                error!(
                    path = %path.display(),
                    %error,
                    "the SNMP engine's file is damaged: a NEW engine id is made; tell it to every receiver of \
                     SNMPv3 traps (fogbell snmp user-line NAME)"
                );
                None
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(Error::Keep { action: "read", path, source }),
    };
    let state = match kept {
        Some(kept) => kept,
        None => {
            let new = EngineState::random(mib).map_err(|source| failed(&path, source.into()))?;
            warn!(engine_id = %new.id(), "a new SNMP engine id was made; receivers of SNMPv3 traps must know it");
            new
        }
    };
    let file = path.clone();
    Engine::start(&state, move |state| keep::write(&file, state.to_string().as_bytes()))
        .map_err(|source| failed(&path, source.into()))
}

fn failed(path: &Path, source: Cause) -> Error {
    Error::Keep {
        action: "start the SNMP engine kept in",
        path: path.to_owned(),
        source: io::Error::other(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_counts_on_under_one_id() {
        let dir = tempfile::tempdir().unwrap();

        let first = start(dir.path(), &Mib::default()).unwrap().state();
        let second = start(dir.path(), &Mib::default()).unwrap().state();

        assert_eq!((first.boots(), second.boots()), (1, 2));
        assert_eq!(first.id(), second.id());
        assert_eq!(
            EngineState::parse(&fs::read_to_string(engine_path(dir.path())).unwrap()).unwrap(),
            second
        );
    }

    #[test]
    fn a_damaged_file_means_a_new_id() {
        let dir = tempfile::tempdir().unwrap();
        let first = start(dir.path(), &Mib::default()).unwrap().state();
        fs::write(engine_path(dir.path()), "engine_id = 0x80\n").unwrap();

        let second = start(dir.path(), &Mib::default()).unwrap().state();

        assert_ne!(first.id(), second.id());
        assert_eq!(second.boots(), 1);
    }
}
