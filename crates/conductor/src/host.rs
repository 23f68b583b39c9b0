//! Where the conductor is.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;
use thiserror::Error;

/// The address of one conductor node.
///
/// Shape: `host` or `host:port`; the port is 443 without one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Host(Authority);

impl Host {
    /// Host and port as in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host alone, without the brackets of an address.
    pub(crate) fn name(&self) -> &str {
        self.0.host().trim_matches(['[', ']'])
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(443)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || HostError { text: crate::name::shown(text) };
        let authority: Authority = text.parse().map_err(|_| error())?;
        let host = authority.host();
        // what is neither the host nor a port is a user, or a port that is none
        let whole = match authority.port_u16() {
            Some(port) => text == format!("{host}:{port}"),
            None => text == host,
        };
        if host.is_empty() || !whole { Err(error()) } else { Ok(Self(authority)) }
    }
}

/// A text that is no host.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no host; expected conductor.example.net or host:port")]
pub struct HostError {
    text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_and_what_is_more_is_refused() {
        for (text, name, port) in [
            ("c1.example.net", "c1.example.net", 443),
            ("127.0.0.1:8443", "127.0.0.1", 8443),
            ("[::1]:1", "::1", 1),
        ] {
            let host: Host = text.parse().unwrap();
            assert_eq!((host.as_str(), host.name(), host.port()), (text, name, port));
        }
        for text in ["", "https://c", "c/", "a@b", "a:", "a:99999", "a b"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
