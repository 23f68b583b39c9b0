//! `fogbell cert check`: the chain, as somebody who posts here would judge it.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use pki::Authorities;
use relay::Config;

use super::{Unsound, facts};

/// Checks the certificate of the configuration at `path` for a peer that trusts `ca`, or what the system trusts.
pub(super) fn check(path: &Path, ca: Option<&Path>, names: &[String]) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let files = facts::in_files(&config)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", files.path.display())?;
    let mut sound = true;
    let mut say = |holds: bool, what: &str| {
        sound &= holds;
        writeln!(out, "{}  {what}", if holds { "ok    " } else { "FAILED" })
    };
    let (chain, key) = match files.pair {
        Ok(Some(pair)) => pair,
        Ok(None) => {
            say(false, "there is no certificate yet; the relay has it made when it starts")?;
            return Err(Unsound.into());
        }
        Err(error) => {
            say(false, &relay::Chain(error.as_ref()).to_string())?;
            return Err(Unsound.into());
        }
    };
    let now = SystemTime::now();
    say(true, &format!("the key ({}) belongs to the certificate", key.kind()))?;
    let authorities = match ca {
        Some(file) => Authorities::load(file)?,
        None => Authorities::new(rustls_native_certs::load_native_certs().certs),
    };
    match chain.verify(&authorities, now) {
        Ok(()) => {
            let days = chain.leaf().validity.days_left(now);
            say(
                true,
                &format!("the chain leads to an authority that is trusted, and holds for {days} days more"),
            )?;
        }
        Err(error) => say(false, &error.to_string())?,
    }
    // what is the same for every peer was not all said by the first thing that is wrong
    for finding in chain.judge(now) {
        say(false, &finding.to_string())?;
    }
    let configured = facts::names(&config);
    for name in if names.is_empty() { &configured } else { names } {
        // for a wildcard any host below it will do
        let host = name.replace('*', "host");
        let what = if chain.is_for(&host) { "is for" } else { "is NOT for" };
        say(chain.is_for(&host), &format!("it {what} {name}"))?;
    }
    if sound { Ok(()) } else { Err(Unsound.into()) }
}
