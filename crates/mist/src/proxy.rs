//! The proxy between here and Mist.

use std::fmt;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use thiserror::Error;

/// A proxy that tunnels by CONNECT, and the hosts that are reached without it.
///
/// The tunnel carries TLS to Mist: the proxy sees the host's name, and neither the token nor the answers.
#[derive(Clone)]
pub struct Proxy {
    shown: Box<str>,
    matcher: std::sync::Arc<Matcher>,
}

impl Proxy {
    /// The proxy of `url`, as `http://user:password@proxy.example.net:3128`; the scheme may be left out, and is `http`.
    ///
    /// `except` is what `NO_PROXY` has: names, which stand for all below them too, addresses and networks, with commas
    /// between them; `*` is everything.
    ///
    /// # Errors
    ///
    /// [`ProxyError`], without the password.
    pub fn new(url: &str, except: &str) -> Result<Self, ProxyError> {
        let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let uri: Uri = whole.parse().map_err(|_| ProxyError)?;
        let host = uri.authority().map(|authority| match authority.as_str().rsplit_once('@') {
            Some((_, host)) => host,
            None => authority.as_str(),
        });
        let shown = host.filter(|host| !host.is_empty()).ok_or(ProxyError)?.into();
        if uri.scheme() != Some(&Scheme::HTTP) || !matches!(uri.path(), "" | "/") {
            return Err(ProxyError);
        }
        let matcher = Matcher::builder().https(whole).no(except).build();
        Ok(Self { shown, matcher: matcher.into() })
    }

    /// The proxy that the environment names in `HTTPS_PROXY` or `ALL_PROXY`, in either case, unless it is empty;
    /// `NO_PROXY` are the exceptions.
    ///
    /// # Errors
    ///
    /// [`ProxyError`], without the password.
    pub fn from_env() -> Result<Option<Self>, ProxyError> {
        Self::from_names(|name| std::env::var(name).ok())
    }

    fn from_names(read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ProxyError> {
        let first =
            |names: &[&str]| names.iter().find_map(|name| read(name).filter(|value| !value.is_empty()));
        let except = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
        let url = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        url.map(|url| Self::new(&url, &except)).transpose()
    }

    /// How to get to `uri`; directly when there is none.
    pub(crate) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        self.matcher.intercept(uri)
    }
}

impl fmt::Debug for Proxy {
    /// The proxy without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.shown).finish()
    }
}

/// A text that names no proxy that can be used.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected the URL of a proxy that tunnels, as in http://proxy.example.net:3128; only http is known")]
pub struct ProxyError;

#[cfg(test)]
mod tests {
    use super::*;

    fn through(proxy: &Proxy, host: &str) -> Option<String> {
        let uri = format!("https://{host}/api/v1/self").parse().unwrap();
        proxy.intercept(&uri).map(|via| via.uri().authority().unwrap().as_str().to_owned())
    }

    #[test]
    fn exceptions_are_reached_directly() {
        let proxy = Proxy::new("proxy.example.net:3128", "localhost,.example.org,192.0.2.0/24").unwrap();

        assert_eq!(through(&proxy, "api.mist.com").as_deref(), Some("proxy.example.net:3128"));
        for host in ["localhost", "mist.example.org", "192.0.2.7"] {
            assert_eq!(through(&proxy, host), None, "{host}");
        }
        assert_eq!(through(&Proxy::new("proxy.example.net", "*").unwrap(), "api.mist.com"), None);
    }

    #[test]
    fn a_password_is_sent_and_never_shown() {
        let proxy = Proxy::new("http://jane:FAKE-PASSWORD@proxy.example.net:3128", "").unwrap();

        assert_eq!(format!("{proxy:?}"), "Proxy(\"proxy.example.net:3128\")");
        let via = proxy.intercept(&Uri::from_static("https://api.mist.com/")).unwrap();
        assert_eq!(via.basic_auth().unwrap(), "Basic amFuZTpGQUtFLVBBU1NXT1JE");
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_not_ignored() {
        for url in
            ["", "http://", "https://proxy:1", "socks5://proxy:1", "http://proxy/path", "a b", "http://u:p@"]
        {
            assert_eq!(Proxy::new(url, "").unwrap_err(), ProxyError, "{url}");
        }
    }

    #[test]
    fn the_environments_names_are_read_in_the_usual_order() {
        let read = |pairs: &'static [(&str, &str)]| {
            Proxy::from_names(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let shown = |pairs| read(pairs).map(|proxy| proxy.map(|proxy| proxy.shown));

        assert_eq!(shown(&[]), Ok(None));
        assert_eq!(shown(&[("HTTPS_PROXY", "")]), Ok(None));
        assert_eq!(shown(&[("https_proxy", "b:1"), ("HTTPS_PROXY", "a:1")]), Ok(Some("a:1".into())));
        assert_eq!(shown(&[("all_proxy", "c:1")]), Ok(Some("c:1".into())));
        assert_eq!(shown(&[("HTTPS_PROXY", "ftp://a:1")]), Err(ProxyError));
        let proxy = read(&[("HTTPS_PROXY", "a:1"), ("no_proxy", "api.mist.com")]).unwrap().unwrap();
        assert_eq!(through(&proxy, "api.mist.com"), None);
    }
}
