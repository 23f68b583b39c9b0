//! Where messages may come from.

use std::net::IpAddr;

use ids::Cloud;
use ipnet::IpNet;
use serde::Deserialize;

/// Networks a message may come from; an empty one admits nobody.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Allowlist {
    networks: Vec<IpNet>,
}

impl Allowlist {
    /// An allowlist of these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut networks: Vec<IpNet> = networks.into_iter().collect();
        networks.sort_unstable();
        networks.dedup();
        Self { networks }
    }

    /// Whether a message from `address` may be read.
    ///
    /// An IPv4 address mapped into IPv6, as a dual-stack listener sees it, is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The networks of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::new(self.networks.iter().chain(&other.networks).copied())
    }

    /// The networks, in order.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }
}

/// The addresses each cloud posts from, as of a date.
///
/// Mist publishes them on a page and has changed them: the table carries its date. Source: Juniper,
/// "Webhooks Source Addresses".
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CloudTable {
    as_of: String,
    #[allow(dead_code, reason = "said in the file, for its readers")]
    source: String,
    clouds: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct Row {
    cloud: Cloud,
    networks: Vec<IpNet>,
    #[allow(dead_code, reason = "said in the file, for its readers")]
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
        serde_json::from_str(include_str!("clouds.json")).expect("the bundled table is valid")
    }

    /// The day the table was made, `2026-11-22`.
    #[must_use]
    pub fn as_of(&self) -> &str {
        &self.as_of
    }

    /// The networks `cloud` posts from; empty when the table does not know it.
    #[must_use]
    pub fn allowlist(&self, cloud: Cloud) -> Allowlist {
        Allowlist::new(
            self.clouds.iter().filter(|row| row.cloud == cloud).flat_map(|row| row.networks.clone()),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_bundled_table_knows_every_cloud() {
        let table = CloudTable::bundled();

        for cloud in Cloud::ALL {
            assert!(!table.allowlist(cloud).networks().is_empty(), "{cloud}");
        }
        assert_eq!(table.as_of().len(), 10);
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
    fn an_empty_allowlist_admits_nobody() {
        assert!(!Allowlist::default().contains("127.0.0.1".parse().unwrap()));
    }

    fn network() -> impl Strategy<Value = IpNet> {
        (any::<IpAddr>(), 0..=32_u8)
            .prop_map(|(address, length)| IpNet::new(address, length).unwrap().trunc())
    }

    proptest! {
        #[test]
        fn an_address_is_in_a_union_when_it_is_in_either(
            a in prop::collection::vec(network(), 0..4),
            b in prop::collection::vec(network(), 0..4),
            address: IpAddr,
        ) {
            let (a, b) = (Allowlist::new(a), Allowlist::new(b));
            prop_assert_eq!(a.union(&b).contains(address), a.contains(address) || b.contains(address));
        }

        #[test]
        fn mapping_an_address_into_ipv6_changes_nothing(
            networks in prop::collection::vec(network(), 0..4),
            address: std::net::Ipv4Addr,
        ) {
            let list = Allowlist::new(networks);
            prop_assert_eq!(list.contains(address.into()), list.contains(address.to_ipv6_mapped().into()));
        }
    }
}
