//! Where messages may come from.

use std::net::IpAddr;

use ipnet::IpNet;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_allowlist_admits_nobody() {
        assert!(!Allowlist::default().contains("127.0.0.1".parse().unwrap()));
    }

    /// Numbers that look random and are the same every time.
    struct Numbers(u64);

    impl Numbers {
        /// Splitmix64 (Steele, Lea, Flood 2014).
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ mixed >> 31
        }

        fn wide(&mut self) -> u128 {
            u128::from(self.next()) << 64 | u128::from(self.next())
        }
    }

    /// A network as its first and last address, of IPv4 or of IPv6.
    #[derive(Clone, Copy, Debug)]
    struct Range {
        first: u128,
        last: u128,
        ipv6: bool,
    }

    impl Range {
        fn any(numbers: &mut Numbers) -> (Self, IpNet) {
            let ipv6 = numbers.next() % 3 == 0;
            let bits: u8 = if ipv6 { 128 } else { 32 };
            let length = (numbers.next() % (u64::from(bits) + 1)) as u8;
            let hosts = if length == 0 { u128::MAX >> (128 - bits) } else { (1 << (bits - length)) - 1 };
            let first = (numbers.wide() & u128::MAX >> (128 - bits)) & !hosts;
            let this = Self { first, last: first | hosts, ipv6 };
            (this, IpNet::new(this.address(first), length).unwrap())
        }

        fn address(self, bits: u128) -> IpAddr {
            if self.ipv6 {
                std::net::Ipv6Addr::from_bits(bits).into()
            } else {
                std::net::Ipv4Addr::from_bits(bits as u32).into()
            }
        }

        /// An address inside, at an edge, just outside, or anywhere in its family.
        fn near(self, numbers: &mut Numbers) -> IpAddr {
            let all = if self.ipv6 { u128::MAX } else { u128::from(u32::MAX) };
            let size = self.last - self.first;
            let inside =
                if size == u128::MAX { numbers.wide() } else { self.first + numbers.wide() % (size + 1) };
            self.address(match numbers.next() % 6 {
                0 => self.first,
                1 => self.last,
                2 => self.first.wrapping_sub(1) & all,
                3 => self.last.wrapping_add(1) & all,
                4 => numbers.wide() & all,
                _ => inside,
            })
        }
    }

    #[test]
    fn a_million_addresses_are_inside_exactly_when_a_range_holds_them() {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5);
        let mut numbers = Numbers(seed);
        let (mut inside, mut asked) = (0_u32, 0_u32);
        while asked < 1_000_000 {
            let (ranges, networks): (Vec<Range>, Vec<IpNet>) =
                (0..1 + numbers.next() % 8).map(|_| Range::any(&mut numbers)).unzip();
            let list = Allowlist::new(networks);
            for _ in 0..1000 {
                let range = ranges[numbers.next() as usize % ranges.len()];
                let address = range.near(&mut numbers);
                // one in four as a listener for both families sees it
                let shown = match address {
                    IpAddr::V4(v4) if numbers.next() % 4 == 0 => v4.to_ipv6_mapped().into(),
                    _ => address,
                };
                let (bits, ipv6) = match address.to_canonical() {
                    IpAddr::V4(v4) => (u128::from(v4.to_bits()), false),
                    IpAddr::V6(v6) => (v6.to_bits(), true),
                };
                let expect = ranges
                    .iter()
                    .any(|range| range.ipv6 == ipv6 && (range.first..=range.last).contains(&bits));
                assert_eq!(list.contains(shown), expect, "seed {seed}: {shown} in {ranges:x?}");
                (inside, asked) = (inside + u32::from(expect), asked + 1);
            }
        }
        assert!(inside > asked / 4 && inside < asked * 3 / 4, "{inside} of {asked} inside");
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
