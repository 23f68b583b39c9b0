//! What a certificate from an authority needs.

use super::Checks;
use crate::Error;
use crate::config::Challenge;

impl Checks<'_> {
    /// Checks `[tls.acme]`; the key of an external account is read and forgotten.
    pub(super) fn acme(&self) -> Result<(), Error> {
        let Some(acme) = &self.config.tls.acme else { return Ok(()) };
        let wrong = |key: &str, what: &str| Err(self.wrong(&format!("tls.acme{key}"), what, None));
        if !acme.agree_terms {
            return wrong("", "read the authority's terms of service, then set `agree_terms = true`");
        }
        if acme.names.is_empty() {
            return wrong(".names", "a certificate needs at least one name");
        }
        for (i, name) in acme.names.iter().enumerate() {
            let host = match (name.strip_prefix("*."), acme.challenge) {
                (Some(_), Challenge::TlsAlpn01) => {
                    return wrong(&format!(".names[{i}]"), "a wildcard can only be proven with `dns-01`");
                }
                (Some(host), Challenge::Dns01) => host,
                (None, _) => name,
            };
            if !is_dns_name(host) {
                return wrong(&format!(".names[{i}]"), "this is no DNS name, as relay.example.net");
            }
        }
        if acme.names.len() > MAX_NAMES {
            return wrong(".names", "more names than a listener can need");
        }
        if !is_https(&acme.directory) {
            return wrong(".directory", "this is no directory, as https://acme.example.net/directory");
        }
        for (i, contact) in acme.contact.iter().enumerate() {
            if !contact.strip_prefix("mailto:").is_some_and(|address| address.contains('@')) {
                return wrong(&format!(".contact[{i}]"), "this is no contact, as mailto:noc@example.net");
            }
        }
        match (acme.challenge, acme.hook.as_slice()) {
            (Challenge::Dns01, []) => {
                return wrong(
                    "",
                    "with `dns-01` a `hook` sets the record in DNS: name a command by its absolute path",
                );
            }
            (Challenge::Dns01, [program, ..]) if !program.starts_with('/') => {
                return wrong(".hook", "name the command by its absolute path");
            }
            (Challenge::TlsAlpn01, [_, ..]) => {
                return wrong(".hook", "with `tls-alpn-01` no hook is called; remove it, or use `dns-01`");
            }
            _ => {}
        }
        if acme.hook_secs == 0 || acme.hook_secs > MAX_HOOK_SECS {
            return wrong(".hook_secs", "use 1 to 3600");
        }
        if acme.propagation_secs > MAX_HOOK_SECS {
            return wrong(".propagation_secs", "use 0 to 3600");
        }
        if let Some(account) = &acme.external_account {
            self.text(&format!("tls.acme.external_account.key.{}", account.key.key()), &account.key)?;
        }
        Ok(())
    }
}

fn is_dns_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        // addresses are no names
        && name.parse::<std::net::IpAddr>().is_err()
}

fn is_https(url: &str) -> bool {
    let url = url.parse::<http::Uri>();
    url.is_ok_and(|url| url.scheme_str() == Some("https") && url.host().is_some_and(|host| !host.is_empty()))
}

const MAX_NAMES: usize = 100;
const MAX_HOOK_SECS: u64 = 3600;
