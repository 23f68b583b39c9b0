//! `fogbell snmp user-line`: what a receiver has to know of the relay's SNMPv3 user.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use relay::Config;
use relay::config::SnmpVersion;
use snmp::{Credentials, EngineState};

use crate::open;

/// Prints the `createUser` line of the sink `name`.
pub(crate) fn show(path: &Path, name: &str, reveal: bool) -> Result<(), Box<dyn Error>> {
    if reveal && !io::stdout().is_terminal() {
        return Err(
            "the passphrases are shown on a terminal only; leave out --reveal and fill them in there".into(),
        );
    }
    let config = Config::load(path)?;
    let names: Vec<&str> = config.snmp.iter().map(|snmp| snmp.name.as_str()).collect();
    let Some(index) = names.iter().position(|known| *known == name) else {
        return Err(format!("there is no [[snmp]] sink `{name}`; there are: {}", names.join(", ")).into());
    };
    let sink = &config.snmp[index];
    if sink.version != SnmpVersion::V3 {
        return Err(format!("sink `{name}` speaks version 2c, which has a community and no user").into());
    }
    let credentials = relay::snmp_credentials(&config, index, &open::secret)?;
    let Credentials::V3 { user, auth, privacy } = &credentials else {
        return Err(format!("sink `{name}` has no user").into());
    };
    let engine_path = relay::engine_path(&config.state);
    let engine = fs::read_to_string(&engine_path).map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::NotFound {
            "; start the relay once, which makes it"
        } else {
            ""
        };
        format!("cannot read the SNMP engine kept in `{}`: {error}{hint}", engine_path.display())
    })?;
    let engine = EngineState::parse(&engine)?;
    let mut out = io::stdout().lock();
    if reveal {
        let line = snmp::revealed_user_line(
            engine.id(),
            user,
            (auth.0, &auth.1),
            (privacy.0, &privacy.1),
            sink.notification,
        );
        writeln!(out, "{}", *line)?;
    } else {
        writeln!(out, "{}", snmp::user_line(engine.id(), user, auth.0, privacy.0, sink.notification))?;
    }
    Ok(())
}
