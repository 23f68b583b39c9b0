//! The name that Mist is told, and where it leads.

use std::net::{IpAddr, ToSocketAddrs};

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;

const WHAT: &str = "name";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    // that there is none was said of the certificate
    let Some((host, port)) = patient.public() else { return Vec::new() };
    if let Ok(address) = host.parse::<IpAddr>() {
        return vec![judged(&host, &[address])];
    }
    vec![match (host.as_str(), port).to_socket_addrs() {
        Ok(found) => judged(&host, &found.map(|it| it.ip()).collect::<Vec<_>>()),
        Err(error) => Finding::fail(
            Code::NameUnknown,
            &host,
            format!("it cannot be looked up: {error}"),
            "add an A record for it in public DNS, or correct `public_url` of [listen]",
        ),
    }]
}

fn judged(host: &str, addresses: &[IpAddr]) -> Finding {
    let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if !addresses.is_empty() && addresses.iter().all(IpAddr::is_ipv6) {
        let mend = "add an A record: Mist publishes addresses of IPv4 only";
        let text = format!("it leads to {shown}, and to no address of IPv4");
        return Finding::warn(Code::NameWithoutIpv4, host, text, mend);
    }
    let inside = addresses.iter().any(|address| match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(_) => false,
    });
    match inside {
        true => Finding::warn(
            Code::NameInside,
            host,
            format!("seen from here it leads to {shown}, which nobody on the internet reaches"),
            "look whether public DNS has another answer (split DNS); Mist needs a public address",
        ),
        false => Finding::pass(WHAT, host, format!("it leads to {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Status;
    use super::*;

    #[test]
    fn a_name_must_lead_where_mist_can_go() {
        for (addresses, status) in [
            (&["192.0.2.7"][..], Status::Pass),
            (&["10.1.2.3"], Status::Warn),
            (&["2001:db8::1"], Status::Warn),
            (&["2001:db8::1", "198.51.100.4"], Status::Pass),
        ] {
            let parsed: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            assert_eq!(judged("relay.example.net", &parsed).status, status, "{addresses:?}");
        }
    }
}
