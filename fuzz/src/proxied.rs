//! The PROXY header in front of a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use webhook::ProxyHeader;

/// A header is understood exactly when a reader by hand understands it, and never more bytes are asked for than stand in
/// it.
pub fn proxied(data: &[u8]) {
    // most inputs should get past the twelve bytes that every header begins with
    let whole = [MARK, data].concat();
    for bytes in [data, whole.as_slice()] {
        let read = bytes.split_first_chunk().and_then(|(head, rest)| {
            let header = ProxyHeader::parse(head).ok()?;
            assert!(header.length() <= 4096);
            header.source(rest.get(..header.length())?).ok()
        });
        assert_eq!(read, by_hand(bytes), "{bytes:x?}");
        if let Some(Some(IpAddr::V6(v6))) = read {
            assert_eq!(v6.to_ipv4_mapped(), None, "IPv4 is given as IPv4");
        }
    }
}

/// Whom the header names, if it is one.
fn by_hand(bytes: &[u8]) -> Option<Option<IpAddr>> {
    let rest = bytes.strip_prefix(MARK)?;
    let (version, command) = (rest.first()? >> 4, rest.first()? & 15);
    let length = usize::from(*rest.get(2)?) * 256 + usize::from(*rest.get(3)?);
    let body = rest.get(4..4 + length)?;
    if version != 2 || length > 4096 {
        return None;
    }
    match (command, rest[1]) {
        (0, _) => Some(None),
        (1, 0x11) if fills(body, 12) => {
            let octets: [u8; 4] = body[..4].try_into().ok()?;
            Some(Some(Ipv4Addr::from(octets).into()))
        }
        (1, 0x21) if fills(body, 36) => {
            let octets: [u8; 16] = body[..16].try_into().ok()?;
            let v6 = Ipv6Addr::from(octets);
            Some(Some(v6.to_ipv4_mapped().map_or(v6.into(), IpAddr::V4)))
        }
        _ => None,
    }
}

/// Whether what is behind the addresses is a row of type, length and so many bytes.
fn fills(body: &[u8], addresses: usize) -> bool {
    let mut at = addresses;
    while at < body.len() {
        if at + 3 > body.len() {
            return false;
        }
        at += 3 + usize::from(body[at + 1]) * 256 + usize::from(body[at + 2]);
    }
    at == body.len()
}

const MARK: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
