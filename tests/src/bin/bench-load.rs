//! The load of `cargo xtask bench`: keeps connections busy with signed alarms, each with an id of its own, and
//! prints what it saw as one JSON object.

use std::io::{self, Write};
use std::process::ExitCode;

use e2e::bench::Load;

fn main() -> ExitCode {
    let Some(load) = std::env::args().nth(1).and_then(|text| Load::parse(&text)) else {
        eprintln!("usage: bench-load LOAD, as JSON; see `Load::parse`");
        return ExitCode::FAILURE;
    };
    match load.run().and_then(|figures| writeln!(io::stdout(), "{}", figures.json())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-load: {error}");
            ExitCode::FAILURE
        }
    }
}
