//! Who is let in, and the bounds of what is read and kept.

use ipnet::IpNet;
use webhook::{Allowlist, CloudTable, Gate, Organisation, SigningSecret};

use super::Checks;
use crate::Error;

impl Checks<'_> {
    pub(super) fn limits(&self) -> Result<(), Error> {
        let gate = &self.config.gate;
        for (key, value) in [
            ("max_body_bytes", gate.max_body_bytes),
            ("handshake_secs", gate.handshake_secs),
            ("header_secs", gate.header_secs),
            ("body_secs", gate.body_secs),
            ("idle_secs", gate.idle_secs),
            ("max_connections", gate.max_connections as u64),
            ("max_connections_per_address", gate.max_connections_per_address as u64),
        ] {
            if value == 0 {
                return Err(self.wrong(
                    &format!("gate.{key}"),
                    "0 would let nothing in; use at least 1",
                    None,
                ));
            }
        }
        if gate.max_body_bytes > MAX_BODY_BYTES {
            let what = format!("at most {MAX_BODY_BYTES} bytes can be stored as one message");
            return Err(self.wrong("gate.max_body_bytes", &what, None));
        }
        let journal = &self.config.journal;
        if journal.max_bytes < MIN_JOURNAL_BYTES {
            let what = format!("a journal needs at least {MIN_JOURNAL_BYTES} bytes");
            return Err(self.wrong("journal.max_bytes", &what, None));
        }
        if journal.max_bytes / gate.max_body_bytes < MIN_BODIES {
            let what = format!(
                "a journal must have room for {MIN_BODIES} of the longest messages (gate.max_body_bytes)"
            );
            return Err(self.wrong("journal.max_bytes", &what, None));
        }
        for (key, value) in
            [("sink_max_bytes", journal.sink_max_bytes), ("sink_max_age_secs", journal.sink_max_age_secs)]
        {
            if value == 0 {
                let what = "0 would give everything up at once; use at least 1";
                return Err(self.wrong(&format!("journal.{key}"), what, None));
            }
        }
        Ok(())
    }

    pub(super) fn gate(&self, table: &CloudTable) -> Result<Gate, Error> {
        let proxies = self.proxies()?;
        let own = Allowlist::new(self.config.gate.networks.iter().copied());
        let mut organisations = Vec::new();
        for (i, org) in self.config.org.iter().enumerate() {
            let mut organisation = Organisation::new(&org.name, &org.path);
            if org.name.trim().is_empty() {
                return Err(self.wrong(&format!("org[{i}].name"), "an organisation needs a name", None));
            }
            for (j, home) in org.secrets.iter().enumerate() {
                let keys = format!("org[{i}].secrets[{j}].{}", home.key());
                let bytes = self.secret(&keys, home)?;
                let secret = SigningSecret::new(&bytes)
                    .map_err(|error| self.wrong(&keys, &error.to_string(), None))?;
                let same = |known: &&Organisation| known.secrets.iter().any(|other| other.same_as(&secret));
                if let Some(known) = organisations.iter().chain([&organisation]).find(same) {
                    let what =
                        format!("`{}` has this secret too; a secret names one organisation", known.name);
                    return Err(self.wrong(&keys, &what, None));
                }
                organisation.secrets.push(secret);
            }
            let cloud = org.cloud.map_or_else(Allowlist::default, |cloud| table.allowlist(cloud));
            if let Some(name) = org.cloud.filter(|_| cloud.networks().is_empty()) {
                let what = format!(
                    "the addresses as of {} have none of {name}; add it to the file of `clouds` in [gate]",
                    table.as_of()
                );
                return Err(self.wrong(&format!("org[{i}].cloud"), &what, None));
            }
            organisation.allowlist = cloud.union(&own);
            if organisation.allowlist.networks().is_empty() {
                let what = "its webhooks may come from nowhere; set `cloud`, or `networks` in [gate]";
                return Err(self.wrong(&format!("org[{i}]"), what, None));
            }
            self.api(&format!("org[{i}]"), org)?;
            organisation.danger_accept_sha1 = org.danger_accept_sha1;
            organisation.danger_accept_unsigned = org.danger_accept_unsigned;
            organisations.push(organisation);
        }
        let gate = Gate::new(organisations, self.config.gate.max_body_bytes);
        Ok(gate.map_err(|error| self.wrong("org", &error.to_string(), None))?.behind(proxies))
    }

    /// The proxies whose word counts.
    fn proxies(&self) -> Result<Allowlist, Error> {
        let listen = &self.config.listen;
        if listen.proxy_protocol && listen.trusted_proxies.is_empty() {
            let what = "nobody could connect; name the proxies in `trusted_proxies`";
            return Err(self.wrong("listen.proxy_protocol", what, None));
        }
        if let Some(i) = listen.trusted_proxies.iter().position(|network| network.prefix_len() == 0) {
            let what = "whoever connects could say that a webhook comes from Mist; name the proxies alone";
            return Err(self.wrong(&format!("listen.trusted_proxies[{i}]"), what, None));
        }
        Ok(Allowlist::new(listen.trusted_proxies.iter().map(IpNet::trunc)))
    }
}

/// The longest body of which every alert still fits a record of the journal.
const MAX_BODY_BYTES: u64 = 4 << 20;

/// How many of the longest messages a journal has room for, at the least.
const MIN_BODIES: u64 = 4;

/// The smallest journal that can be kept.
const MIN_JOURNAL_BYTES: u64 = 4 << 20;
