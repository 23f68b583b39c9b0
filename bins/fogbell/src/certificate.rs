//! The certificate of the listener: the operator's files, the relay's own, or an authority's.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pki::{Chain, KeyPair};
use relay::config::{Acme, SecretHome};
use relay::{Cause, Certificate, Config, Identity, Renewed, Served};
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use crate::secrets::Secrets;

/// Whether files may be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Make {
    Nothing,
    WhatIsMissing,
}

/// Where the configuration says that the certificate comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// The operator's file, and their key wherever it is.
    Files { certificate: &'a Path, key: &'a SecretHome },
    /// The relay's own, for these names.
    SelfSigned(&'a [String]),
    /// An authority's.
    Acme(&'a Acme),
}

impl<'a> Source<'a> {
    /// The one place that `config` names.
    pub(crate) fn of(config: &'a Config) -> Result<Self, relay::Error> {
        let tls = &config.tls;
        match (&tls.certificate, &tls.key, tls.self_signed.as_slice(), &tls.acme) {
            (Some(certificate), Some(key), [], None) => Ok(Self::Files { certificate, key }),
            (None, None, names @ [_, ..], None) => Ok(Self::SelfSigned(names)),
            (None, None, [], Some(acme)) => Ok(Self::Acme(acme)),
            (None, None, [], None) => {
                let what = "the listener needs `certificate` and `key`, `self_signed` with the relay's names, or \
                            [tls.acme]";
                Err(wrong(config, "tls", what, None))
            }
            _ => {
                let what = "set either both `certificate` and `key`, or `self_signed`, or [tls.acme]";
                Err(wrong(config, "tls", what, None))
            }
        }
    }
}

/// A certificate with its key, read.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) chain: Chain,
    pub(crate) key: KeyPair,
}

/// What the listener shows, and who renews it.
pub(crate) fn open(
    config: &Config,
    make: Make,
    secrets: &Secrets<'_>,
) -> Result<Certificate, Box<dyn Error>> {
    let (pair, renewed) = match Source::of(config)? {
        Source::Files { certificate, key } => {
            (files(config, certificate, key, secrets)?, Renewed::ByOperator)
        }
        Source::SelfSigned(names) => match self_signed(config, names, make) {
            Ok(pair) => (pair, Renewed::ByOperator),
            // a full disk is no fault of the configuration
            Err(source) if source.is::<pki::WriteError>() => return Err(source),
            Err(source) => {
                let what = "the self-signed certificate cannot be used";
                return Err(wrong(config, "tls.self_signed", what, Some(source)).into());
            }
        },
        Source::Acme(acme) => (issued(config, acme, make)?, Renewed::ByRelay),
    };
    for finding in pair.chain.judge(SystemTime::now()) {
        warn!("certificate of the listener: {finding}");
    }
    if make == Make::WhatIsMissing {
        info!(fingerprint = %pair.chain.leaf().fingerprint, "certificate of the listener (SHA-256)");
    }
    Certificate::new(served(&pair.chain, &pair.key, renewed)).map_err(|source| {
        let what = "the certificate and its key cannot be used together";
        wrong(config, "tls", what, Some(source.into())).into()
    })
}

/// A certificate with what the relay says of it.
pub(crate) fn served(chain: &Chain, key: &KeyPair, renewed: Renewed) -> Served {
    let leaf = chain.leaf();
    Served {
        identity: Identity { chain: chain.certificates().to_vec(), key: key.der().clone_key() },
        names: leaf.names.clone(),
        not_before: leaf.validity.not_before,
        not_after: leaf.validity.not_after,
        fingerprint: leaf.fingerprint.to_string(),
        renewed,
    }
}

/// The operator's certificate and key.
fn files(
    config: &Config,
    certificate: &Path,
    key: &SecretHome,
    secrets: &Secrets<'_>,
) -> Result<Pair, relay::Error> {
    let chain = Chain::load(certificate).map_err(|error| {
        wrong(config, "tls.certificate", "this certificate cannot be used", Some(error.into()))
    })?;
    let read = secrets.read(key).and_then(|pem| Ok(KeyPair::parse(&pem)?));
    let key = read.map_err(|source| {
        let what = match key {
            SecretHome::File(path) => format!("the key in `{}` cannot be used", path.display()),
            _ => "this key cannot be used".to_owned(),
        };
        wrong(config, &format!("tls.key.{}", key.key()), &what, Some(source))
    })?;
    pki::matches(&chain, &key).map_err(|error| {
        wrong(config, "tls.key", "the key does not belong to the certificate", Some(error.into()))
    })?;
    Ok(Pair { chain, key })
}

