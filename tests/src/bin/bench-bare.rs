//! Reference of `cargo xtask bench`: reads every body and answers 200.

use std::io;
use std::process::ExitCode;

use http::StatusCode;

fn main() -> ExitCode {
    let served: io::Result<()> = e2e::bench::serve(|_head, _body| std::future::ready(StatusCode::OK));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-bare: {error}");
            ExitCode::FAILURE
        }
    }
}
