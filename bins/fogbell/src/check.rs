//! `fogbell check`: everything a start does, short of binding and writing.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use relay::Config;
use serde_json::json;

use crate::certificate::Make;
use crate::secrets::Secrets;
use crate::{open, upstream};

/// Checks the configuration at `path` with everything it names.
pub(crate) fn check(path: &Path, json: bool) -> Result<(), Box<dyn Error>> {
    let checked = checked(path);
    let mut out = io::stdout().lock();
    if json {
        let told = match &checked {
            Ok((warnings, summary)) => {
                json!({ "path": path, "ok": true, "summary": summary, "warnings": warnings })
            }
            Err(error) => {
                json!({ "path": path, "ok": false, "error": relay::Chain(error.as_ref()).to_string() })
            }
        };
        writeln!(out, "{told:#}")?;
        return checked.map(drop);
    }
    let (warnings, summary) = checked?;
    for warning in warnings {
        writeln!(out, "warning: {warning}")?;
    }
    Ok(writeln!(out, "{}: OK ({summary})", path.display())?)
}

/// What is to be warned of, and what there is.
fn checked(path: &Path) -> Result<(Vec<String>, String), Box<dyn Error>> {
    let config = Config::load(path)?;
    let secrets = Secrets::of(&config);
    let setup = open::setup(&config, Make::Nothing, &secrets)?;
    drop(upstream::organisations(&config, &secrets)?);
    Ok((setup.warnings().iter().map(ToString::to_string).collect(), setup.summary()))
}
