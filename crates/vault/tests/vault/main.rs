//! A vault as its callers see it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fogbell_vault::{Edit, Existing, Key, Keyring, Kind, NewWrapper, Secret, SecretName, Vault, WrapperKind};
use tempfile::TempDir;

mod changes;
mod damage;
mod files;
mod formats;
mod model;

/// A folder for a vault.
struct Place(TempDir);

impl Place {
    /// With a vault that opens with [`key`] and holds `secrets`.
    fn with(secrets: &[(&str, &[u8])]) -> Self {
        let this = Self(TempDir::new().unwrap());
        let mut edit = Edit::create(&this.path(), Existing::Refuse).unwrap();
        edit.add_wrapper(
            &NewWrapper { label: "key-file", kind: WrapperKind::KeyFile, key: &key() },
            moment(0),
        )
        .unwrap();
        for (name, value) in secrets {
            edit.set(&named(name), secret(value), moment(0)).unwrap();
        }
        edit.save(moment(0)).unwrap();
        this
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("vault")
    }

    fn open(&self) -> Vault {
        Vault::open(&self.path(), &keyring()).unwrap()
    }

    fn edit(&self) -> Edit {
        Edit::open(&self.path(), &keyring()).unwrap()
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// What is in the folder, by name.
    fn files(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn key() -> Key {
    Key::material((0..32).collect::<Vec<u8>>().into()).unwrap()
}

fn keyring() -> Keyring {
    Keyring::of([key()])
}

fn named(name: &str) -> SecretName {
    SecretName::new(name).unwrap()
}

fn secret(value: &[u8]) -> Secret {
    Secret::new(Kind::Other, value.to_vec().into()).unwrap()
}

fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}
