//! The listener: whether it is there and can promise.

use std::net::TcpStream;
use std::time::Duration;

use super::certificate::reachable;
use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

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
        (_, Err(error)) => Finding::fail(
            Code::ListenerClosed,
            target,
            format!("nobody takes connections there: {error}"),
            "systemctl enable --now fogbell",
        ),
    }]
}
