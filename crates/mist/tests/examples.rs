//! The examples of this crate run to their end.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example shows what it found")]

#[path = "../examples/devices.rs"]
mod devices;

#[test]
fn devices() {
    devices::main().unwrap();
}
