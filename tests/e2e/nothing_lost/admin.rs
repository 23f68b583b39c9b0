//! What the relay says of itself on its admin listener.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use e2e::{Fogbell, wait_until};

/// The status and body of `path`; `None` when nobody answers.
pub(crate) fn get(relay: &Fogbell, path: &str) -> Option<(u16, String)> {
    let url = relay.admin_url(path);
    let (address, _) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some((status, body.to_owned()))
}

/// Whether the relay can promise anything now.
pub(crate) fn is_ready(relay: &Fogbell) -> bool {
    get(relay, "/readyz").is_some_and(|(status, _)| status == 200)
}

/// The sum of the samples of `name`, of those alone whose labels contain `label`; `None` when there are none.
pub(crate) fn metric(relay: &Fogbell, name: &str, label: &str) -> Option<u64> {
    let (status, text) = get(relay, "/metrics")?;
    assert_eq!(status, 200, "{text}");
    let samples: Vec<u64> = text
        .lines()
        .filter(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))
        })
        .map(|line| line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a whole number"))
        .collect();
    (!samples.is_empty()).then(|| samples.iter().sum())
}

/// Waits until every message is interpreted and every sink has got every alert, as the relay says.
///
/// # Panics
///
/// When that is not so within `deadline`.
pub(crate) fn wait_drained(relay: &mut Fogbell, deadline: Duration) {
    let drained = wait_until(deadline, || {
        metric(relay, "fogbell_inbox_behind_entries", "") == Some(0)
            && metric(relay, "fogbell_sink_behind_alerts", "") == Some(0)
    });
    if !drained {
        let said = get(relay, "/metrics").map(|(_, text)| text).unwrap_or_default();
        let behind = said.lines().filter(|line| line.contains("behind") && !line.starts_with('#'));
        let behind: Vec<&str> = behind.collect();
        let log = relay.process().lines();
        let end = log.get(log.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n");
        panic!("not drained within {} s:\n{}\nits log:\n{end}", deadline.as_secs(), behind.join("\n"));
    }
}

/// Lines of the log that a panic shows.
const SHOWN: usize = 40;

const PATIENCE: Duration = Duration::from_secs(5);
