//! What is in order and still should be known.

use webhook::CloudTable;

use super::{Checks, Sink};
use crate::config::Challenge;

impl Checks<'_> {
    pub(super) fn warnings(&self, sinks: &[Sink], clouds: &CloudTable) -> Vec<String> {
        let mut warnings = self.source_warnings(clouds);
        for (i, org) in self.config.org.iter().enumerate() {
            if org.danger_accept_sha1 {
                let place = self.config.place(&format!("org[{i}].danger_accept_sha1"));
                warnings.push(format!("{place}: webhooks with only a SHA-1 signature are let in"));
            }
            if org.danger_accept_unsigned {
                let place = self.config.place(&format!("org[{i}].danger_accept_unsigned"));
                warnings.push(format!(
                    "{place}: webhooks without any signature are let in; whoever can send from the allowed \
                     networks can forge alerts"
                ));
            }
        }
        for (i, snmp) in self.config.snmp.iter().enumerate() {
            for (set, key, what) in [
                (
                    snmp.danger_without_auth,
                    "danger_without_auth",
                    "can be read by everybody on the way, and forged by anybody",
                ),
                (
                    snmp.danger_without_privacy,
                    "danger_without_privacy",
                    "can be read by everybody on the way",
                ),
            ] {
                if set {
                    let place = self.config.place(&format!("snmp[{i}].{key}"));
                    warnings.push(format!("{place}: what is sent to `{}` {what}", snmp.name));
                }
            }
        }
        if self.config.tls.acme.as_ref().is_some_and(|acme| acme.challenge == Challenge::TlsAlpn01) {
            let place = self.config.place("tls.acme.challenge");
            warnings.push(format!(
                "{place}: with `tls-alpn-01` the authority connects from addresses that it does not tell: port 443 must \
                 be open to all, also in the firewall. Who is not allowed gets a handshake and a refusal, as before"
            ));
        }
        if sinks.is_empty() {
            warnings.push("no sink is configured: messages are stored and delivered nowhere".to_owned());
        }
        warnings
    }

    /// What is said of where webhooks come from.
    fn source_warnings(&self, clouds: &CloudTable) -> Vec<String> {
        let mut warnings = Vec::new();
        let (gate, listen) = (&self.config.gate, &self.config.listen);
        if let Some(i) = gate.networks.iter().position(|network| network.prefix_len() == 0) {
            let place = self.config.place(&format!("gate.networks[{i}]"));
            warnings.push(format!("{place}: webhooks may come from anywhere"));
        }
        if gate.danger_read_unlisted {
            let place = self.config.place("gate.danger_read_unlisted");
            warnings.push(format!(
                "{place}: bodies from addresses that are not listed are read before they are refused; whoever reaches \
                 the listener can make the relay read and check them"
            ));
        }
        let of_clouds =
            self.config.org.iter().filter_map(|org| org.cloud).map(|cloud| clouds.allowlist(cloud));
        let mut allowed: Vec<_> = of_clouds.flat_map(|list| list.networks().to_vec()).collect();
        allowed.extend(&gate.networks);
        for (i, proxy) in listen.trusted_proxies.iter().enumerate() {
            if let Some(network) =
                allowed.iter().find(|network| network.contains(proxy) || proxy.contains(*network))
            {
                let place = self.config.place(&format!("listen.trusted_proxies[{i}]"));
                warnings.push(format!(
                    "{place}: webhooks may come from {network}, where this proxy is: one that it brings without saying \
                     whom it comes from is let in"
                ));
            }
        }
        warnings
    }
}
