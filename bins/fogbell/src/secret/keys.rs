//! `fogbell secret rotate-key` and `rewrap`: what opens the vault.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use relay::{Cause, Config};
use vault::{Edit, Key, NewWrapper, Vault, WrapperKind};

use super::at_hand::{self, Given};
use crate::secrets::credential;

/// Which keys shall open the vault from now on.
#[derive(clap::Args, Debug)]
pub(crate) struct Rewrap {
    #[command(flatten)]
    given: Given,
    /// Let the key in this file open it
    #[arg(long, value_name = "FILE", group = "add")]
    add_key_file: Option<PathBuf>,
    /// Let this credential open it
    #[arg(long, value_name = "NAME", group = "add")]
    add_credential: Option<String>,
    /// Let a passphrase open it, typed at the terminal
    #[arg(long, group = "add")]
    add_passphrase: bool,
    /// Let a new recovery key open it, shown once
    #[arg(long, group = "add")]
    add_recovery_key: bool,
    /// What the added key is called; default: its kind, or the name of the credential
    #[arg(long, requires = "add")]
    label: Option<String>,
    /// Write the new recovery key into this new file instead of showing it
    #[arg(long, value_name = "FILE", requires = "add_recovery_key")]
    recovery_key_to: Option<PathBuf>,
    /// Let the key of this label no longer open it; may be repeated
    #[arg(long, value_name = "LABEL")]
    remove: Vec<String>,
}

/// Adds and removes wrappers of the root key, in one write.
pub(crate) fn rewrap(args: &Rewrap) -> Result<(), Cause> {
    let config = Config::load(&args.given.config)?;
    let path = config.vault_path();
    let keyring = at_hand::keyring(&config, &path, &args.given)?;
    // nothing is asked or handed out for a vault that does not open
    drop(Vault::open(&path, &keyring)?);
    let added = added(args)?;
    if added.is_none() && args.remove.is_empty() {
        return Err(
            "nothing to do: --add-key-file, --add-credential, --add-passphrase, --add-recovery-key or \
                    --remove says what"
                .into(),
        );
    }
    let mut edit = Edit::open(&path, &keyring)?;
    if let Some((label, kind, key)) = &added {
        let new = NewWrapper { label, kind: *kind, key };
        if args.remove.contains(label) {
            edit.replace_wrapper(&new, SystemTime::now())?;
        } else {
            edit.add_wrapper(&new, SystemTime::now())?;
        }
    }
    for label in &args.remove {
        if added.as_ref().is_none_or(|(added, ..)| added != label) {
            edit.remove_wrapper(label)?;
        }
    }
    let opens = edit.wrappers().iter().map(|wrapper| wrapper.label().to_owned()).collect::<Vec<_>>();
    edit.save(SystemTime::now())?;
    let mut out = io::stdout().lock();
    writeln!(out, "`{}` opens with {}", path.display(), opens.join(", "))?;
    if !args.remove.is_empty() {
        writeln!(
            out,
            "who has an old copy of the file can still open that with what was removed; if such a key is in wrong \
             hands, `fogbell secret rotate-key`, and replace the secrets themselves"
        )?;
    }
    Ok(())
}

/// Label, kind and key of what shall open the vault too.
fn added(args: &Rewrap) -> Result<Option<(String, WrapperKind, Key)>, Cause> {
    let (label, kind, key) = if let Some(file) = &args.add_key_file {
        ("key-file", WrapperKind::KeyFile, at_hand::key_file(file)?)
    } else if let Some(name) = &args.add_credential {
        (name.as_str(), WrapperKind::Credential, Key::material(credential(name)?)?)
    } else if args.add_passphrase {
        ("passphrase", WrapperKind::Passphrase, at_hand::new_passphrase()?)
    } else if args.add_recovery_key {
        ("recovery", WrapperKind::Recovery, at_hand::hand_out(args.recovery_key_to.as_deref())?)
    } else {
        return Ok(None);
    };
    Ok(Some((args.label.clone().unwrap_or_else(|| label.to_owned()), kind, key)))
}

/// Seals everything under a new root key.
pub(crate) fn rotate(given: &Given, recovery_key_to: Option<&Path>, also: &[PathBuf]) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let mut keyring = at_hand::keyring(&config, &path, given)?;
    for file in also {
        keyring.add(at_hand::key_file(file)?);
    }
    let wrappers = Vault::wrappers_of(&path)?;
    let opens_with = |kind| wrappers.iter().any(|wrapper| wrapper.kind() == kind);
    if given.opens()
        && let Ok(Some(key)) = at_hand::configured(&config)
    {
        keyring.add(key);
    }
    if opens_with(WrapperKind::Passphrase) && keyring.first(WrapperKind::Passphrase).is_none() {
        let typed = at_hand::terminal()?.ask_hidden("Passphrase of the vault: ")?;
        keyring.add(Key::passphrase(typed)?);
    }
    let new_recovery = opens_with(WrapperKind::Recovery) && keyring.first(WrapperKind::Recovery).is_none();
    // nothing is handed out for a vault that does not open
    drop(Vault::open(&path, &keyring)?);
    if new_recovery {
        keyring.add(at_hand::hand_out(recovery_key_to)?);
    }

    let now = SystemTime::now();
    let mut edit = Edit::open(&path, &keyring)?;
    if new_recovery && let Some(key) = keyring.first(WrapperKind::Recovery) {
        let of_recovery = edit.wrappers().iter().filter(|wrapper| wrapper.kind() == WrapperKind::Recovery);
        let labels: Vec<String> = of_recovery.map(|wrapper| wrapper.label().to_owned()).collect();
        for label in labels {
            let kind = WrapperKind::Recovery;
            edit.replace_wrapper(&NewWrapper { label: &label, kind, key }, now)?;
        }
    }
    edit.rotate(&keyring, now)?;
    edit.save(now)?;
    let mut out = io::stdout().lock();
    writeln!(out, "`{}` is sealed under a new root key", path.display())?;
    writeln!(
        out,
        "old copies and backups still open with their old keys; only new secrets end what they are good for"
    )?;
    Ok(())
}
