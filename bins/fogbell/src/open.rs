//! Makes a relay of what the configuration names.

use std::error::Error;

use relay::{Config, Setup};

use crate::certificate::{self, Make};
use crate::secrets::Secrets;

/// Everything that a relay is made of, as `config`, its files and `secrets` are now: what `check` finds good, what
/// `run` starts with, and what a running relay can be given in their place.
pub(crate) fn setup(config: &Config, make: Make, secrets: &Secrets<'_>) -> Result<Setup, Box<dyn Error>> {
    let certificate = certificate::open(config, make)?;
    Ok(Setup::new(config.clone(), certificate, &|home| secrets.read(home))?)
}

/// The place of the `[[snmp]]` sink `name` in the configuration.
pub(crate) fn snmp_sink(config: &Config, name: &str) -> Result<usize, Box<dyn Error>> {
    let names: Vec<&str> = config.snmp.iter().map(|snmp| snmp.name.as_str()).collect();
    names
        .iter()
        .position(|known| *known == name)
        .ok_or_else(|| format!("there is no [[snmp]] sink `{name}`; there are: {}", names.join(", ")).into())
}
