//! What stands around a relay of Juniper Mist webhooks and around the onboarding of routers, for tests: the cloud, the
//! conductor, the routers, the receivers, the certificates between them, and everything that goes wrong on the way.
//!
//! - [`cloud`]: a fake Mist cloud that keeps state, behind HTTPS: REST API, deliveries, misbehaviour on order.
//! - [`mist`]: what happens in it, made up without end, as signed deliveries, and [`Post`], which posts them as
//!   Mist does.
//! - [`conductor`]: a fake Session Smart Conductor that keeps state, behind HTTPS and a command line.
//! - [`router`]: routers that judge what they are given and present themselves.
//! - [`endorsement_keys`]: the public keys of TPMs.
//! - [`estate`]: all of these at once, with routers that live by themselves, and a judge of what was done to them.
//! - [`SshServer`]: a real OpenSSH server whose login shell is yours.
//! - [`TrapReceiver`], [`SyslogReceiver`]: receivers that record what arrives and misbehave on demand.
//! - [`TestCa`]: certificates for names and addresses on loopback.
//! - [`Proxy`]: a TCP proxy that stalls, slows, delays, half-closes, cuts, resets, refuses and loses.
//! - [`clients`]: badly behaved HTTPS clients.
//! - [`fixtures`]: sample deliveries from a directory.
//!
//! Everything listens on loopback at port 0 unless told otherwise, keeps a bounded record, and waits only
//! until a deadline. What is random comes from a seed: print it, and a failure can be repeated. Nothing here
//! is built on the code that it is meant to test: notifications are read by [`ber`], syslog framing by
//! [`frames`].

pub mod ber;
pub mod clients;
pub mod cloud;
pub mod conductor;
pub mod endorsement_keys;
pub mod estate;
pub mod fixtures;
pub mod frames;
pub mod mist;
pub mod notification;
pub mod router;
pub mod show;

mod base64;
mod certs;
mod door;
mod inbox;
mod orders;
mod proxy;
mod receivers;
mod rng;
mod sshd;
mod switch;
#[cfg(test)]
mod test_client;
mod tls;
mod wire;

/// The types by which things in Mist are named here.
pub use ids;

pub use certs::{TestCa, TestCertificate};
pub use inbox::Missed;
pub use mist::post::{Answer, Post, PostError, Retry};
pub use proxy::{Proxy, ProxyCounters};
pub use receivers::syslog::{Frame, SyslogCounters, SyslogReceiver, SyslogSettings, TlsSettings, Transport};
pub use receivers::trap::{ReceivedTrap, TrapCounters, TrapMisbehaviour, TrapReceiver};
pub use rng::Rng;
pub use sshd::{SshServer, SshdError};
pub use switch::{Switch, UnknownSwitch, pairwise};
pub use tls::{DangerAcceptAnyCertificate, TlsError, TlsVersion, Trust};
