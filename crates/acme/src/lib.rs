//! Certificates from a public authority by ACME (RFC 8555): account, order, proof of the names, renewal in time.
//!
//! [`Renewal`] keeps one certificate: it asks for it, stores it, hands it to a [`Server`] and renews it. What to do
//! when is decided by [`plan`], which knows no clock and no network. A renewal that fails never takes a valid
//! certificate away, and what is remembered of attempts survives a restart, so that no authority is asked again and
//! again.
//!
//! The protocol itself, its signatures and nonces, is instant-acme's work; here are patience, storage, the hook for
//! DNS and the certificate of TLS-ALPN-01 (RFC 8737).

pub mod plan;

mod account;
mod client;
mod error;
mod hook;
mod order;
mod renewal;
mod settings;
mod store;
mod tls_alpn;

pub use error::{Cause, Error};
pub use hook::HookError;
pub use renewal::{Renewal, Server};
pub use settings::{Challenge, ExternalAccount, Hook, Settings};
pub use store::{Attempts, Stored, stored};
