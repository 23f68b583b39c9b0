//! The examples of this crate run to their end.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example shows what it found")]

#[path = "../examples/open.rs"]
mod open;

#[test]
fn open() {
    open::main().unwrap();
}
