//! What the configuration, its files and the running relay say of the certificate.

use std::path::PathBuf;
use std::time::SystemTime;

use ids::Timestamp;
use pki::{Chain, KeyPair, Leaf};
use relay::{Cause, Config};
use serde_json::{Value, json};

use crate::certificate::{Source, acme_folder, read, reread, self_signed_path};
use crate::secrets::Secrets;

/// A certificate in files.
#[derive(Debug)]
pub(super) struct InFiles {
    /// Where the certificate is.
    pub(super) path: PathBuf,
    /// What is there; `None` when there is nothing yet.
    pub(super) pair: Result<Option<(Chain, KeyPair)>, Cause>,
}

/// Reads the files that the configuration means, whether a relay runs or not.
pub(super) fn in_files(config: &Config) -> Result<InFiles, relay::Error> {
    Ok(match Source::of(config)? {
        Source::Files { certificate, key } => InFiles {
            path: certificate.to_owned(),
            pair: read(certificate, key, &Secrets::of(config)).map(|pair| Some((pair.chain, pair.key))),
        },
        Source::SelfSigned(_) => one_file(self_signed_path(&config.state)),
        Source::Acme(_) => {
            let folder = acme_folder(&config.state);
            let stored = acme::stored(&folder).map_err(Cause::from);
            InFiles {
                path: folder.join("certificate.pem"),
                pair: stored.map(|stored| stored.map(|stored| (stored.chain, stored.key))),
            }
        }
    })
}

fn one_file(path: PathBuf) -> InFiles {
    if crate::certificate::is_missing(&path) {
        return InFiles { path, pair: Ok(None) };
    }
    let pair = reread(&path, &path).map(|pair| Some((pair.chain, pair.key)));
    InFiles { path, pair }
}

/// The names that the configuration has for the listener.
pub(super) fn names(config: &Config) -> Vec<String> {
    match (&config.tls.acme, config.tls.self_signed.as_slice()) {
        (Some(acme), _) => acme.names.clone(),
        (None, names) => names.to_vec(),
    }
}

/// What a leaf says, and what is found about its chain at `now`.
pub(super) fn leaf(chain: &Chain, now: SystemTime) -> Value {
    let Leaf { subject, issuer, names, validity, key, self_signed, fingerprint, .. } = chain.leaf();
    let findings: Vec<String> = chain.judge(now).iter().map(ToString::to_string).collect();
    json!({
        "subject": subject,
        "issuer": issuer,
        "names": names,
        "not_before": Timestamp::from(validity.not_before).to_string(),
        "not_after": Timestamp::from(validity.not_after).to_string(),
        "days_left": validity.days_left(now),
        "key": key.to_string(),
        "self_signed": self_signed,
        "fingerprint": fingerprint.to_string(),
        "certificates": chain.certificates().len(),
        "findings": findings,
    })
}
