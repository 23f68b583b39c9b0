//! `fogbell cert renew`: another certificate from the authority, now.

use std::error::Error;
use std::future::pending;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use acme::{Attempts, Stored};
use relay::config::{Acme, Challenge};
use relay::{CERTIFICATE_RENEW, Cause, Config};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificate::acme_folder;
use crate::secrets::Secrets;
use crate::{renewal, socket};

/// Renews by the relay that runs, or without one.
pub(super) fn renew(path: &Path) -> Result<(), Box<dyn Error>> {
    let config = Config::load(path)?;
    let Some(acme) = &config.tls.acme else {
        return Err("the configuration has no [tls.acme]: no authority renews this certificate. Replace its files, which \
                    the running relay notices"
            .into());
    };
    let before = Attempts::load(&acme_folder(&config.state));
    match socket::ask(&config, CERTIFICATE_RENEW)? {
        Some(_) => wait(&config, &before),
        None => alone(&config, acme),
    }
}

/// Waits for what comes of the attempt that the running relay makes.
fn wait(config: &Config, before: &Attempts) -> Result<(), Box<dyn Error>> {
    writeln!(io::stderr(), "the relay asks the authority; this may take some minutes")?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let now = Attempts::load(&acme_folder(&config.state));
        if now.ended > before.ended && now.made > before.made {
            return match now.error {
                None => done(config),
                Some(error) => Err(error.into()),
            };
        }
        thread::sleep(LOOK);
    }
    Err("the relay has not come to an end with it; `fogbell cert show` says how far it is".into())
}

/// Asks without a relay.
#[tokio::main(flavor = "current_thread")]
async fn alone(config: &Config, acme: &Acme) -> Result<(), Box<dyn Error>> {
    if acme.challenge == Challenge::TlsAlpn01 {
        return Err(
            "with `tls-alpn-01` the running relay answers the authority: start it, and it renews by itself"
                .into(),
        );
    }
    let mut renewal = renewal::open(config, acme, &Secrets::of(config))?;
    renewal.renew(&Nobody).await?;
    done(config)
}

fn done(config: &Config) -> Result<(), Box<dyn Error>> {
    let stored = acme::stored(&acme_folder(&config.state))?;
    let stored = stored.ok_or("the authority issued a certificate, and it is not there")?;
    let leaf = stored.chain.leaf();
    let until = ids::Timestamp::from(leaf.validity.not_after);
    Ok(writeln!(
        io::stdout(),
        "renewed for {} until {until}\nSHA-256 {}",
        leaf.names.join(", "),
        leaf.fingerprint
    )?)
}

/// No relay runs: what is stored is shown at its next start.
#[derive(Debug)]
struct Nobody;

impl acme::Server for Nobody {
    fn show_challenge(
        &self,
        _: &str,
        _: CertificateDer<'static>,
        _: PrivateKeyDer<'static>,
    ) -> Result<(), Cause> {
        Err("no relay runs that could show it".into())
    }

    fn end_challenge(&self, _: &str) {}

    fn serve(&self, _: &Stored) -> Result<(), Cause> {
        Ok(())
    }

    fn trouble(&self, _: Option<String>) {}

    async fn wanted(&self) {
        pending().await
    }
}

/// How long an attempt of the relay's may take.
const PATIENCE: Duration = Duration::from_secs(3 * 60 * 60);
const LOOK: Duration = Duration::from_millis(300);
