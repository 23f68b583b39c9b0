//! What can go wrong.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::SecretName;
use crate::wrapper::WrapperKind;

/// Why bytes cannot be opened as a vault.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// Another file altogether, or nothing at all.
    #[error("this is no vault")]
    NoVault,
    /// Written by a newer program.
    #[error(
        "this vault has format {version}, and this program knows formats up to 1: use the program that wrote it, or a newer one"
    )]
    Newer {
        /// The format it has.
        version: u16,
    },
    /// Cut off, or a length or a kind that cannot be.
    #[error("the vault is damaged: {what}; restore a backup")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
    /// None of the keys at hand is one of the vault's.
    #[error(
        "none of the keys at hand opens the vault, or what wraps its root key was altered; it opens with {with}"
    )]
    WrongKey {
        /// What it opens with: kinds and labels.
        with: String,
    },
    /// A key fits, and what it opens is not what was sealed.
    #[error("the vault was altered after it was written: its seal does not hold; restore a backup")]
    Altered,
}

/// Why something cannot be a key of a vault.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// A key file or credential of the wrong length.
    #[error(
        "a key file or credential has 32 to 4096 random bytes, not {bytes}; `head -c 32 /dev/urandom` makes some"
    )]
    Material {
        /// How many it has.
        bytes: usize,
    },
    /// A passphrase of the wrong length.
    #[error("a passphrase has 12 to 1024 bytes")]
    Passphrase,
    /// The key is of another kind than its wrapper shall be.
    #[error("this key cannot be a {kind}")]
    Kind {
        /// What it was to be.
        kind: WrapperKind,
    },
    /// Argon2 was asked for what it cannot give, or for another kind of key.
    #[error("the passphrase cannot be stretched with these parameters")]
    Cost,
    /// The operating system gave none.
    #[error("the system has no randomness")]
    NoRandomness,
}

/// Why something was not done with the vault at a path.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no file.
    #[error("there is no vault at `{path}`")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is one already.
    #[error("`{path}` exists already, and nothing of it was changed")]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read `{path}`")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A link, which is not followed.
    #[error("`{path}` is a symbolic link, and a vault is never reached through one: name the file itself")]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A directory, a pipe or a device.
    #[error("`{path}` is not a regular file")]
    NoFile {
        /// What it is not.
        path: PathBuf,
    },
    /// Somebody but its owner may read or write it.
    #[error(
        "`{path}` has mode {mode:04o}, and only its owner may read and write a vault; `chmod 600 {path}` mends it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Longer than a vault can be.
    #[error("`{path}` is longer than {max} bytes; is it the right file?", max = crate::format::MAX_FILE_BYTES)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It was read and cannot be opened.
    #[error("cannot open `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// Somebody else writes, and does not come to an end.
    #[error("somebody else has been writing `{path}` for {seconds} seconds; try again when they are done")]
    Locked {
        /// The vault.
        path: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// The operating system refused.
    #[error("cannot {step} `{path}`")]
    Write {
        /// What was done.
        step: &'static str,
        /// To what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No secret has this name.
    #[error("there is no secret `{name}` in the vault")]
    NoSecret {
        /// The name.
        name: SecretName,
    },
    /// The vault is as it was written, and this value in it is not what its name says.
    #[error(
        "the value of `{name}` does not open, though the vault does: what wrote the vault is at fault; restore a backup"
    )]
    Value {
        /// The name.
        name: SecretName,
    },
    /// There is no room for another.
    #[error("a vault has at most {max} secrets and {bytes} bytes; remove some first", max = crate::format::MAX_SECRETS, bytes = crate::format::MAX_FILE_BYTES)]
    Full,
    /// A label that cannot be.
    #[error("a label has 1 to 64 letters, digits and . _ - and begins with a letter or digit")]
    Label,
    /// Two wrappers cannot have one label.
    #[error("the vault already opens with `{label}`; choose another label, or remove that first")]
    Taken {
        /// The label.
        label: String,
    },
    /// No wrapper has this label.
    #[error("the vault opens with no `{label}`; it opens with {with}")]
    NoWrapper {
        /// The label.
        label: String,
        /// What it opens with.
        with: String,
    },
    /// It would open with nothing.
    #[error("`{label}` is the last key that opens the vault; add another first")]
    LastWrapper {
        /// Its label.
        label: String,
    },
    /// As many keys as a vault may have.
    #[error("a vault opens with at most {max} keys; remove one first", max = crate::format::MAX_WRAPPERS)]
    TooManyWrappers,
    /// A rotation needs every key that shall go on opening the vault.
    #[error(
        "the key of `{label}` is not at hand, and a new root key must be wrapped for it: give it, or remove `{label}` from the vault first"
    )]
    NotAtHand {
        /// The label of its wrapper.
        label: String,
    },
    /// Something cannot be a key.
    #[error(transparent)]
    Key(#[from] KeyError),
}
