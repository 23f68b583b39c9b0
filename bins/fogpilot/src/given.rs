//! What a person gave of `show secure-conductor-onboarding`, kept beside the record of a run.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use ids::Timestamp;
use sco::AssetId;
use sco::observe::AuthState;

use crate::exit::Failure;
use crate::runs::Run;

/// When each state was handed over, and what it is.
pub(crate) type Given = BTreeMap<AssetId, (Timestamp, AuthState)>;

/// What was given for `run` so far.
pub(crate) fn load(run: &Run) -> Result<Given, Failure> {
    let path = run.folder.join(FILE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Given::new()),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display()).into()),
        Ok(text) => Ok(serde_json::from_str(&text).map_err(|error| {
            format!("`{}` is damaged: {error}; remove it, and give the output again", path.display())
        })?),
    }
}

/// Keeps what was given for `run`.
pub(crate) fn save(run: &Run, given: &Given) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(given)?;
    Ok(pki::write_durably(&run.folder.join(FILE), text.as_bytes(), 0o600)?)
}

const FILE: &str = "given.json";
