//! The PROXY protocol, version 2: how a proxy that passes bytes on says whom they come from.
//!
//! Source: "The PROXY protocol, versions 1 and 2" (`proxy-protocol.txt` of HAProxy), 2.2 and 2.6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// The beginning of a PROXY header, which says how long the rest is.
///
/// It stands before the first byte of TLS. Version 1, a line of text, is refused: it is read by looking for its end,
/// and what looks like that line is easily made by whoever is not a proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProxyHeader {
    says: Says,
    length: u16,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Says {
    /// The proxy speaks for itself, to see whether somebody is there.
    Local,
    Tcp4,
    Tcp6,
}

impl ProxyHeader {
    /// How many bytes [`parse`](Self::parse) reads.
    pub const BYTES: usize = 16;

    /// Reads the first [`BYTES`](Self::BYTES) of a connection.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] says why it cannot be told where the connection comes from; it must be closed.
    pub fn parse(bytes: &[u8; Self::BYTES]) -> Result<Self, ProxyError> {
        let (mark, rest) = bytes.split_at(MARK.len());
        if mark != MARK {
            return Err(if bytes.starts_with(b"PROXY ") { ProxyError::Version1 } else { ProxyError::Absent });
        }
        let [version_and_command, family, high, low] = *rest else { return Err(ProxyError::Absent) };
        let length = u16::from_be_bytes([high, low]);
        if version_and_command >> 4 != 2 {
            return Err(ProxyError::Version { version: version_and_command >> 4 });
        }
        if length > MAX_LENGTH {
            return Err(ProxyError::TooLong { length });
        }
        let says = match (version_and_command & 0xf, family) {
            // whatever family and addresses it names, they are nobody's
            (0, _) => Says::Local,
            (1, 0x11) => Says::Tcp4,
            (1, 0x21) => Says::Tcp6,
            (1, _) => return Err(ProxyError::Family { family }),
            (command, _) => return Err(ProxyError::Command { command }),
        };
        Ok(Self { says, length })
    }

    /// How many bytes stand behind these and before TLS: at most 4096.
    #[must_use]
    pub const fn length(self) -> usize {
        self.length as usize
    }

    /// The address the connection comes from, out of the [`length`](Self::length) bytes that follow; `None` when the
    /// proxy speaks for itself. An IPv4 address is never given as IPv6.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Addresses`] when there is no room for what it says is there.
    pub fn source(self, rest: &[u8]) -> Result<Option<IpAddr>, ProxyError> {
        if rest.len() != self.length() {
            return Err(ProxyError::Addresses);
        }
        let (address, addresses): (IpAddr, usize) = match self.says {
            Says::Local => return Ok(None),
            Says::Tcp4 => {
                let octets = rest.first_chunk::<4>().ok_or(ProxyError::Addresses)?;
                (Ipv4Addr::from(*octets).into(), 2 * 4 + 2 * 2)
            }
            Says::Tcp6 => {
                let octets = rest.first_chunk::<16>().ok_or(ProxyError::Addresses)?;
                (Ipv6Addr::from(*octets).into(), 2 * 16 + 2 * 2)
            }
        };
        let mut further = rest.get(addresses..).ok_or(ProxyError::Addresses)?;
        // what else the proxy says is not needed, but it must fill the header exactly
        while let [_, high, low, values @ ..] = further {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            further = values.get(length..).ok_or(ProxyError::Addresses)?;
        }
        if further.is_empty() { Ok(Some(address.to_canonical())) } else { Err(ProxyError::Addresses) }
    }
}

/// Why a PROXY header cannot be used.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ProxyError {
    #[error("the connection does not begin with a PROXY header")]
    Absent,
    #[error("the PROXY header is of version 1; set the proxy to version 2")]
    Version1,
    #[error("the PROXY header is of version {version}; only version 2 is read")]
    Version { version: u8 },
    #[error("the PROXY header has the command {command}, which does not exist")]
    Command { command: u8 },
    #[error(
        "the PROXY header says that the connection is neither TCP over IPv4 nor over IPv6 ({family:#04x})"
    )]
    Family { family: u8 },
    #[error("the PROXY header is {length} bytes long; at most {MAX_LENGTH} are read")]
    TooLong { length: u16 },
    #[error("the PROXY header has not the length that its parts have")]
    Addresses,
}

/// What version 2 begins with.
const MARK: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Longest rest that is read: addresses, and room for what proxies add, the client's certificate among it.
const MAX_LENGTH: u16 = 4096;

#[cfg(test)]
mod tests;
