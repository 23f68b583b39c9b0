//! The harness of the stories in `tests/e2e`: the built programs and the real peers, on loopback.
//!
//! - [`Fogbell`]: the relay, from a [`Config`], in a folder of its own.
//! - [`Snmptrapd`], [`Rsyslog`]: what an NMS and a SIEM run, and what arrived there.
//! - [`Curl`]: a client nobody here wrote.
//! - [`FakeClock`]: a wall clock that a story sets.
//! - [`Certs`]: a test CA by OpenSSL.
//! - [`Haproxy`], [`Machine`]: what stands in front of a relay, and networks to put it into.
//! - [`Manager`]: what a service manager hears; [`Journald`]: what its journal gets.
//! - [`Pebble`]: an authority that speaks ACME, the DNS it asks, and a [`Front`] that limits it.
//! - [`Usage`]: what a process takes of the machine.
//! - [`mod@bench`]: what the programs of `cargo xtask bench` are made of.
//!
//! `cargo xtask test` provides the peers and says where everything is: `FOGBELL_BIN`, `FOGPILOT_BIN`,
//! `FOGBELL_TESTKIT_BIN_DIR`, `FOGBELL_MIBS`, and the peers in front of `PATH`. Whatever a story starts ends with
//! it. The harness panics where a story cannot go on, and then shows what the program last said.

pub mod bench;

mod asking;
mod balance;
mod certs;
mod clock;
mod curl;
mod fogbell;
mod formats;
mod haproxy;
mod journald;
mod machines;
mod manager;
mod parameters;
mod pebble;
mod ports;
mod programs;
mod rsyslog;
mod running;
mod signature;
mod snmptrapd;
mod tls_client;
mod usage;
mod wait;

pub use asking::{Answer, ask_fogbell, ask_fogbell_in, ask_fogbell_under, ask_fogbell_with};
pub use balance::Scrape;
pub use certs::Certs;
pub use clock::{FakeClock, Showing};
pub use curl::{Curl, Response};
pub use fogbell::Fogbell;
pub use fogbell::config::{Config, Notification, TlsTrust, V3};
pub use formats::CefHeader;
pub use haproxy::Haproxy;
pub use journald::Journald;
pub use machines::Machine;
pub use manager::Manager;
pub use parameters::Parameters;
pub use pebble::{Front, Pebble, PebbleSetup};
pub use ports::free_port;
pub use programs::{base_mibs, fogbell_program, fogpilot_program, testkit_program};
pub use rsyslog::{Line, Rsyslog, RsyslogSetup, TlsClients};
pub use running::Running;
pub use signature::sign;
pub use snmptrapd::trap::{Trap, Value, Varbind};
pub use snmptrapd::{Reading, Snmptrapd, SnmptrapdSetup, SnmptrapdUser};
pub use tls_client::TlsClient;
pub use usage::Usage;
pub use wait::{DEADLINE, wait_for, wait_until};
