//! Who may see the page, and who may press its buttons.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, StatusCode};
use zeroize::Zeroizing;

/// Judges requests for the page by their heads.
pub(crate) struct Door {
    /// Whether only this machine can ask: then looking needs no token.
    loopback: bool,
    token: Option<Zeroizing<Vec<u8>>>,
    /// The names under which it may be asked for, in lower case, without port.
    hosts: Vec<String>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("loopback", &self.loopback)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// Why a request is turned away, as status and text.
pub(in crate::admin) type Closed = (StatusCode, &'static str);

impl Door {
    /// The door at `address`, which answers to that and to `hosts`.
    pub(crate) fn new(address: IpAddr, hosts: &[String], token: Option<Zeroizing<Vec<u8>>>) -> Self {
        let mut names: Vec<String> = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        names.push(bare(&address.to_string()));
        if address.is_loopback() {
            names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        }
        Self { loopback: address.is_loopback(), token, hosts: names }
    }

    /// Whether there is a token, and so buttons.
    pub(super) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether who sent these may look.
    pub(in crate::admin) fn looks(&self, headers: &HeaderMap) -> Result<(), Closed> {
        match self.loopback || self.proves(headers) {
            true => Ok(()),
            false => Err((StatusCode::UNAUTHORIZED, "the token of [admin] is needed\n")),
        }
    }

    /// Whether the page was asked for by a name that is its own: another site can make a browser believe that its own
    /// name leads here (DNS rebinding).
    pub(super) fn is_meant(&self, headers: &HeaderMap) -> Result<(), Closed> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(without_port);
        match host.is_some_and(|host| self.hosts.contains(&host)) {
            true => Ok(()),
            false => Err((
                StatusCode::MISDIRECTED_REQUEST,
                "this page is not served under that name; add it to hosts of [admin]\n",
            )),
        }
    }

    /// Whether who sent these may have something done: by the page itself and with the token.
    pub(super) fn acts(&self, headers: &HeaderMap) -> Result<(), Closed> {
        let elsewhere = Err((StatusCode::FORBIDDEN, "this was not asked from the page itself\n"));
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
        if text(HeaderName::from_static("sec-fetch-site"))
            .is_some_and(|site| site != "same-origin" && site != "none")
        {
            return elsewhere;
        }
        if let Some(origin) = text(ORIGIN) {
            let of = origin.split_once("://").map(|(_, host)| host.to_ascii_lowercase());
            if of.is_none() || of != text(HOST).map(|host| host.to_ascii_lowercase()) {
                return elsewhere;
            }
        }
        if self.token.is_none() {
            return Err((StatusCode::FORBIDDEN, "there is no token: set token of [admin]\n"));
        }
        match self.proves(headers) {
            true => Ok(()),
            false => Err((StatusCode::UNAUTHORIZED, "the token of [admin] is needed\n")),
        }
    }

    /// Whether the token is there: as `Bearer`, or as the password of `Basic`, which browsers ask for.
    fn proves(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let Some(given) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let Some((scheme, rest)) = given.split_once(' ') else { return false };
        if scheme.eq_ignore_ascii_case("bearer") {
            return same(token, rest.trim().as_bytes());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return false;
        }
        let decoded = BASE64_STANDARD.decode(rest.trim()).map(Zeroizing::new);
        decoded.is_ok_and(|pair| {
            let colon = pair.iter().position(|byte| *byte == b':');
            colon.is_some_and(|colon| same(token, &pair[colon + 1..]))
        })
    }
}

/// Compares in a time that tells nothing of where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differs) == 0
}

fn without_port(host: &str) -> String {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    bare(name)
}

fn bare(host: &str) -> String {
    host.trim_matches(['[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(address: &str, token: bool) -> Door {
        let token = token.then(|| Zeroizing::new(b"sesame sesame sesame".to_vec()));
        Door::new(address.parse().unwrap(), &["Relay.Example.NET".to_owned()], token)
    }

    fn head(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn status(judged: Result<(), Closed>) -> u16 {
        judged.map_or_else(|(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn only_its_own_names_are_answered() {
        for (host, expect) in [
            ("localhost:9460", 200),
            ("127.0.0.1:9460", 200),
            ("[::1]:9460", 200),
            ("LOCALHOST", 200),
            ("relay.example.net", 200),
            ("evil.example", 421),
            ("localhost.evil.example:9460", 421),
            ("127.0.0.1.evil.example", 421),
            ("", 421),
        ] {
            assert_eq!(status(door("127.0.0.1", true).is_meant(&head(&[("host", host)]))), expect, "{host}");
        }
        assert_eq!(status(door("127.0.0.1", true).is_meant(&HeaderMap::new())), 421);
        assert_eq!(status(door("192.0.2.7", true).is_meant(&head(&[("host", "192.0.2.7:1")]))), 200);
        assert_eq!(status(door("192.0.2.7", true).is_meant(&head(&[("host", "localhost")]))), 421);
    }

    #[test]
    fn looking_needs_a_token_elsewhere_and_acting_needs_it_everywhere() {
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        for (given, expect) in [
            (String::new(), 401),
            ("Bearer sesame sesame sesame".to_owned(), 200),
            ("bearer sesame sesame sesam".to_owned(), 401),
            ("bearer sesame sesame sesame!".to_owned(), 401),
            (basic("me:sesame sesame sesame"), 200),
            (basic(":sesame sesame sesame"), 200),
            (basic("sesame sesame sesame"), 401),
            ("Basic !".to_owned(), 401),
            ("sesame sesame sesame".to_owned(), 401),
        ] {
            let head = head(&[("authorization", &given)]);
            assert_eq!(status(door("192.0.2.7", true).looks(&head)), expect, "{given}");
            assert_eq!(status(door("127.0.0.1", true).acts(&head)), expect, "{given}");
            assert_eq!(status(door("127.0.0.1", true).looks(&head)), 200, "{given}");
            assert_eq!(status(door("127.0.0.1", false).acts(&head)), 403, "{given}");
        }
    }

    #[test]
    fn another_site_has_nothing_done() {
        for (more, expect) in [
            (vec![("origin", "http://localhost:9460"), ("sec-fetch-site", "same-origin")], 200),
            (vec![("origin", "http://localhost:9460")], 200),
            (vec![("sec-fetch-site", "none")], 200),
            (vec![("sec-fetch-site", "cross-site")], 403),
            (vec![("sec-fetch-site", "same-site")], 403),
            (vec![("origin", "http://evil.example")], 403),
            (vec![("origin", "null")], 403),
            (vec![("origin", "http://localhost:1")], 403),
            (vec![("origin", "http://localhost:9460"), ("sec-fetch-site", "cross-site")], 403),
        ] {
            let fields =
                [&more[..], &[("host", "localhost:9460"), ("authorization", "Bearer sesame sesame sesame")]]
                    .concat();
            assert_eq!(status(door("127.0.0.1", true).acts(&head(&fields))), expect, "{more:?}");
        }
    }
}
