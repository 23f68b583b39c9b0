//! The keys at hand: given on the command line, configured, or typed.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use relay::config::KeyHome;
use relay::{Cause, Config};
use vault::{Key, Keyring, RecoveryKey, Vault, WrapperKind};
use zeroize::Zeroizing;

use crate::secrets::credential;
use crate::terminal::Terminal;

/// What opens the vault, when it is not the configured key.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Given {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    pub(crate) config: PathBuf,
    /// Open with the key in this file
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Open with the recovery key, typed at the terminal
    #[arg(long)]
    recovery_key: bool,
    /// Open with the recovery key in this file
    #[arg(long, value_name = "FILE", conflicts_with = "recovery_key")]
    recovery_key_file: Option<PathBuf>,
}

impl Given {
    /// Whether a key is given.
    pub(crate) const fn opens(&self) -> bool {
        self.key_file.is_some() || self.recovery_key || self.recovery_key_file.is_some()
    }
}

/// The keys that may open the vault at `path`: those given, else the configured one, else a passphrase.
pub(crate) fn keyring(config: &Config, path: &Path, given: &Given) -> Result<Keyring, Cause> {
    let wrappers = Vault::wrappers_of(path).map_err(|error| no_vault(error, path))?;
    let mut keyring = Keyring::default();
    if let Some(file) = &given.key_file {
        keyring.add(key_file(file)?);
    }
    if let Some(key) = recovery_key(given)? {
        keyring.add(Key::recovery(key));
    }
    if !keyring.is_empty() {
        return Ok(keyring);
    }
    let missing: Cause = match configured(config) {
        Ok(Some(key)) => return Ok(Keyring::of([key])),
        Ok(None) => {
            "nothing says where the key of the vault is; set `key` in [vault], or give --key-file or \
                     --recovery-key"
                .into()
        }
        Err(error) => error,
    };
    if wrappers.iter().all(|wrapper| wrapper.kind() != WrapperKind::Passphrase) {
        return Err(missing);
    }
    let Some(terminal) = Terminal::open() else { return Err(missing) };
    let typed = terminal.ask_hidden(&format!("Passphrase of the vault `{}`: ", path.display()))?;
    Ok(Keyring::of([Key::passphrase(typed)?]))
}

/// What to do when there is no vault.
fn no_vault(error: vault::Error, path: &Path) -> Cause {
    match error {
        vault::Error::Missing { .. } => {
            let path = path.display();
            format!("there is no vault at `{path}`; `fogbell secret init` makes one, `fogbell secret restore` takes it \
                     from a backup")
                .into()
        }
        error => error.into(),
    }
}

/// The key that the configuration names.
pub(crate) fn configured(config: &Config) -> Result<Option<Key>, Cause> {
    match &config.vault.key {
        None => Ok(None),
        Some(KeyHome::File(path)) => key_file(path).map(Some),
        Some(KeyHome::Credential(name)) => Ok(Some(
            Key::material(credential(name)?)
                .map_err(|error| format!("the credential `{name}` cannot be a key: {error}"))?,
        )),
    }
}

/// The key in a file.
pub(crate) fn key_file(path: &Path) -> Result<Key, Cause> {
    let bytes = pki::read_private(path)?;
    Ok(Key::material(bytes).map_err(|error| format!("`{}` cannot be a key: {error}", path.display()))?)
}

/// The recovery key, if one is given.
pub(crate) fn recovery_key(given: &Given) -> Result<Option<RecoveryKey>, Cause> {
    let text = if let Some(file) = &given.recovery_key_file {
        pki::read_private(file)?
    } else if given.recovery_key {
        terminal()?.ask_hidden("Recovery key: ")?
    } else {
        return Ok(None);
    };
    let text = str::from_utf8(&text).map_err(|_| "the recovery key is no text")?;
    Ok(Some(RecoveryKey::parse(text)?))
}

/// The passphrase of a new wrapper, typed twice.
pub(crate) fn new_passphrase() -> Result<Key, Cause> {
    let terminal = terminal()?;
    let typed = terminal.ask_hidden("New passphrase of the vault, 12 bytes or more: ")?;
    let again = terminal.ask_hidden("The same again: ")?;
    if *typed != *again {
        return Err("the two are not the same; nothing was changed".into());
    }
    Ok(Key::passphrase(typed)?)
}

pub(crate) fn terminal() -> Result<Terminal, Cause> {
    Terminal::open().ok_or_else(|| "there is no terminal to ask at".into())
}

/// A new recovery key, shown or written before anything opens with it, so that it cannot be lost in between.
pub(crate) fn hand_out(to: Option<&Path>) -> Result<Key, Cause> {
    let key = RecoveryKey::random()?;
    let text = key.reveal();
    let mut out = io::stdout().lock();
    match to {
        Some(path) if fs::symlink_metadata(path).is_ok() => {
            return Err(
                format!("`{}` exists already; a recovery key goes into a new file", path.display()).into()
            );
        }
        Some(path) => {
            let mut line = Zeroizing::new(Vec::with_capacity(text.len() + 1));
            line.extend_from_slice(text.as_bytes());
            line.push(b'\n');
            pki::write_durably(path, &line, 0o600)?;
            writeln!(out, "recovery key written to `{}`: keep it away from this machine", path.display())?;
        }
        None if out.is_terminal() => {
            writeln!(out, "Recovery key, shown this once. Keep it on paper, away from this machine:\n")?;
            writeln!(out, "    {}\n", *text)?;
        }
        None => {
            return Err(
                "the recovery key is shown on a terminal only; --recovery-key-to FILE writes it".into()
            );
        }
    }
    Ok(Key::recovery(key))
}
