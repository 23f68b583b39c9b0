//! `fogbell check`: everything a start does, short of binding and writing.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use relay::Config;

use crate::certificate::Make;
use crate::secrets::Secrets;
use crate::{open, upstream};

/// Checks the configuration at `path` with everything it names.
pub(crate) fn check(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let secrets = Secrets::of(&config);
    let setup = open::setup(&config, Make::Nothing, &secrets)?;
    drop(upstream::organisations(&config, &secrets)?);
    let mut out = io::stdout().lock();
    for warning in setup.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "{}: OK ({})", path.display(), setup.summary())?;
    Ok(())
}
