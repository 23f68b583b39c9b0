//! Where a message may come from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use webhook::{Allowlist, Gate, Organisation, Refusal, SigningSecret};

use crate::source::Source;

/// An address is allowed exactly when comparing bits by hand says so; one mapped into IPv6 is the IPv4 address it
/// is; the gate answers everybody else with one refusal, whatever they ask.
pub fn address(data: &[u8]) {
    let mut source = Source::new(data);
    let networks: Vec<IpNet> = (0..source.byte() % 6).filter_map(|_| network(&mut source)).collect();
    let address = any(&mut source);
    let list = Allowlist::new(networks.clone());

    let inside = networks.iter().any(|network| holds(network, address));
    assert_eq!(list.contains(address), inside, "{address} in {networks:?}");
    if let IpAddr::V4(v4) = address {
        assert_eq!(list.contains(v4.to_ipv6_mapped().into()), inside);
    }
    let halves = networks.split_at(networks.len() / 2);
    let union = Allowlist::new(halves.0.to_vec()).union(&Allowlist::new(halves.1.to_vec()));
    assert_eq!(union, list);
    assert!(!Allowlist::default().contains(address), "an empty one admits nobody");
    for network in list.networks() {
        assert_eq!(network.to_string().parse(), Ok(*network), "a network reads back");
    }

    let mut acme = Organisation::new("acme", "/v1/mist");
    acme.secrets.push(SigningSecret::new(b"s").expect("it is not empty"));
    acme.allowlist = list;
    let gate = Gate::new(vec![acme], 1024).expect("one organisation with a secret");
    assert_eq!(gate.allows(address), inside);
    let path = if source.chance() { "/v1/mist" } else { "/" };
    let request = http::Request::builder().method("PUT").uri(path).header("content-length", "999999");
    let (head, ()) = request.body(()).expect("the head is plain").into_parts();
    let refusal = gate.screen(address, &head).map(|_| ()).expect_err("nobody may PUT");
    assert_eq!(refusal == Refusal::Source, !inside, "{refusal:?}");

    // as the configuration has them
    if let Ok(network) = String::from_utf8_lossy(source.rest()).parse::<IpNet>() {
        assert!(Allowlist::new([network]).contains(network.addr()) || is_mapped(network.addr()));
    }
}

fn network(source: &mut Source<'_>) -> Option<IpNet> {
    let address = any(source);
    IpNet::new(address, source.byte() % 129).ok()
}

fn any(source: &mut Source<'_>) -> IpAddr {
    let v4 = Ipv4Addr::from_bits(u32::try_from(source.number::<4>()).expect("four bytes are a u32"));
    match source.byte() % 4 {
        0 => v4.into(),
        1 => v4.to_ipv6_mapped().into(),
        2 => Ipv6Addr::from_bits(u128::from(source.number::<8>()) << 64 | u128::from(source.number::<8>()))
            .into(),
        _ => v4.to_ipv6_compatible().into(),
    }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some())
}

/// Bit by bit.
fn holds(network: &IpNet, address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let (network_bits, bits, all) = match (network.addr(), address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let same = |bit: u32| network_bits >> bit & 1 == bits >> bit & 1;
    (all - u32::from(network.prefix_len())..all).all(same)
}
