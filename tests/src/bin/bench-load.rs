//! The load of `cargo xtask bench`: keeps connections busy with signed alarms, each with an id of its own, and
//! prints what it saw as one JSON object.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use e2e::bench::Load;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(load) = parse(&arguments) else {
        eprintln!("usage: bench-load ADDRESS PID CONNECTIONS BODY-BYTES WARM-UP-MILLISECONDS MILLISECONDS");
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

fn parse(arguments: &[String]) -> Option<Load> {
    let [address, pid, connections, body_bytes, warm_up, window] = arguments else { return None };
    let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
    Some(Load {
        address: address.parse::<SocketAddr>().ok()?,
        pid: Some(pid.parse().ok()?),
        connections: connections.parse().ok()?,
        body_bytes: body_bytes.parse().ok()?,
        warm_up: millis(warm_up)?,
        window: millis(window)?,
    })
}
