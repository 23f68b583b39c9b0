//! What the relay may ask Mist.

use super::Checks;
use crate::Error;
use crate::config::Org;

impl Checks<'_> {
    /// Checks `api` of the organisation at `keys`; its token is read and forgotten.
    pub(super) fn api(&self, keys: &str, org: &Org) -> Result<(), Error> {
        let Some(api) = &org.api else { return Ok(()) };
        let wrong = |key: &str, what: &str| Err(self.wrong(&format!("{keys}.api.{key}"), what, None));
        if api.org_id.is_nil() {
            return wrong(
                "org_id",
                "this is no organisation's id; Mist shows it under Organization > Settings",
            );
        }
        match org.api_host() {
            None => {
                return Err(self.wrong(
                    &format!("{keys}.api"),
                    "which API? set `cloud` of the organisation, or `host` here",
                    None,
                ));
            }
            Some(host) if !is_authority(host) => {
                return wrong("host", "this is no host, as api.eu.mist.com or mist.example.net:8443");
            }
            Some(_) => {}
        }
        if let Some(proxy) = &api.proxy {
            let rest = proxy.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
            if rest.is_some_and(|rest| rest.contains('@')) {
                return wrong("proxy", "a password is never written in the configuration");
            }
            if !rest.is_some_and(is_authority) {
                return wrong("proxy", "this is no proxy, as http://proxy.example.net:3128");
            }
        }
        if !(1..=100).contains(&api.budget_percent) {
            return wrong("budget_percent", "use 1 to 100");
        }
        let home = format!("token.{}", api.token.key());
        let token = self.text(&format!("{keys}.api.{home}"), &api.token)?;
        if token.trim().is_empty() {
            return wrong(&home, "there is no token in it");
        }
        Ok(())
    }
}

impl Checks<'_> {
    /// Checks where Mist is told that the listener is.
    pub(super) fn public_url(&self) -> Result<(), Error> {
        let Some(url) = &self.config.listen.public_url else { return Ok(()) };
        if url.strip_prefix("https://").is_some_and(is_authority) {
            return Ok(());
        }
        let what = "this is no URL of a listener, as https://mist-relay.example.net or https://192.0.2.7:8443; the path \
                    is that of each organisation";
        Err(self.wrong("listen.public_url", what, None))
    }
}

/// Whether `text` is `host` or `host:port`.
fn is_authority(text: &str) -> bool {
    let authority = text.parse::<http::uri::Authority>();
    authority.is_ok_and(|authority| {
        let port = text.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        !authority.host().is_empty()
            && !text.contains('@')
            && port.is_none_or(|_| authority.port_u16().is_some_and(|port| port > 0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        for (text, is) in [
            ("api.eu.mist.com", true),
            ("mist.example.net:8443", true),
            ("127.0.0.1:8443", true),
            ("[::1]:8443", true),
            ("[::1]", true),
            ("", false),
            ("api.mist.com/api/v1", false),
            ("https://api.mist.com", false),
            ("api.mist.com:", false),
            ("api.mist.com:0", false),
            ("api.mist.com:70000", false),
            ("user@api.mist.com", false),
            ("api mist.com", false),
        ] {
            assert_eq!(is_authority(text), is, "{text}");
        }
    }
}
