//! The syslog receiver of `cargo xtask bench`: counts and forgets.

use std::process::ExitCode;

fn main() -> ExitCode {
    match e2e::bench::drain() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-drain: {error}");
            ExitCode::FAILURE
        }
    }
}
