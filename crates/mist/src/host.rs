//! Where the API is.

use std::fmt;
use std::str::FromStr;

use http::uri::Authority;
use ids::Cloud;
use thiserror::Error;

/// The host of a Mist API: that of a known cloud, or any other.
///
/// Shape: `host` or `host:port`; the port is 443 without one. It reads the name of a cloud (`emea-01`) as well, and
/// any host, since Mist adds clouds and runs private ones.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Host(Authority);

impl Host {
    /// Host and port as in a URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) const fn authority(&self) -> &Authority {
        &self.0
    }
}

impl From<Cloud> for Host {
    fn from(cloud: Cloud) -> Self {
        Self(Authority::from_static(cloud.api_host()))
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
        if let Ok(cloud) = text.parse::<Cloud>() {
            return Ok(cloud.into());
        }
        let error = || HostError { text: text.into() };
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
#[error("`{text}` is neither a Mist cloud nor a host; expected emea-01, api.mist.com or host:port")]
pub struct HostError {
    text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_and_hosts_are_read() {
        for (text, host) in [
            ("global-01", "api.mist.com"),
            ("EMEA 01", "api.eu.mist.com"),
            ("api.example.net", "api.example.net"),
            ("127.0.0.1:8443", "127.0.0.1:8443"),
            ("[::1]:8443", "[::1]:8443"),
        ] {
            assert_eq!(text.parse::<Host>().unwrap().as_str(), host, "{text}");
        }
    }

    #[test]
    fn what_is_more_than_a_host_is_refused() {
        for text in
            ["", "https://api.mist.com", "api.mist.com/", "a@b", "a:", "a:99999", "a:1:2", "a b", "[::1"]
        {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
