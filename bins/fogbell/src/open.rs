//! Reads what the configuration names: secrets and the listener's certificate.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pki::{Chain, KeyPair};
use relay::{Cause, Config, Identity, Setup};
use tracing::{info, warn};

use crate::secrets::Secrets;

/// Everything that a relay is made of, as `config`, its files and `secrets` are now: what `check` finds good, what
/// `run` starts with, and what a running relay can be given in their place.
pub(crate) fn setup(config: &Config, make: Make, secrets: &Secrets<'_>) -> Result<Setup, Box<dyn Error>> {
    let identity = identity(config, make)?;
    Ok(Setup::new(config.clone(), identity, &|home| secrets.read(home))?)
}

/// The place of the `[[snmp]]` sink `name` in the configuration.
pub(crate) fn snmp_sink(config: &Config, name: &str) -> Result<usize, Box<dyn Error>> {
    let names: Vec<&str> = config.snmp.iter().map(|snmp| snmp.name.as_str()).collect();
    names
        .iter()
        .position(|known| *known == name)
        .ok_or_else(|| format!("there is no [[snmp]] sink `{name}`; there are: {}", names.join(", ")).into())
}

/// Whether files may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Make {
    Nothing,
    WhatIsMissing,
}

/// The certificate and key of the listener: the operator's files, or the relay's own self-signed ones.
fn identity(config: &Config, make: Make) -> Result<Identity, Box<dyn Error>> {
    let tls = &config.tls;
    let wrong = |keys: &str, what: &str, source: Option<Cause>| -> Box<dyn Error> {
        relay::Error::Config { place: Box::new(config.place(keys)), what: what.to_owned(), source }.into()
    };
    let (chain, key) = match (&tls.certificate, &tls.key, tls.self_signed.as_slice()) {
        (Some(certificate), Some(key), []) => {
            let chain = Chain::load(certificate).map_err(|error| {
                wrong("tls.certificate", "this certificate cannot be used", Some(error.into()))
            })?;
            let key = pki::read_private(key)
                .map_err(Cause::from)
                .and_then(|pem| Ok(KeyPair::parse(&pem)?))
                .map_err(|source| {
                let what = format!("the key in `{}` cannot be used", key.display());
                wrong("tls.key", &what, Some(source))
            })?;
            (chain, key)
        }
        (None, None, names @ [_, ..]) => match self_signed(config, names, make) {
            Ok(made) => made,
            // a full disk is no fault of the configuration
            Err(source) if source.is::<pki::WriteError>() => return Err(source),
            Err(source) => {
                return Err(wrong(
                    "tls.self_signed",
                    "the self-signed certificate cannot be used",
                    Some(source),
                ));
            }
        },
        (None, None, []) => {
            let what = "the listener needs `certificate` and `key`, or `self_signed` with the relay's names";
            return Err(wrong("tls", what, None));
        }
        _ => {
            let what = "set either both `certificate` and `key`, or `self_signed`";
            return Err(wrong("tls", what, None));
        }
    };
    pki::matches(&chain, &key).map_err(|error| {
        wrong("tls.key", "the key does not belong to the certificate", Some(error.into()))
    })?;
    for finding in chain.judge(SystemTime::now()) {
        warn!("certificate of the listener: {finding}");
    }
    if make == Make::WhatIsMissing {
        info!(fingerprint = %chain.leaf().fingerprint, "certificate of the listener (SHA-256)");
    }
    Ok(Identity { chain: chain.certificates().to_vec(), key: key.der().clone_key() })
}

/// The self-signed certificate that was made at the first start, with its key in the same file.
fn self_signed(config: &Config, names: &[String], make: Make) -> Result<(Chain, KeyPair), Cause> {
    let path = self_signed_path(&config.state);
    let pem = match pki::read_private(&path) {
        Ok(pem) => pem,
        Err(error) if is_missing(&path) => {
            let made = pki::self_signed(names, SystemTime::now())?;
            // of its full size from the start: a buffer that grows leaves copies of the key behind
            let mut pem =
                zeroize::Zeroizing::new(Vec::with_capacity(made.key_pem.len() + made.chain_pem.len()));
            pem.extend_from_slice(made.key_pem.as_bytes());
            pem.extend_from_slice(made.chain_pem.as_bytes());
            if make == Make::WhatIsMissing {
                pki::write_durably(&path, &pem, 0o600)?;
                info!(path = %path.display(), "made a self-signed certificate");
            } else {
                drop(error);
            }
            pem
        }
        Err(error) => return Err(error.into()),
    };
    let chain = Chain::parse(&pem)?;
    let missing: Vec<&String> =
        names.iter().filter(|name| !chain.leaf().names.iter().any(|has| has == *name)).collect();
    if !missing.is_empty() {
        warn!(
            path = %path.display(),
            ?missing,
            "the self-signed certificate lacks names of the configuration; remove the file to have a new one made"
        );
    }
    Ok((chain, KeyPair::parse(&pem)?))
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn self_signed_path(state: &Path) -> PathBuf {
    state.join("self-signed.pem")
}
