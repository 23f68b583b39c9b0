//! `fogbell snmp probe`: whether a receiver would take what the relay sends, and if not, why.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use relay::Config;
use relay::config::SecretHome;
use serde_json::json;

use crate::open;
use crate::secrets::Secrets;

/// Asks the receiver of the sink `name`, and prints a line per step.
pub(crate) fn show(path: &Path, name: &str, json: bool) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let index = open::snmp_sink(&config, name)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let secrets = Secrets::of(&config);
    let read = |home: &SecretHome| secrets.read(home);
    let probing = relay::probe_snmp(&config, index, &read);
    let found = runtime.block_on(probing).map_err(|error| -> Box<dyn Error> { error })?;

    let works = found.last().is_some_and(snmp::Finding::works);
    let address = &config.snmp[index].address;
    let mut out = io::stdout().lock();
    if json {
        let steps: Vec<_> =
            found.iter().map(|it| json!({ "ok": it.is_step(), "text": it.to_string() })).collect();
        let told = json!({ "sink": name, "receiver": address.to_string(), "works": works, "steps": steps });
        writeln!(out, "{told:#}")?;
    } else {
        for finding in &found {
            let mark = if finding.is_step() { "ok" } else { "FAILED" };
            writeln!(out, "{mark}: {address}: {finding}")?;
        }
    }
    if works { Ok(()) } else { Err(format!("sink `{name}` would not get through").into()) }
}