/// The operator's certificate and key as they are now, wherever the key is.
pub(crate) fn read(certificate: &Path, key: &SecretHome, secrets: &Secrets<'_>) -> Result<Pair, Cause> {
    let pair = Pair { chain: Chain::load(certificate)?, key: KeyPair::parse(&secrets.read(key)?)? };
    pki::matches(&pair.chain, &pair.key)?;
    Ok(pair)
}

/// The operator's files as they are now, for a relay that runs already.
pub(crate) fn reread(certificate: &Path, key: &Path) -> Result<Pair, Cause> {
    let pair = Pair { chain: Chain::load(certificate)?, key: KeyPair::load(key)? };
    pki::matches(&pair.chain, &pair.key)?;
    Ok(pair)
}

/// What an authority issued; until it has, a self-signed certificate of this run alone, so that the listener is there.
fn issued(config: &Config, acme: &Acme, make: Make) -> Result<Pair, Box<dyn Error>> {
    let folder = acme_folder(&config.state);
    match acme::stored(&folder) {
        Ok(Some(stored)) => return Ok(Pair { chain: stored.chain, key: stored.key }),
        Ok(None) if make == Make::WhatIsMissing => warn!(
            names = acme.names.join(" "),
            "there is no certificate from the authority yet: a self-signed one is shown until the first is issued, and who \
             verifies it does not post"
        ),
        Ok(None) => {}
        Err(error) => error!(
            error = error.line(),
            "the certificate from the authority cannot be used: a self-signed one is shown until another is issued, and \
             who verifies it does not post"
        ),
    }
    let made = pki::self_signed(&acme.names, SystemTime::now()).map_err(|error| {
        wrong(config, "tls.acme.names", "no certificate can have these names", Some(error.into()))
    })?;
    Ok(Pair {
        chain: Chain::parse(made.chain_pem.as_bytes())?,
        key: KeyPair::parse(made.key_pem.as_bytes())?,
    })
}

/// The self-signed certificate that was made at the first start, with its key in the same file.
fn self_signed(config: &Config, names: &[String], make: Make) -> Result<Pair, Cause> {
    let path = self_signed_path(&config.state);
    let pem = match pki::read_private(&path) {
        Ok(pem) => pem,
        Err(_) if is_missing(&path) => {
            let pem = make_self_signed(names)?;
            if make == Make::WhatIsMissing {
                pki::write_durably(&path, &pem, 0o600)?;
                info!(path = %path.display(), "made a self-signed certificate");
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
            "the self-signed certificate lacks names of the configuration; `fogbell cert self-signed --replace` makes a new \
             one"
        );
    }
    let key = KeyPair::parse(&pem)?;
    pki::matches(&chain, &key)?;
    Ok(Pair { chain, key })
}

/// A new self-signed certificate, its key first.
pub(crate) fn make_self_signed(names: &[String]) -> Result<Zeroizing<Vec<u8>>, pki::SelfSignedError> {
    let made = pki::self_signed(names, SystemTime::now())?;
    // of its full size from the start: a buffer that grows leaves copies of the key behind
    let mut pem = Zeroizing::new(Vec::with_capacity(made.key_pem.len() + made.chain_pem.len()));
    pem.extend_from_slice(made.key_pem.as_bytes());
    pem.extend_from_slice(made.chain_pem.as_bytes());
    Ok(pem)
}

pub(crate) fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

pub(crate) fn self_signed_path(state: &Path) -> PathBuf {
    state.join("self-signed.pem")
}

/// Where what the authority issued is kept.
pub(crate) fn acme_folder(state: &Path) -> PathBuf {
    state.join("acme")
}

fn wrong(config: &Config, keys: &str, what: &str, source: Option<Cause>) -> relay::Error {
    relay::Error::Config { place: Box::new(config.place(keys)), what: what.to_owned(), source }
}
