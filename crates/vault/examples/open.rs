//! Opens a vault with a key file and reads one secret: `cargo run -p fogbell-vault --example open`.
//!
//! A service does no more than `read`. The vault here is made first, as `fogbell secret init` and `fogbell secret set` do.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use fogbell_vault::{Edit, Existing, Key, Keyring, Kind, NewWrapper, Secret, SecretName, Vault, WrapperKind};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (vault, key_file) = (folder.path().join("vault"), folder.path().join("key"));
    std::fs::write(&key_file, [7; 32])?;
    make(&vault, &key_file)?;

    let length = read(&vault, &key_file)?;
    println!("mist/webhook has {length} bytes");

    std::fs::write(&key_file, [8; 32])?;
    let refused = read(&vault, &key_file).expect_err("another key opens nothing");
    println!("with another key: {refused}");
    Ok(())
}

/// The length of a secret; the secret itself is zeroized when the vault goes.
fn read(vault: &Path, key_file: &Path) -> Result<usize, Box<dyn Error>> {
    let key = Key::material(std::fs::read(key_file)?.into())?;
    let vault = Vault::open(vault, &Keyring::of([key]))?;
    Ok(vault.secret(&SecretName::new("mist/webhook")?)?.expose().len())
}

fn make(vault: &Path, key_file: &Path) -> Result<(), Box<dyn Error>> {
    let (key, now) = (Key::material(std::fs::read(key_file)?.into())?, SystemTime::now());
    let mut edit = Edit::create(vault, Existing::Refuse)?;
    edit.add_wrapper(&NewWrapper { label: "key-file", kind: WrapperKind::KeyFile, key: &key }, now)?;
    edit.set(&SecretName::new("mist/webhook")?, Secret::new(Kind::Webhook, b"s3cret".to_vec().into())?, now)?;
    edit.save(now)?;
    Ok(())
}
