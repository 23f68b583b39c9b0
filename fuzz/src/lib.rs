//! Everything of Fogbell that reads outside bytes, under arbitrary ones.
//!
//! Every target is a plain function of bytes that panics when a property does not hold. `fuzz_targets` hands
//! them to libFuzzer, one program each; `tests/replay.rs` runs them on every file of `corpus/<target>` and on
//! seeded mutations of it, with nothing but a stable compiler.
//!
//! A target asserts what must be true of any input, compared with a reader of its own where there is one: that
//! nothing panics is the least of it.
#![forbid(unsafe_code)]

mod address;
mod answer;
mod body;
mod conductor;
mod config;
mod ek;
mod engine;
mod find;
mod forwarded;
mod head;
mod journal;
mod line;
mod names;
mod notification;
mod pem;
mod proxied;
mod rest;
mod sheet;
mod signature;
mod token;
mod vault;

mod source;
mod strict;

pub use self::conductor::conductor;
pub use self::vault::vault;
pub use address::address;
pub use answer::answer;
pub use body::body;
pub use config::config;
pub use ek::ek;
pub use engine::engine;
pub use find::find;
pub use forwarded::forwarded;
pub use head::head;
pub use journal::journal;
pub use line::line;
pub use names::names;
pub use notification::notification;
pub use pem::pem;
pub use proxied::proxied;
pub use rest::rest;
pub use sheet::sheet;
pub use signature::signature;
pub use token::token;

/// One parser, or one encoder, under arbitrary bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the function, of the program, of the folder of its corpus.
    pub name: &'static str,
    /// What is run.
    pub body: fn(&[u8]),
    /// Random inputs it gets in every test run, beside its corpus; fewer where one costs more.
    pub rounds: usize,
}

/// Every target.
pub const TARGETS: [Target; 21] = [
    Target { name: "address", body: address, rounds: 3_000 },
    Target { name: "answer", body: answer, rounds: 3_000 },
    Target { name: "body", body, rounds: 3_000 },
    Target { name: "conductor", body: conductor, rounds: 3_000 },
    Target { name: "config", body: config, rounds: 1_000 },
    Target { name: "ek", body: ek, rounds: 1_000 },
    Target { name: "engine", body: engine, rounds: 3_000 },
    Target { name: "find", body: find, rounds: 1_000 },
    Target { name: "forwarded", body: forwarded, rounds: 3_000 },
    Target { name: "head", body: head, rounds: 3_000 },
    Target { name: "journal", body: journal, rounds: 60 },
    Target { name: "line", body: line, rounds: 300 },
    Target { name: "names", body: names, rounds: 3_000 },
    Target { name: "notification", body: notification, rounds: 1_000 },
    Target { name: "pem", body: pem, rounds: 1_000 },
    Target { name: "proxied", body: proxied, rounds: 3_000 },
    Target { name: "rest", body: rest, rounds: 1_000 },
    Target { name: "sheet", body: sheet, rounds: 1_000 },
    Target { name: "signature", body: signature, rounds: 3_000 },
    Target { name: "token", body: token, rounds: 500 },
    Target { name: "vault", body: vault, rounds: 3_000 },
];
