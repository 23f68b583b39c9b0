//! Reference of `cargo xtask bench`: the least that could prove and keep a message. Like `bench-bare`, and the
//! HMAC-SHA256 of every body is verified, and the body is appended to the file given, with `fdatasync`, before
//! its 200.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use e2e::bench::{GroupLog, SECRET, serve, verified};
use http::StatusCode;
use ring::hmac;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: bench-floor FILE");
        return ExitCode::FAILURE;
    };
    match run(Path::new(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-floor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &Path) -> io::Result<()> {
    let log = GroupLog::create(path)?;
    let key = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()));
    serve(move |head, body| {
        let (log, key) = (log.clone(), Arc::clone(&key));
        async move {
            if !verified(&key, &head, &body) {
                return StatusCode::UNAUTHORIZED;
            }
            if log.append(body).await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        }
    })
}
