//! The examples of this crate run to their end.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example shows what it found")]

#[path = "../examples/fake_cloud.rs"]
mod fake_cloud;

#[test]
fn fake_cloud() {
    fake_cloud::main().unwrap();
}
