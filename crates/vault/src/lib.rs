//! Secrets at rest: one sealed file of named secrets, opened by any of several keys.
//!
//! A file of secrets is sealed with AES-256-GCM under a key that is derived anew for every write. The root key
//! that it is derived from is in the file too, wrapped once for each key that may open it: a systemd credential,
//! a key file, a passphrase, a recovery key on paper. `docs/vault.md` has the format, byte for byte, and what
//! somebody learns who has the file and no key.
//!
//! ```
//! use std::time::SystemTime;
//!
//! use fogbell_vault::{Edit, Existing, Key, Keyring, Kind, NewWrapper, Secret, SecretName, Vault, WrapperKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("vault");
//! let key = Key::material(b"32 random bytes of a file, or more".to_vec().into())?;
//! let mut edit = Edit::create(&path, Existing::Refuse)?;
//! edit.add_wrapper(&NewWrapper { label: "key-file", kind: WrapperKind::KeyFile, key: &key }, SystemTime::now())?;
//! let name = SecretName::new("mist/webhook")?;
//! edit.set(&name, Secret::new(Kind::Webhook, b"s3cret".to_vec().into())?, SystemTime::now())?;
//! edit.save(SystemTime::now())?;
//!
//! let vault = Vault::open(&path, &Keyring::of([key]))?;
//! assert_eq!(vault.secret(&name)?.expose(), b"s3cret");
//! # Ok(())
//! # }
//! ```
//!
//! Readers take no lock: a write puts a whole new file in the place of the old one. Writers wait for each other.
//! Nothing here prints, asks or knows where keys are kept; that is for the program to do.

mod edit;
mod error;
mod file;
mod format;
mod keyring;
mod name;
mod recovery;
mod seal;
mod secret;
mod vault;
mod wrapper;

pub use edit::{Edit, Existing};
pub use error::{Error, KeyError, OpenError};
pub use file::copy;
pub use keyring::{Key, Keyring};
pub use name::{NameError, SecretName};
pub use recovery::{RecoveryError, RecoveryKey};
pub use secret::{Kind, KindError, Secret, SecretError};
pub use vault::{Entry, Fingerprint, Vault};
pub use wrapper::{Cost, NewWrapper, Wrapper, WrapperKind};
