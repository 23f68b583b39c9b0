//! The version of the configuration's format.

use std::path::Path;

use toml::de::DeTable;

use super::Place;
use crate::Error;

/// The version this program reads; keys are only added to it.
pub(super) const VERSION: u32 = 1;

pub(super) const fn current() -> u32 {
    VERSION
}

/// Refuses the configuration of a newer program before its keys are found unknown. A text that is no TOML is left to who
/// parses it.
pub(super) fn check(path: &Path, text: &str) -> Result<(), Error> {
    let Ok(table) = DeTable::parse(text) else { return Ok(()) };
    let Some(version) = table.get_ref().get("version").and_then(|value| value.get_ref().as_integer()) else {
        return Ok(());
    };
    match u32::from_str_radix(version.as_str(), version.radix()) {
        Ok(VERSION) => Ok(()),
        _ => Err(Error::Config {
            place: Box::new(Place::find(path, text, "version")),
            what: format!(
                "this configuration has version {version}, and this program reads version {VERSION}: it is of a newer \
                 fogbell, which reads this version, too; install that, or write the file anew for this one",
                version = version.as_str()
            ),
            source: None,
        }),
    }
}
