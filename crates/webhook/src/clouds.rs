//! The addresses each cloud posts from, as dated data.

use std::collections::HashSet;

use ids::Cloud;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Allowlist;

/// The addresses each cloud posts from, as of a date.
///
/// Mist publishes them on a page and has changed them: the table carries its date, and a file can take its place.
///
/// Shape: a JSON object with `as_of` (`2026-11-22`), optionally `source`, and `clouds`, a list of objects with `cloud`
/// (`global-01`), `networks` (`["54.193.71.17/32"]`), optionally `api_host`, which is for readers, and `single_source`
/// where only one source tells the addresses. Source of the bundled one: Juniper, "Webhooks Source Addresses".
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CloudTable {
    as_of: String,
    #[serde(default)]
    source: String,
    clouds: Vec<Row>,
}

/// One cloud.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Row {
    cloud: Cloud,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_host: Option<String>,
    networks: Vec<IpNet>,
    #[serde(default)]
    single_source: bool,
}

impl CloudTable {
    /// The table that comes with this version.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same bytes.
    #[must_use]
    pub fn bundled() -> Self {
        Self::parse(include_str!("clouds.json")).expect("the bundled table is valid")
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`TableError`] names the line, or the cloud, and what is wrong with it.
    pub fn parse(json: &str) -> Result<Self, TableError> {
        let table: Self = serde_json::from_str(json).map_err(TableError::Json)?;
        if !is_date(&table.as_of) {
            return Err(TableError::Date { as_of: table.as_of });
        }
        let mut known = HashSet::new();
        for row in &table.clouds {
            let cloud = row.cloud;
            if !known.insert(cloud) {
                return Err(TableError::Twice { cloud });
            }
            if row.networks.is_empty() {
                return Err(TableError::NoNetwork { cloud });
            }
            if let Some(network) = row.networks.iter().find(|network| **network != network.trunc()) {
                return Err(TableError::HostBits { cloud, network: *network });
            }
            if let Some(network) = row.networks.iter().find(|network| network.prefix_len() < widest(network))
            {
                return Err(TableError::Wide { cloud, network: *network });
            }
            if let Some(host) = row.api_host.as_ref().filter(|host| *host != cloud.api_host()) {
                return Err(TableError::ApiHost { cloud, host: host.clone() });
            }
        }
        Ok(table)
    }

    /// The day the table was made, `2026-11-22`.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// Where the addresses were read.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The clouds it knows, in its order.
    pub fn clouds(&self) -> impl Iterator<Item = Cloud> {
        self.clouds.iter().map(|row| row.cloud)
    }

    /// The networks `cloud` posts from; empty when the table does not know it.
    #[must_use]
    pub fn allowlist(&self, cloud: Cloud) -> Allowlist {
        let rows = self.clouds.iter().filter(|row| row.cloud == cloud);
        Allowlist::new(rows.flat_map(|row| row.networks.iter().copied()))
    }

    /// The table as JSON, with the API host of each cloud; [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn json(&self) -> String {
        let mut table = self.clone();
        for row in &mut table.clouds {
            row.api_host = Some(row.cloud.api_host().to_owned());
        }
        serde_json::to_string_pretty(&table).expect("texts, words and networks are always JSON")
    }
}

/// Whether it is a day of the calendar's form, `2026-11-22`.
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |digits: usize, most: u16| {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()));
        part.and_then(|part| part.parse().ok()).is_some_and(|number: u16| (1..=most).contains(&number))
    };
    part(4, 9999) && part(2, 12) && part(2, 31) && parts.next().is_none()
}

/// The shortest prefix a cloud could post from: its addresses are a handful.
const fn widest(network: &IpNet) -> u8 {
    match network {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 16,
    }
}

