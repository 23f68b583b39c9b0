//! Renews the certificate of the listener: from an authority, or from its files.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use acme::{Challenge, ExternalAccount, Hook, Renewal, Settings, Stored};
use relay::config::{self, Acme, SecretHome};
use relay::{Cause, Certificate, Config, Identity, Renewed};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::JoinSet;

use crate::certificate::{Source, acme_folder, served};
use crate::secrets::Secrets;
use crate::watch::Files;

/// How the certificate of the listener is kept up to date.
#[derive(Debug)]
pub(crate) enum Upkeep {
    /// By whoever writes its files.
    Files { certificate: PathBuf, key: PathBuf },
    /// By an authority.
    Acme(Box<Renewal>),
    /// It needs none.
    None,
}

/// What `config` needs for it, before anything runs.
pub(crate) fn upkeep(config: &Config, secrets: &Secrets<'_>) -> Result<Upkeep, relay::Error> {
    Ok(match Source::of(config)? {
        Source::Files { certificate, key: SecretHome::File(key) } => {
            Upkeep::Files { certificate: certificate.to_owned(), key: key.to_owned() }
        }
        Source::Acme(acme) => Upkeep::Acme(Box::new(open(config, acme, secrets)?)),
        // the key is no file of its own: it is read again with the other secrets
        Source::Files { .. } | Source::SelfSigned(_) => Upkeep::None,
    })
}

/// Keeps the certificate that `listener` shows up to date for as long as the set is not dropped.
pub(crate) fn start(upkeep: Upkeep, listener: Certificate) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    match upkeep {
        Upkeep::Files { certificate, key } => {
            tasks.spawn(Files::new(&certificate, &key, listener).watch());
        }
        Upkeep::Acme(renewal) => {
            tasks.spawn(renewal.run(Listener(listener)));
        }
        Upkeep::None => {}
    }
    tasks
}

/// Everything that renewal by `acme` needs; the folder is made.
pub(crate) fn open(config: &Config, acme: &Acme, secrets: &Secrets<'_>) -> Result<Renewal, relay::Error> {
    let wrong = |key: &str, what: &str, source: Cause| relay::Error::Config {
        place: Box::new(config.place(&format!("tls.acme{key}"))),
        what: what.to_owned(),
        source: Some(source),
    };
    let challenge = match acme.challenge {
        config::Challenge::Dns01 => Challenge::Dns01(Hook {
            command: acme.hook.clone(),
            timeout: Duration::from_secs(acme.hook_secs),
            propagation: Duration::from_secs(acme.propagation_secs),
        }),
        config::Challenge::TlsAlpn01 => Challenge::TlsAlpn01,
    };
    let external_account = match &acme.external_account {
        Some(account) => {
            let key = secrets.read(&account.key).and_then(|mut bytes| {
                let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| "it is no text")?;
                Ok(zeroize::Zeroizing::new(text))
            });
            let what = "the key of the external account cannot be used";
            let key = key.map_err(|source| {
                let place = format!(".external_account.key.{}", account.key.key());
                wrong(&place, what, source)
            })?;
            Some(ExternalAccount { id: account.id.clone(), key })
        }
        None => None,
    };
    let ca = match &acme.ca {
        Some(file) => {
            let read = fs::read(file);
            Some(read.map_err(|source| wrong(".ca", "this file cannot be read", source.into()))?)
        }
        None => None,
    };
    let settings = Settings {
        directory: acme.directory.clone(),
        contact: acme.contact.clone(),
        names: acme.names.clone(),
        challenge,
        external_account,
        ca,
        profile: acme.profile.clone(),
        folder: acme_folder(&config.state),
    };
    Renewal::open(settings).map_err(|error| match error {
        acme::Error::Keep { action, path, source } => {
            relay::Error::Keep { action, path, source: std::io::Error::other(source) }
        }
        error => wrong("", "no certificate can be asked for", error.into()),
    })
}

/// The listener of a relay that runs.
#[derive(Debug)]
struct Listener(Certificate);

impl acme::Server for Listener {
    fn show_challenge(
        &self,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), Cause> {
        Ok(self.0.show_challenge(name, Identity { chain: vec![certificate], key })?)
    }

    fn end_challenge(&self, name: &str) {
        self.0.end_challenge(name);
    }

    fn serve(&self, stored: &Stored) -> Result<(), Cause> {
        let served = served(&stored.chain, &stored.key, Renewed::ByRelay);
        Ok(self.0.swap(served, SystemTime::now())?)
    }

    fn trouble(&self, trouble: Option<String>) {
        self.0.set_trouble(trouble);
    }

    async fn wanted(&self) {
        self.0.renewal_wanted().await;
    }
}
