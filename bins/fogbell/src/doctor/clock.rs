//! The clock of this machine, compared with Mist's.

use std::io::{self, Read, Write};
use std::net::ToSocketAddrs;
use std::path::Path;
use std::time::SystemTime;

use super::code::Code;
use super::finding::Finding;
use super::outside;
use super::patient::Patient;

const WHAT: &str = "clock";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut orgs = patient.config.org.iter().filter_map(|org| Some((org.api_host()?, org.api.as_ref()?)));
    // one cloud tells the time
    let Some((host, api)) = orgs.find(|(_, api)| api.proxy.is_none()) else {
        let (text, mend) = ("there is no API that it could be compared with", ASK);
        return vec![Finding::warn(Code::ClockUnknown, "-", text, mend)];
    };
    vec![match asked(host, api.ca.as_deref()) {
        Ok(theirs) => judged(host, apart(theirs, SystemTime::now())),
        Err(error) => {
            Finding::warn(Code::ClockUnknown, host, format!("it could not be compared: {error}"), ASK)
        }
    }]
}

fn judged(host: &str, apart: i64) -> Finding {
    let mend = "chronyc makestep, or timedatectl set-ntp true";
    let side = if apart > 0 { "ahead of" } else { "behind" };
    let text = format!("{} s {side} Mist's", apart.unsigned_abs());
    match apart.unsigned_abs() {
        0..=5 => Finding::pass(WHAT, host, "it goes with Mist's"),
        6..=60 => Finding::warn(Code::ClockOff, host, text, mend),
        _ => {
            let text = format!("{text}: certificates and SNMPv3 depend on it");
            Finding::fail(Code::ClockOff, host, text, mend)
        }
    }
}

/// How many seconds `ours` is ahead of `theirs`.
fn apart(theirs: SystemTime, ours: SystemTime) -> i64 {
    match ours.duration_since(theirs) {
        Ok(ahead) => ahead.as_secs().cast_signed(),
        Err(behind) => -behind.duration().as_secs().cast_signed(),
    }
}

/// The time in the head of an answer of `host`, which is asked for nothing and told no token.
fn asked(host: &str, ca: Option<&Path>) -> io::Result<SystemTime> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            (name, port.parse().map_err(io::Error::other)?)
        }
        _ => (host, 443),
    };
    let name = name.trim_matches(['[', ']']);
    let to = (name, port).to_socket_addrs()?.next().ok_or_else(|| io::Error::other("it has no address"))?;
    let mut link = outside::connect(to, name, ca)?;
    write!(link, "HEAD /api/v1/self HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut head = Vec::new();
    // whoever closes without saying so has answered all the same
    let _ = link.take(MAX_HEAD_BYTES).read_to_end(&mut head);
    let head = String::from_utf8_lossy(&head);
    let date = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then_some(value.trim())
    });
    let date = date.ok_or_else(|| io::Error::other("it does not say what time it is"))?;
    httpdate::parse_http_date(date).map_err(io::Error::other)
}

/// What to do where there is nothing to compare with.
const ASK: &str = "`chronyc tracking` or `timedatectl` tells; with `api` in an [[org]], which must be reached, this is looked at here";

const MAX_HEAD_BYTES: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::finding::Status;
    use super::*;

    #[test]
    fn a_clock_may_be_a_little_off() {
        let now = SystemTime::now();
        for (secs, ahead, status) in [
            (5, true, Status::Pass),
            (6, false, Status::Warn),
            (60, true, Status::Warn),
            (61, false, Status::Fail),
        ] {
            let theirs =
                if ahead { now - Duration::from_secs(secs) } else { now + Duration::from_secs(secs) };
            assert_eq!(judged("api", apart(theirs, now)).status, status, "{secs} s");
        }
    }
}
