//! The listener: whether it is there and can promise.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::certificate::reachable;
use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::bound::{DROP_IN, RESTART, stream};

const WHAT: &str = "listener";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let address = patient.config.listen.address;
    let connected = TcpStream::connect_timeout(&reachable(address), Duration::from_secs(5));
    let target = address.to_string();
    vec![match (patient.about(), connected) {
        // that the relay cannot be asked was said of the configuration
        (None, Ok(_)) if patient.relay.is_err() => Finding::pass(WHAT, target, "it takes connections"),
        (Some(about), Ok(_)) => match &about.unready {
            None => Finding::pass(WHAT, target, "it takes connections, and messages can be promised"),
            Some(why) => Finding::fail(
                Code::ListenerRefuses,
                target,
                format!("it takes connections and answers 503: {why}"),
                format!("fogbell journal status --config {}", patient.path()),
            ),
        },
        (None, Ok(_)) => Finding::fail(
            Code::ListenerTaken,
            target,
            "another program has this port",
            format!(
                "end it (`ss -ltnp sport = :{}` names it), or choose another address in [listen]",
                address.port()
            ),
        ),
        (Some(_), Err(error)) => Finding::fail(
            Code::ListenerElsewhere,
            target,
            format!(
                "the relay runs, and nobody takes connections there: {error}; fogbell.socket has another port"
            ),
            rebind(address),
        ),
        (None, Err(error)) => Finding::fail(
            Code::ListenerClosed,
            target,
            format!("nobody takes connections there: {error}"),
            "systemctl enable --now fogbell",
        ),
    }]
}

/// A line of a shell that gives systemd's socket the address of the configuration.
fn rebind(address: SocketAddr) -> String {
    let file = Path::new(DROP_IN);
    let folder = file.parent().unwrap_or_else(|| Path::new("/")).display();
    format!(
        "mkdir -p {folder} && printf '[Socket]\\nListenStream=\\nListenStream={}\\n' > {DROP_IN} && {RESTART} fogbell.service",
        stream(address)
    )
}
