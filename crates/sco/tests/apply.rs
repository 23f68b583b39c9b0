//! A run from a plan to verified routers, against a whole estate whose command line is behind a real OpenSSH server.
//!
//! Needs root, and `FOGBELL_TESTKIT_BIN_DIR` with the programs of testkit; `cargo xtask test` gives both.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "apply/assignment.rs"]
mod assignment;
#[path = "estate/clients.rs"]
mod clients;
#[path = "apply/crash.rs"]
mod crash;
#[path = "apply/first_mode.rs"]
mod first_mode;
#[path = "apply/in_doubt.rs"]
mod in_doubt;
#[path = "apply/order.rs"]
mod order;
#[path = "apply/refusals.rs"]
mod refusals;
#[path = "apply/rules.rs"]
mod rules;
#[path = "apply/stage.rs"]
mod stage;
#[path = "apply/waiting.rs"]
mod waiting;
#[path = "apply/whole.rs"]
mod whole;
