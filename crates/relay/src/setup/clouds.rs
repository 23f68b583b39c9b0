//! The addresses of the clouds: those that came with this version, or the operator's file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use webhook::CloudTable;

use crate::Error;
use crate::config::Config;
use crate::error::Cause;

/// The addresses of the clouds that `config` goes by.
///
/// # Errors
///
/// [`Error::Config`] when its file cannot be used, and why.
pub fn cloud_table(config: &Config) -> Result<CloudTable, Error> {
    let Some(path) = &config.gate.clouds else { return Ok(CloudTable::bundled()) };
    read(path).map_err(|source| Error::Config {
        place: Box::new(config.place("gate.clouds")),
        what: format!("the addresses in `{}` cannot be used", path.display()),
        source: Some(source),
    })
}

fn read(path: &Path) -> Result<CloudTable, Cause> {
    let mut json = String::new();
    File::open(path)?.take(MAX_BYTES).read_to_string(&mut json)?;
    Ok(CloudTable::parse(&json)?)
}

/// Longer than a table of hundreds of clouds.
const MAX_BYTES: u64 = 1 << 20;
