//! `X-Forwarded-For`: how a proxy that passes requests on says whom they come from.
//!
//! `Forwarded` (RFC 7239) is not read. A proxy sets one of the two and passes the other on as the client sent it, so
//! whoever reads both believes the client; and `X-Forwarded-For` is what the proxies in use set.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName};

use crate::Allowlist;

/// The header in which each proxy appends the address it was asked from.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from that `hop` brought: `hop` itself unless it is one of the `proxies`, else the right-most
/// address of `X-Forwarded-For` that is none of them. When all of them are, it is the left-most.
///
/// `None` when an item that had to be read is no address: then nobody knows where the request comes from. Items to the
/// left of the answer are not read; anybody can have written them.
pub(crate) fn source(proxies: &Allowlist, hop: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let mut source = hop.to_canonical();
    if !proxies.contains(source) {
        return Some(source);
    }
    // several lines are one list (RFC 9110 section 5.3)
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        for item in line.as_bytes().rsplit(|&byte| byte == b',') {
            source = address(item)?;
            if !proxies.contains(source) {
                return Some(source);
            }
        }
    }
    Some(source)
}

/// An address as proxies write it: alone, with a port, in brackets when it is IPv6.
fn address(item: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(item).ok()?.trim_matches([' ', '\t']);
    let bracketed = || {
        let inside = text.strip_prefix('[')?.strip_suffix(']')?;
        inside.parse::<Ipv6Addr>().ok().map(IpAddr::from)
    };
    let with_port = || {
        let address = text.parse::<SocketAddr>().ok()?;
        // an address with a zone is one of somebody else's network
        (!text.contains('%')).then_some(address.ip())
    };
    let address = text.parse::<IpAddr>().ok().or_else(with_port).or_else(bracketed)?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests;
