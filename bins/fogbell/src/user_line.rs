//! `fogbell snmp user-line`: what a receiver has to know of the relay's SNMPv3 user.

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use relay::Config;
use relay::config::SnmpVersion;
use snmp::{Credentials, EngineState};

use crate::open;
use crate::secrets::Secrets;

/// Prints the `createUser` and `authUser` lines of the sink `name`.
pub(crate) fn show(path: &Path, name: &str, reveal: bool) -> Result<(), Box<dyn Error>> {
    if reveal && !io::stdout().is_terminal() {
        return Err(
            "the passphrases are shown on a terminal only; leave out --reveal and fill them in there".into(),
        );
    }
    let config = Config::load(path)?;
    let index = open::snmp_sink(&config, name)?;
    let sink = &config.snmp[index];
    if sink.version != SnmpVersion::V3 {
        return Err(format!("sink `{name}` speaks version 2c, which has a community and no user").into());
    }
    let secrets = Secrets::of(&config);
    let credentials = relay::snmp_credentials(&config, index, &|home| secrets.read(home))?;
    let Credentials::V3 { user, security } = &credentials else {
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
        let lines = snmp::revealed_user_lines(engine.id(), user, security, sink.notification);
        writeln!(out, "{}", *lines)?;
    } else {
        writeln!(out, "{}", snmp::user_lines(engine.id(), user, security, sink.notification))?;
    }
    Ok(())
}
