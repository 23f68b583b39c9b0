//! `fogbell cert check`: the chain, as somebody who posts here would judge it.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use pki::{Authorities, Chain, KeyPair};
use relay::Config;
use serde_json::json;

use super::{Unsound, facts};

/// Checks the certificate of the configuration at `path` for a peer that trusts `ca`, or what the system trusts.
pub(super) fn check(
    path: &Path,
    ca: Option<&Path>,
    names: &[String],
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let files = facts::in_files(&config)?;
    let said = match files.pair {
        Ok(Some(pair)) => judged(&config, &pair, ca, names)?,
        Ok(None) => {
            vec![(false, "there is no certificate yet; the relay has it made when it starts".to_owned())]
        }
        Err(error) => vec![(false, relay::Chain(error.as_ref()).to_string())],
    };
    let sound = said.iter().all(|(holds, _)| *holds);
    let mut out = io::stdout().lock();
    if json {
        let checks: Vec<_> =
            said.iter().map(|(holds, what)| json!({ "holds": holds, "text": what })).collect();
        writeln!(out, "{:#}", json!({ "path": files.path, "sound": sound, "checks": checks }))?;
    } else {
        writeln!(out, "{}", files.path.display())?;
        for (holds, what) in said {
            writeln!(out, "{}  {what}", if holds { "ok    " } else { "FAILED" })?;
        }
    }
    if sound { Ok(()) } else { Err(Unsound.into()) }
}

/// What holds and what does not, of a certificate and its key.
fn judged(
    config: &Config,
    (chain, key): &(Chain, KeyPair),
    ca: Option<&Path>,
    names: &[String],
) -> Result<Vec<(bool, String)>, Box<dyn Error>> {
    let now = SystemTime::now();
    let mut said = vec![(true, format!("the key ({}) belongs to the certificate", key.kind()))];
    let authorities = match ca {
        Some(file) => Authorities::load(file)?,
        None => Authorities::new(rustls_native_certs::load_native_certs().certs),
    };
    said.push(match chain.verify(&authorities, now) {
        Ok(()) => {
            let days = chain.leaf().validity.days_left(now);
            (true, format!("the chain leads to an authority that is trusted, and holds for {days} days more"))
        }
        Err(error) => (false, error.to_string()),
    });
    // what is the same for every peer was not all said by the first thing that is wrong
    said.extend(chain.judge(now).into_iter().map(|finding| (false, finding.to_string())));
    let configured = facts::names(config);
    for name in if names.is_empty() { &configured } else { names } {
        // for a wildcard any host below it will do
        let holds = chain.is_for(&name.replace('*', "host"));
        let what = if holds { "is for" } else { "is NOT for" };
        said.push((holds, format!("it {what} {name}")));
    }
    Ok(said)
}
