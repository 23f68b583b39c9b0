//! The examples of this crate run to their end.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example shows what it found")]

#[path = "../examples/service.rs"]
mod service;

#[test]
fn service() {
    service::main().unwrap();
}
