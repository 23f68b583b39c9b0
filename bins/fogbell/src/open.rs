//! Makes a relay of what the configuration names.

use std::error::Error;

use ::upstream::Organisation;
use relay::{Config, Setup};

use crate::certificate::{self, Make};
use crate::renewal::{self, Upkeep};
use crate::secret_files::Looks;
use crate::secrets::Secrets;
use crate::upstream::{self, Access};

/// Everything that a running program is made of, as a configuration, its files and its secrets are now.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) setup: Setup,
    pub(crate) beside: Beside,
}

/// What runs beside the relay.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) organisations: Vec<(Organisation, u8)>,
    /// What asking about the organisations goes by.
    pub(crate) access: Access,
    pub(crate) upkeep: Upkeep,
    /// The files that were read for it and may be replaced while it runs, as they looked before.
    pub(crate) files: Looks,
}

impl Parts {
    pub(crate) fn of(config: &Config, make: Make) -> Result<Self, Box<dyn Error>> {
        let secrets = Secrets::of(config);
        let tls = config.syslog.iter().map(|sink| &sink.tls);
        let certificates = tls.flat_map(|tls| [&tls.ca, &tls.certificate]).flatten();
        let (mut files, mut own) = (Looks::default(), Looks::default());
        certificates.for_each(|file| files.at(file));
        config.tls.certificate.iter().for_each(|file| own.at(file));
        let setup = setup(config, make, &secrets)?;
        let organisations = upstream::organisations(config, &secrets)?;
        let access = Access::of(config, &secrets);
        let upkeep = renewal::upkeep(config, &secrets)?;
        files = files.and(secrets.files());
        match &upkeep {
            // both are watched by themselves: they are replaced one behind the other
            Upkeep::Files { key, .. } => files.without(key),
            _ => files = files.and(own),
        }
        Ok(Self { setup, beside: Beside { organisations, access, upkeep, files } })
    }
}

/// Everything that a relay is made of, as `config`, its files and `secrets` are now: what `check` finds good, what
/// `run` starts with, and what a running relay can be given in their place.
pub(crate) fn setup(config: &Config, make: Make, secrets: &Secrets<'_>) -> Result<Setup, Box<dyn Error>> {
    let certificate = certificate::open(config, make, secrets)?;
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
