//! The vault of the state directory: API token, password of the conductor, onboarding tokens.

use std::error::Error as StdError;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use sco::RouterName;
use sco::plan::PlanHash;
use sco::run::{Keep, KeepError, ValueHash};
use sco::token::OnboardingToken;
use vault::{Edit, Existing, Key, Keyring, Kind, NewWrapper, Secret, SecretName, Vault, WrapperKind};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// A vault with the key that opens it.
#[derive(Debug)]
pub(crate) struct Unlocked {
    path: PathBuf,
    keyring: Keyring,
}

impl Unlocked {
    /// Opens the vault at `path` with the key in a file, or a passphrase from the terminal.
    pub(crate) fn open(path: PathBuf, key: Option<&Path>) -> Result<Self, Failure> {
        let wrappers = Vault::wrappers_of(&path).map_err(|error| match error {
            vault::Error::Missing { path } => Failure::usage(format!(
                "there is no vault at `{}`; `fogpilot profile add` makes one",
                path.display()
            )),
            error => error.into(),
        })?;
        let key = match key {
            Some(file) => key_file(file)?,
            None if wrappers.iter().any(|wrapper| wrapper.kind() == WrapperKind::Passphrase) => {
                let question = format!("Passphrase of the vault `{}`: ", path.display());
                Key::passphrase(hidden(&question, "--vault-key FILE")?)?
            }
            None => {
                return Err(Failure::usage(format!(
                    "the vault `{}` opens with a key file; give it with --vault-key",
                    path.display()
                )));
            }
        };
        let unlocked = Self { path, keyring: Keyring::of([key]) };
        drop(Vault::open(&unlocked.path, &unlocked.keyring)?);
        Ok(unlocked)
    }

    /// The same; where there is no vault one is made, and where there is no key file that too.
    pub(crate) fn open_or_make(path: PathBuf, key: Option<&Path>) -> Result<Self, Failure> {
        if fs::symlink_metadata(&path).is_ok() {
            return Self::open(path, key);
        }
        let (label, kind, key) = match key {
            Some(file) => {
                make_key_file(file)?;
                ("key-file", WrapperKind::KeyFile, key_file(file)?)
            }
            None => ("passphrase", WrapperKind::Passphrase, new_passphrase()?),
        };
        let mut edit = Edit::create(&path, Existing::Refuse)?;
        edit.add_wrapper(&NewWrapper { label, kind, key: &key }, SystemTime::now())?;
        edit.save(SystemTime::now())?;
        writeln!(io::stderr(), "fogpilot: made the vault `{}`", path.display())?;
        Ok(Self { path, keyring: Keyring::of([key]) })
    }

    /// The secret of this name.
    pub(crate) fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let vault = Vault::open(&self.path, &self.keyring)?;
        Ok(vault.secret(&SecretName::new(name)?)?.into_exposed())
    }

    /// Puts a secret in, in place of the one of its name.
    pub(crate) fn put(&self, name: &str, kind: Kind, value: Zeroizing<Vec<u8>>) -> Result<(), Failure> {
        self.edit(|edit| {
            edit.set(&SecretName::new(name)?, Secret::new(kind, value)?, SystemTime::now())
                .map_err(Into::into)
        })
        .map_err(|error| Failure::from(error as Box<dyn StdError>))
    }

    fn edit(&self, change: impl FnOnce(&mut Edit) -> Result<(), Cause>) -> Result<(), Cause> {
        let mut edit = Edit::open(&self.path, &self.keyring)?;
        change(&mut edit)?;
        Ok(edit.save(SystemTime::now())?)
    }
}

type Cause = Box<dyn StdError + Send + Sync>;

/// The onboarding tokens of one plan, in the vault.
#[derive(Debug)]
pub(crate) struct Safe {
    unlocked: Arc<Unlocked>,
    plan: PlanHash,
}

impl Safe {
    /// Those of the plan with this hash.
    pub(crate) const fn of(unlocked: Arc<Unlocked>, plan: PlanHash) -> Self {
        Self { unlocked, plan }
    }

    /// A name that is short enough, and the same for the same plan and router.
    fn name(&self, router: &RouterName) -> Result<SecretName, Cause> {
        let hash = ValueHash::of(format!("{} {router}", self.plan).as_bytes()).to_string();
        let digits = hash.strip_prefix("sha256:").unwrap_or(&hash);
        Ok(SecretName::new(&format!("onboarding/{:.40}", digits))?)
    }
}

impl Keep for Safe {
    fn put(&self, router: &RouterName, token: &OnboardingToken) -> Result<(), KeepError> {
        let put = || {
            let name = self.name(router)?;
            let value = Zeroizing::new(token.expose().as_bytes().to_vec());
            let secret = Secret::new(Kind::Token, value)?;
            self.unlocked.edit(|edit| Ok(edit.set(&name, secret, SystemTime::now())?))
        };
        put().map_err(failed(router, "kept"))
    }

    fn get(&self, router: &RouterName) -> Result<Option<OnboardingToken>, KeepError> {
        let get = || {
            let vault = Vault::open(&self.unlocked.path, &self.unlocked.keyring)?;
            let name = self.name(router)?;
            if !vault.entries().iter().any(|entry| *entry.name() == name) {
                return Ok(None);
            }
            let value = vault.secret(&name)?.into_exposed();
            Ok(Some(OnboardingToken::parse(str::from_utf8(&value)?)?))
        };
        get().map_err(failed(router, "read"))
    }

    fn remove(&self, router: &RouterName) -> Result<(), KeepError> {
        let remove = || {
            let name = self.name(router)?;
            let vault = Vault::open(&self.unlocked.path, &self.unlocked.keyring)?;
            if !vault.entries().iter().any(|entry| *entry.name() == name) {
                return Ok(());
            }
            self.unlocked.edit(|edit| Ok(edit.remove(&name)?))
        };
        remove().map_err(failed(router, "forgotten"))
    }
}

fn failed(router: &RouterName, what: &'static str) -> impl FnOnce(Cause) -> KeepError {
    let router = router.clone();
    move |source| KeepError { router, what, source }
}

/// Asks for a secret at the terminal, or says which flag is in its place.
pub(crate) fn hidden(question: &str, flag: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Terminal::or(flag)?
        .ask_hidden(question)?
        .ok_or_else(|| Failure::of(Exit::Interrupted, "given up at the terminal"))
}

fn key_file(path: &Path) -> Result<Key, Failure> {
    let bytes = pki::read_private(path).map_err(|error| Failure::of(Exit::Usage, error))?;
    Key::material(bytes)
        .map_err(|error| Failure::usage(format!("`{}` cannot be a key: {error}", path.display())))
}

fn make_key_file(path: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        pki::write_durably(path, &Key::random_material()?, 0o600)?;
        writeln!(
            io::stderr(),
            "fogpilot: made the key file `{}`; keep a copy away from here",
            path.display()
        )?;
    }
    Ok(())
}

fn new_passphrase() -> Result<Key, Failure> {
    let typed = hidden("New passphrase of the vault, 12 bytes or more: ", "--vault-key FILE")?;
    let again = hidden("The same again: ", "--vault-key FILE")?;
    if *typed != *again {
        return Err(Failure::usage("the two are not the same; nothing was changed"));
    }
    Key::passphrase(typed).map_err(|error| Failure::of(Exit::Usage, error))
}
