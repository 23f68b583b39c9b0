//! Which URLs lead to this relay.

use std::net::IpAddr;

use relay::Config;
use relay::config::Org;

use crate::certificate::Source;

/// Where the webhooks of an organisation are received, as far as the configuration tells.
#[derive(Clone, Debug)]
pub(crate) struct Here {
    /// Host and port that Mist is told, when the configuration says.
    public: Option<(String, u16)>,
    /// Names of the certificate, and the address that is listened at.
    names: Vec<String>,
    path: String,
}

impl Here {
    /// That of `org`.
    pub(crate) fn of(config: &Config, org: &Org) -> Self {
        let public = config.listen.public_url.as_deref().and_then(|url| Some(parts(url)?.0));
        let mut names = certificate_names(config);
        let address = config.listen.address.ip();
        if !address.is_unspecified() {
            names.push(address.to_string());
        }
        Self { public, names, path: org.path.clone() }
    }

    /// Whether messages that are posted to `url` arrive here.
    pub(crate) fn is(&self, url: &str) -> bool {
        let Some(((host, port), path)) = parts(url) else { return false };
        if path != self.path {
            return false;
        }
        match &self.public {
            Some(public) => *public == (host, port),
            None => self.names.iter().any(|name| is_of(&host, name)),
        }
    }

    /// The URL that Mist is to be told.
    pub(crate) fn url(&self) -> Option<String> {
        let (host, port) = match &self.public {
            Some((host, port)) => (host.clone(), *port),
            None => (self.names.iter().find(|name| !name.starts_with('*'))?.to_ascii_lowercase(), HTTPS),
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let port = if port == HTTPS { String::new() } else { format!(":{port}") };
        Some(format!("https://{host}{port}{}", self.path))
    }

    /// Host and port of that URL.
    pub(crate) fn authority(&self) -> Option<(String, u16)> {
        parts(&self.url()?).map(|(authority, _)| authority)
    }
}

/// The names of the certificate: of the operator's file, else those that the configuration asks for.
fn certificate_names(config: &Config) -> Vec<String> {
    match Source::of(config) {
        Ok(Source::SelfSigned(names)) => names.to_vec(),
        Ok(Source::Acme(acme)) => acme.names.clone(),
        Ok(Source::Files { certificate, .. }) => {
            pki::Chain::load(certificate).map(|chain| chain.leaf().names.clone()).unwrap_or_default()
        }
        Err(_) => Vec::new(),
    }
}

/// Host in lower case and port, and path, of an HTTPS URL.
fn parts(url: &str) -> Option<((String, u16), String)> {
    let rest = url.strip_prefix("https://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, HTTPS),
    };
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let path = path.split(['?', '#']).next().unwrap_or(path);
    if host.is_empty() { None } else { Some(((host, port), path.to_owned())) }
}

/// Whether a certificate for `name` is one for `host`.
fn is_of(host: &str, name: &str) -> bool {
    if let (Ok(host), Ok(name)) = (host.parse::<IpAddr>(), name.parse::<IpAddr>()) {
        return host == name;
    }
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => host.eq_ignore_ascii_case(name),
    }
}

const HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    fn here(public: Option<&str>, names: &[&str]) -> Here {
        let public = public.and_then(|url| Some(parts(url)?.0));
        Here { public, names: names.iter().map(|it| (*it).to_owned()).collect(), path: "/v1/mist".into() }
    }

    #[test]
    fn a_url_leads_here_by_what_mist_is_told_else_by_the_names_of_the_certificate() {
        let told = here(Some("https://Relay.example.net:8443"), &["other.example.net"]);
        let named = here(None, &["*.example.net", "2001:db8::1"]);
        for (url, by_told, by_name) in [
            ("https://relay.example.net:8443/v1/mist", true, true),
            ("https://RELAY.example.net/v1/mist", false, true),
            ("https://relay.example.net:8443/v1/mist?a=b", true, true),
            ("https://relay.example.net:8443/v2/mist", false, false),
            ("http://relay.example.net:8443/v1/mist", false, false),
            ("https://a.relay.example.net:8443/v1/mist", false, false),
            ("https://[2001:db8:0::1]/v1/mist", false, true),
            ("https://other.example.net:x/v1/mist", false, false),
            ("https:///v1/mist", false, false),
        ] {
            assert_eq!((told.is(url), named.is(url)), (by_told, by_name), "{url}");
        }
    }

    #[test]
    fn mist_is_told_a_name_and_never_a_wildcard() {
        let url = |public, names: &[&str]| here(public, names).url();
        assert_eq!(url(None, &["*.a.net", "b.a.net"]).as_deref(), Some("https://b.a.net/v1/mist"));
        assert_eq!(url(Some("https://[::1]:99"), &[]).as_deref(), Some("https://[::1]:99/v1/mist"));
        assert_eq!(url(None, &["*.a.net"]), None);
    }
}
