//! `fogbell secret backup` and `verify`: that what is kept can be opened.

use std::io::{self, Write};
use std::path::Path;

use relay::{Cause, Config};
use serde_json::json;
use vault::Vault;

use super::at_hand::{self, Given};

/// Copies the vault as it is, sealed, and opens the copy.
pub(crate) fn backup(given: &Given, to: &Path) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let path = config.vault_path();
    let keyring = at_hand::keyring(&config, &path, given)?;
    // what cannot be opened is no backup
    Vault::open(&path, &keyring)?.verify()?;
    vault::copy(&path, to)?;
    let copy = Vault::open(to, &keyring)?;
    copy.verify()?;
    let mut out = io::stdout().lock();
    writeln!(out, "`{}` has {} secrets, and opens with", to.display(), copy.entries().len())?;
    for wrapper in copy.wrappers() {
        writeln!(out, "  {} `{}`", wrapper.kind(), wrapper.label())?;
    }
    Ok(())
}

/// Opens every secret.
pub(crate) fn verify(given: &Given, file: Option<&Path>, json: bool) -> Result<(), Cause> {
    let config = Config::load(&given.config)?;
    let vault_path = config.vault_path();
    let path = file.unwrap_or(&vault_path);
    let vault = Vault::open(path, &at_hand::keyring(&config, path, given)?)?;
    vault.verify()?;
    let secrets = vault.entries().len();
    if json {
        writeln!(io::stdout(), "{:#}", json!({ "path": path, "whole": true, "secrets": secrets }))?;
    } else {
        writeln!(io::stdout(), "{}: OK ({secrets} secrets)", path.display())?;
    }
    Ok(())
}
