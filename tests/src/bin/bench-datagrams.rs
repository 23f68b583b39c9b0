//! The receiver of traps of `cargo xtask bench`: counts and forgets.

use std::process::ExitCode;

fn main() -> ExitCode {
    match e2e::bench::datagrams() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-datagrams: {error}");
            ExitCode::FAILURE
        }
    }
}
