//! Reads secrets from their homes: files, credentials of systemd, the vault.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;

use relay::config::SecretHome;
use relay::{Cause, Config};
use vault::{SecretName, Vault};
use zeroize::Zeroizing;

use crate::secret::at_hand::{self, Given};
use crate::secret_files::Looks;

/// Everything that the secrets of a configuration are read from. The vault is opened when the first secret in it
/// is asked for, and closed when this is dropped: who wants to see what has changed since makes another.
pub(crate) struct Secrets<'a> {
    config: &'a Config,
    vault: OnceCell<Vault>,
    /// What was read.
    files: RefCell<Looks>,
}

impl<'a> Secrets<'a> {
    /// Those of `config`; nothing is read yet.
    pub(crate) fn of(config: &'a Config) -> Self {
        Self { config, vault: OnceCell::new(), files: RefCell::default() }
    }

    /// The bytes at `home`, as they are there.
    pub(crate) fn read(&self, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Cause> {
        match home {
            SecretHome::File(path) => {
                self.files.borrow_mut().at(path);
                Ok(pki::read_private(path)?)
            }
            SecretHome::Credential(name) => credential(name),
            SecretHome::Secret(name) => {
                let secret = self.vault()?.secret(&SecretName::new(name)?);
                // its name is not said: it may be the secret itself, in the wrong place
                Ok(secret.map_err(|_| self.no_such_secret())?.into_exposed())
            }
        }
    }

    /// The files that secrets were read from until now, the vault's among them, as they looked before.
    pub(crate) fn files(&self) -> Looks {
        self.files.borrow().clone()
    }

    fn vault(&self) -> Result<&Vault, Cause> {
        if let Some(vault) = self.vault.get() {
            return Ok(vault);
        }
        let path = self.config.vault_path();
        self.files.borrow_mut().at(&path);
        let keyring = at_hand::keyring(self.config, &path, &Given::default())?;
        let vault = Vault::open(&path, &keyring)?;
        Ok(self.vault.get_or_init(|| vault))
    }

    fn no_such_secret(&self) -> String {
        format!(
            "the vault `{}` has no secret of this name; `fogbell secret list` shows those it has, `fogbell secret \
             set` adds one",
            self.config.vault_path().display()
        )
    }
}

/// The credential `name`, which systemd has put where only this service can read it.
pub(crate) fn credential(name: &str) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let how = format!(
        "`LoadCredentialEncrypted={name}` (made by `systemd-creds encrypt`) or `LoadCredential={name}:/FILE` in the \
         unit hands it over; in a shell `systemd-run --pipe --wait -p LoadCredentialEncrypted={name} fogbell …` does"
    );
    let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|path| !path.is_empty()) else {
        return Err(format!("systemd has handed over no credentials, so there is no `{name}`; {how}").into());
    };
    let path = PathBuf::from(directory).join(name);
    if !path.exists() {
        return Err(format!("systemd has handed over no credential `{name}`; {how}").into());
    }
    let bytes = pki::read_private(&path)?;
    if bytes.is_empty() {
        return Err(format!("the credential `{name}` is empty; {how}").into());
    }
    Ok(bytes)
}
