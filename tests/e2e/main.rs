//! Stories: the built programs against real peers on loopback. `cargo xtask test` runs them.
//!
//! One module a story. What needs root is in a module `needs_root` of its story.
#![allow(clippy::unwrap_used, reason = "stories are tests, their own functions too")]

mod backup;
mod book;
mod canaries;
mod certificates;
mod check;
mod commands;
mod delivery;
mod doctor;
mod fogpilot;
mod logs;
mod mib;
mod network;
mod nothing_lost;
mod operation;
mod packs;
mod page;
mod pair;
mod peers;
mod probe;
mod problems;
mod refusals;
mod relay;
mod schema;
mod security;
mod service;
mod setup;
mod tls;
mod upstream;
mod vault;
mod webhooks;
