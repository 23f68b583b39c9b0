//! `fogbell cert self-signed`: a certificate that nobody vouches for, and what that means at Mist.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ids::Timestamp;
use pki::Chain;
use relay::Config;

use crate::certificate::{is_missing, make_self_signed, self_signed_path};
use crate::socket;

/// Makes one for `names`, or for those of the configuration, and says where it is.
pub(super) fn make(
    path: &Path,
    names: Vec<String>,
    out: Option<PathBuf>,
    replace: bool,
) -> Result<(), Box<dyn Error>> {
    // a file that is named needs no configuration, if the names are given too
    let config = match (&out, names.is_empty()) {
        (Some(_), false) => None,
        _ => Some(Config::load(path)?),
    };
    let configured = || config.as_ref().map(|config| config.tls.self_signed.clone()).unwrap_or_default();
    let names = if names.is_empty() { configured() } else { names };
    if names.is_empty() {
        return Err(
            "for which names? give them here, or as `self_signed` in [tls] of the configuration".into()
        );
    }
    let own = out.is_none();
    let file = match (out, &config) {
        (Some(file), _) => file,
        (None, Some(config)) => self_signed_path(&config.state),
        (None, None) => return Err("where to? give --out".into()),
    };
    if !is_missing(&file) && !replace {
        return Err(format!(
            "`{}` is there already; --replace makes a new one, of which whoever was given the old one has to be told",
            file.display()
        )
        .into());
    }
    let pem = make_self_signed(&names)?;
    pki::write_durably(&file, &pem, 0o600)?;
    let leaf = Chain::parse(&pem)?.leaf().clone();
    let mut say = io::stdout().lock();
    writeln!(say, "made {}, key and certificate in one file", file.display())?;
    writeln!(say, "names    {}", leaf.names.join(", "))?;
    writeln!(say, "until    {}", Timestamp::from(leaf.validity.not_after))?;
    writeln!(say, "SHA-256  {}", leaf.fingerprint)?;
    writeln!(say, "Mist cannot verify it. In the webhook set:  \"verify_cert\": false")?;
    writeln!(say, "What is posted stays signed and cannot be read on the way by who only listens.")?;
    if own && let Some(config) = &config {
        if config.tls.self_signed.is_empty() {
            writeln!(say, "The configuration does not use it yet: set `self_signed` in [tls].")?;
        } else if socket::is_running(config)? {
            writeln!(say, "The running relay shows the old one until it is restarted.")?;
        }
    }
    Ok(())
}
