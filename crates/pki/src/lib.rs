//! Certificates and keys: read, judged, matched, made; and the files they live in.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::SystemTime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = fogbell_pki::Chain::load(Path::new("/etc/fogbell/tls/chain.pem"))?;
//! let key = fogbell_pki::KeyPair::load(Path::new("/etc/fogbell/tls/key.pem"))?;
//! fogbell_pki::matches(&chain, &key)?;
//! for finding in chain.judge(SystemTime::now()) {
//!     eprintln!("{finding}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here opens a socket: whether a peer's certificate is good is for the TLS library to say. What is
//! read is the operator's own, so every error says what the file is and how to mend it; what a peer would make
//! of it, [`Chain::verify`] says.

mod authorities;
mod chain;
mod file;
mod finding;
mod key_kind;
mod key_pair;
mod leaf;
mod pem;
mod self_signed;
mod verify;

pub use authorities::Authorities;
pub use chain::{Chain, ChainError, MismatchError, matches};
pub use file::{LoadError, ReadError, WriteError, read_private, write_durably};
pub use finding::Finding;
pub use key_kind::KeyKind;
pub use key_pair::{KeyError, KeyPair};
pub use leaf::{Fingerprint, Leaf, Validity};
pub use self_signed::{SelfSigned, SelfSignedError, self_signed};
pub use verify::VerifyError;
