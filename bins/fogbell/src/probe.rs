//! `fogbell snmp probe`: whether a receiver would take what the relay sends, and if not, why.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use relay::Config;
use relay::config::SecretHome;

use crate::open;
use crate::secrets::Secrets;

/// Asks the receiver of the sink `name`, and prints a line per step.
pub(crate) fn show(path: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let index = open::snmp_sink(&config, name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secrets = Secrets::of(&config);
    let read = |home: &SecretHome| secrets.read(home);
    let probing = relay::probe_snmp(&config, index, &read);
    let found = runtime.block_on(probing).map_err(|error| -> Box<dyn Error> { error })?;

    let address = &config.snmp[index].address;
    let mut out = io::stdout().lock();
    for finding in &found {
        let mark = if finding.is_step() { "ok" } else { "FAILED" };
        writeln!(out, "{mark}: {address}: {finding}")?;
    }
    match found.last() {
        Some(last) if last.works() => Ok(()),
        _ => Err(format!("sink `{name}` would not get through").into()),
    }
}
