//! The webhook's secret: as it is kept, or made.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use relay::config::{Org, SecretHome};
use relay::{Cause, Config, digits};
use rustix::fs::{Gid, chown};
use vault::{Edit, Key, Kind, Secret, SecretName};
use zeroize::Zeroizing;

use crate::secret::at_hand::{self, Given};
use crate::secrets::Secrets;

/// Every secret of `org` that can be read, and why others cannot.
pub(crate) fn known(secrets: &Secrets<'_>, org: &Org) -> (Vec<Zeroizing<String>>, Vec<Cause>) {
    let (mut known, mut unread) = (Vec::new(), Vec::new());
    for home in &org.secrets {
        match read(secrets, home) {
            Ok(secret) => known.push(secret),
            Err(error) => unread.push(error),
        }
    }
    (known, unread)
}

/// The secret at `home`, without the line end that is not part of it.
fn read(secrets: &Secrets<'_>, home: &SecretHome) -> Result<Zeroizing<String>, Cause> {
    let bytes = secrets.read(home)?;
    let text = str::from_utf8(&bytes).map_err(|_| "the webhook's secret is no text")?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}

/// The secret that a new webhook is to have: the first of `org`; made and kept when it is missing.
pub(crate) fn kept_or_made(config: &Config, org: &Org) -> Result<(Zeroizing<String>, bool), Cause> {
    let Some(home) = org.secrets.first() else {
        return Err(format!(
            "organisation `{}` has no `secrets`: name the home of one in the configuration, as `secrets = [{{ secret = \
             \"mist/webhook\" }}]`, and run this again, which makes it",
            org.name
        )
        .into());
    };
    let unread = match read(&Secrets::of(config), home) {
        Ok(secret) => return Ok((secret, false)),
        Err(error) => error,
    };
    let made = Zeroizing::new(digits(&Key::random_material()?));
    match home {
        SecretHome::File(path) => {
            let missing =
                fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            if !missing {
                return Err(unread);
            }
            let mut line = Zeroizing::new(made.as_bytes().to_vec());
            line.push(b'\n');
            // whoever runs the relay owns what it keeps, and may read its configuration
            let owner = fs::metadata(&config.state).or_else(|_| fs::metadata("/etc/fogbell"));
            pki::write_durably(path, &line, 0o640)?;
            if let Ok(owner) = owner {
                chown(path, None, Some(Gid::from_raw(owner.gid())))?;
            }
        }
        SecretHome::Secret(name) => {
            let vault = config.vault_path();
            let keyring = at_hand::keyring(config, &vault, &Given::default())?;
            let mut edit = Edit::open(&vault, &keyring)?;
            let name = SecretName::new(name)?;
            if edit.entry(&name).is_some() {
                return Err(unread);
            }
            edit.set(&name, Secret::new(Kind::Webhook, made.as_bytes().to_vec().into())?, SystemTime::now())?;
            edit.save(SystemTime::now())?;
        }
        SecretHome::Credential(_) => return Err(unread),
    }
    Ok((made, true))
}
