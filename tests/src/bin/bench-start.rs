//! The stop-watch of `cargo xtask bench`: starts a program, prints how long it took to be there, and kills it.

use std::process::ExitCode;

use e2e::bench::Start;

fn main() -> ExitCode {
    let Some(start) = std::env::args().nth(1).and_then(|text| Start::parse(&text)) else {
        eprintln!("usage: bench-start START, as JSON; see `Start::parse`");
        return ExitCode::FAILURE;
    };
    match start.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-start: {error}");
            ExitCode::FAILURE
        }
    }
}