/// Why a table of clouds cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum TableError {
    #[error("it is not the JSON of such a table")]
    Json(#[source] serde_json::Error),
    #[error("`as_of` is `{as_of}`; it must be the day the addresses were read, as 2026-11-22")]
    Date { as_of: String },
    #[error("{cloud} is there twice; give it one row")]
    Twice { cloud: Cloud },
    #[error("{cloud} has no networks; name them, or leave it out")]
    NoNetwork { cloud: Cloud },
    #[error("{network} of {cloud} is no network: bits behind its prefix are set; it may be meant as {}", network.trunc())]
    HostBits { cloud: Cloud, network: IpNet },
    #[error("{network} of {cloud} is wider than any cloud's addresses; name those it posts from")]
    Wide { cloud: Cloud, network: IpNet },
    #[error("the API of {cloud} is {}, not `{host}`; set `api.host` of the organisation instead", cloud.api_host())]
    ApiHost { cloud: Cloud, host: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_table_knows_every_cloud() {
        let table = CloudTable::bundled();

        assert_eq!(table.clouds().collect::<Vec<_>>(), Cloud::ALL);
        assert!(Cloud::ALL.into_iter().all(|cloud| !table.allowlist(cloud).networks().is_empty()));
        assert!(is_date(table.as_of()) && !table.source().is_empty());
    }

    #[test]
    fn what_is_printed_reads_back_as_it_was() {
        let table = CloudTable::bundled();
        let json = table.json();

        let read = CloudTable::parse(&json).unwrap();

        assert!(json.contains("\"api_host\": \"api.gc7.mist.com\""), "{json}");
        assert_eq!(read.as_of(), table.as_of());
        for cloud in Cloud::ALL {
            assert_eq!(read.allowlist(cloud), table.allowlist(cloud));
        }
    }

    #[test]
    fn the_addresses_of_a_cloud_are_its_own() {
        let table = CloudTable::bundled();
        for (cloud, address, inside) in [
            (Cloud::Global01, "54.193.71.17", true),
            (Cloud::Global01, "54.193.71.18", false),
            (Cloud::Global01, "::ffff:54.193.71.17", true),
            (Cloud::Global02, "34.94.226.48", true),
            (Cloud::Global02, "34.94.226.63", true),
            (Cloud::Global02, "34.94.226.64", false),
            (Cloud::Emea01, "54.193.71.17", false),
        ] {
            assert_eq!(
                table.allowlist(cloud).contains(address.parse().unwrap()),
                inside,
                "{cloud} {address}"
            );
        }
    }

    #[test]
    fn a_table_that_would_let_in_the_wrong_ones_is_refused_with_the_reason() {
        let row = |row: &str| format!(r#"{{"as_of": "2026-11-22", "clouds": [{row}]}}"#);
        let good = r#"{"cloud": "emea-01", "networks": ["192.0.2.1/32"]}"#;
        assert!(CloudTable::parse(&row(good)).is_ok());
        for (json, said) in [
            (String::new(), "not the JSON"),
            ("[]".to_owned(), "not the JSON"),
            (row(good).replace("as_of", "date"), "not the JSON"),
            (row(good).replace("2026-11-22", "22.11.2026"), "`as_of` is `22.11.2026`"),
            (row(good).replace("2026-11-22", "2026-13-22"), "`as_of` is `2026-13-22`"),
            (row(good).replace("2026-11-22", "2026-11-22-1"), "`as_of`"),
            (row(good).replace("2026-11-22", "2026-+1-22"), "`as_of`"),
            (row(&format!("{good}, {good}")), "emea-01 is there twice"),
            (row(&good.replace("emea-01", "emea-99")), "not the JSON"),
            (row(&good.replace("\"192.0.2.1/32\"", "")), "emea-01 has no networks"),
            (row(&good.replace("/32", "/24")), "may be meant as 192.0.2.0/24"),
            (row(&good.replace("192.0.2.1/32", "192.0.2.1")), "not the JSON"),
            (row(&good.replace("192.0.2.1/32", "0.0.0.0/0")), "wider than any cloud's"),
            (row(&good.replace("192.0.2.1/32", "::/8")), "wider than any cloud's"),
            (
                row(&good.replace("\"networks\"", "\"api_host\": \"example.net\", \"networks\"")),
                "api.eu.mist.com",
            ),
            (row(&good.replace("\"networks\"", "\"note\": \"x\", \"networks\"")), "not the JSON"),
        ] {
            let error = CloudTable::parse(&json).unwrap_err().to_string();
            assert!(error.contains(said), "{json}: {error}");
        }
    }
}
