//! `fogbell secret init` and `restore`: where there was no vault there is one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use relay::config::KeyHome;
use relay::{Cause, Config};
use vault::{Edit, Existing, Key, NewWrapper, Vault, WrapperKind};

use super::at_hand::{self, Given};

/// Makes an empty vault.
pub(crate) fn init(given: &Given, recovery_key_to: Option<&Path>) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let mut edit = Edit::create(&path, Existing::Refuse)?;
    make_key_file(&config)?;
    let recovery = at_hand::recovery_key(given)?.map(Key::recovery);
    furnish(&mut edit, &config, recovery.as_ref(), recovery_key_to)?;
    edit.save(SystemTime::now())?;
    writeln!(io::stdout(), "made the vault `{}`", path.display())?;
    Ok(())
}

/// Makes the vault from a backup.
pub(crate) fn restore(
    given: &Given,
    file: &Path,
    replace: bool,
    recovery_key_to: Option<&Path>,
) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let keyring = at_hand::keyring(&config, file, given)?;
    let backup = Vault::open(file, &keyring)?;
    let existing = if replace { Existing::Replace } else { Existing::Refuse };
    let mut edit = Edit::create(&path, existing).map_err(|error| -> Cause {
        match error {
            vault::Error::Exists { path } => {
                let path = path.display();
                format!("there is a vault at `{path}`, which is left as it is; --replace replaces it").into()
            }
            error => error.into(),
        }
    })?;
    edit.adopt(&backup)?;
    make_key_file(&config)?;
    furnish(&mut edit, &config, keyring.first(WrapperKind::Recovery), recovery_key_to)?;
    edit.save(SystemTime::now())?;
    let mut out = io::stdout().lock();
    writeln!(out, "made the vault `{}` with {} secrets", path.display(), backup.entries().len())?;
    Ok(())
}

/// Lets the configured key, or a passphrase, and a recovery key open a new vault.
fn furnish(
    edit: &mut Edit,
    config: &Config,
    recovery: Option<&Key>,
    recovery_key_to: Option<&Path>,
) -> Result<(), Cause> {
    let now = SystemTime::now();
    let (label, kind, key) = match (&config.vault.key, at_hand::configured(config)?) {
        (Some(KeyHome::Credential(name)), Some(key)) => (&**name, WrapperKind::Credential, key),
        (_, Some(key)) => ("key-file", WrapperKind::KeyFile, key),
        (_, None) => ("passphrase", WrapperKind::Passphrase, at_hand::new_passphrase()?),
    };
    edit.add_wrapper(&NewWrapper { label, kind, key: &key }, now)?;
    let made;
    let key = match recovery {
        Some(key) => key,
        None => {
            made = at_hand::hand_out(recovery_key_to)?;
            &made
        }
    };
    Ok(edit.add_wrapper(&NewWrapper { label: "recovery", kind: WrapperKind::Recovery, key }, now)?)
}

/// Makes the configured key file when it is missing: 32 random bytes.
fn make_key_file(config: &Config) -> Result<(), Cause> {
    let Some(KeyHome::File(path)) = &config.vault.key else { return Ok(()) };
    let missing = fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if missing {
        pki::write_durably(path, &Key::random_material()?, 0o600)?;
        writeln!(io::stdout(), "made the key file `{}`", path.display())?;
    }
    Ok(())
}
