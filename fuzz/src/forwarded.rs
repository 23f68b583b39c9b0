//! What `X-Forwarded-For` says of where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use webhook::{Allowlist, FORWARDED_FOR, Gate, Organisation, SigningSecret};

/// The header's lines, one a line of the input, from a proxy and from somebody else: a reader that joins and splits
/// them the other way round finds the same, and nothing to the left of what counts changes it.
pub fn forwarded(data: &[u8]) {
    let proxies = ["10.0.0.0/8", "2001:db8:f::/48", "127.0.0.0/8"]
        .map(|text| text.parse::<IpNet>().expect("a network"));
    let mut acme = Organisation::new("acme", "/v1/mist");
    acme.secrets.push(SigningSecret::new(b"s").expect("it is not empty"));
    let gate = Gate::new(vec![acme], 1024).expect("one organisation").behind(Allowlist::new(proxies));
    let lines: Vec<HeaderValue> =
        data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let headers = |lines: &[HeaderValue]| {
        let mut headers = HeaderMap::new();
        lines.iter().for_each(|line| drop(headers.append(FORWARDED_FOR, line.clone())));
        headers
    };
    let hop: IpAddr = [10, 0, 0, 5].into();
    let other: IpAddr = [203, 0, 113, 7].into();

    assert_eq!(gate.source(other, &headers(&lines)), Ok(other), "who is no proxy is not listened to");
    let found = gate.source(hop, &headers(&lines)).ok();
    assert_eq!(
        found,
        by_hand(&lines, hop, &|address| proxies.iter().any(|network| network.contains(&address)))
    );

    if found.is_none_or(|found| !gate.trusts(found)) {
        for forged in ["54.193.71.17", "unknown", ",", "\u{ff}", "10.0.0.9, 54.193.71.17"] {
            let mut lines = lines.clone();
            if !lines.is_empty() {
                lines.insert(0, HeaderValue::from_bytes(forged.as_bytes()).expect("it is a field"));
                assert_eq!(
                    gate.source(hop, &headers(&lines)).ok(),
                    found,
                    "{forged} in front of what counts"
                );
            }
        }
    }
}

/// Reads all lines as one text, then from its end.
fn by_hand(lines: &[HeaderValue], hop: IpAddr, trusted: &dyn Fn(IpAddr) -> bool) -> Option<IpAddr> {
    if lines.is_empty() {
        return Some(hop);
    }
    let bytes: Vec<&[u8]> = lines.iter().map(HeaderValue::as_bytes).collect();
    let joined = bytes.join(&b","[..]);
    let mut last = hop;
    for item in joined.split(|&byte| byte == b',').rev() {
        last = address(item)?;
        if !trusted(last) {
            break;
        }
    }
    Some(last)
}

fn address(item: &[u8]) -> Option<IpAddr> {
    let text = String::from_utf8(item.to_vec()).ok()?;
    let text = text.trim_matches(|c| c == ' ' || c == '\t');
    let v6 = |text: &str| text.parse::<Ipv6Addr>().ok().map(|v6| v6.to_canonical());
    let is_port = |port: &str| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, behind) = rest.split_once(']')?;
        let behind_is_port = behind.strip_prefix(':').is_some_and(is_port);
        return if behind.is_empty() || behind_is_port { v6(inside) } else { None };
    }
    match text.split_once(':') {
        None => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        Some((v4, port)) if v4.parse::<Ipv4Addr>().is_ok() => {
            is_port(port).then(|| v4.parse::<Ipv4Addr>().ok().map(IpAddr::V4))?
        }
        Some(_) => v6(text),
    }
}
