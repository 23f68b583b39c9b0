//! Rules for nftables, in a table of their own.

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;

use super::plan::Plan;

/// A file for `nft -f`, which may be loaded again and again.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("#!/usr/sbin/nft -f\n{HEAD}");
    for note in &plan.notes {
        writeln!(text, "# {note}").expect(TEXT);
    }
    text += "\ntable inet fogbell\ndelete table inet fogbell\n\ntable inet fogbell {\n";
    for (name, kind, networks) in [
        ("webhooks4", "ipv4_addr", of(&plan.sources, false)),
        ("webhooks6", "ipv6_addr", of(&plan.sources, true)),
    ] {
        writeln!(text, "\tset {name} {{\n\t\ttype {kind}\n\t\tflags interval").expect(TEXT);
        if !networks.is_empty() {
            writeln!(text, "\t\telements = {{ {} }}", networks.join(", ")).expect(TEXT);
        }
        text += "\t}\n\n";
    }
    text += INPUT;
    text += "\n\t\t# SSH\n";
    if plan.ssh.is_empty() {
        text += "\t\ttcp dport 22 accept\n";
    }
    for network in &plan.ssh {
        writeln!(text, "\t\ttcp dport 22 {} saddr {network} accept", family(network.addr())).expect(TEXT);
    }
    for peer in &plan.vrrp {
        writeln!(text, "\n\t\t# VRRP\n\t\tmeta l4proto 112 {} saddr {peer} accept", family(*peer))
            .expect(TEXT);
    }
    let port = plan.port;
    writeln!(
        text,
        "\n\t\t# webhooks\n\t\ttcp dport {port} ip saddr @webhooks4 accept\n\t\ttcp dport {port} ip6 saddr @webhooks6 accept"
    )
    .expect(TEXT);
    text += "\t}\n\n";
    text += OUTPUT;
    for peer in &plan.vrrp {
        writeln!(text, "\n\t\t# VRRP\n\t\tmeta l4proto 112 {} daddr {peer} accept", family(*peer))
            .expect(TEXT);
    }
    for flow in &plan.flows {
        let to = flow.to.map(|to| format!("{} daddr {to} ", family(to))).unwrap_or_default();
        let (protocol, port) = (flow.protocol.name(), flow.port);
        writeln!(text, "\n\t\t# {}\n\t\t{to}{protocol} dport {port} accept", flow.why).expect(TEXT);
    }
    text += "\t}\n}\n";
    text
}

fn of(networks: &[IpNet], ipv6: bool) -> Vec<String> {
    networks.iter().filter(|network| network.addr().is_ipv6() == ipv6).map(ToString::to_string).collect()
}

const fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ip",
        IpAddr::V6(_) => "ip6",
    }
}

const TEXT: &str = "writing to a text does not fail";

const HEAD: &str = "\
# Rules for the machine of a Fogbell relay, printed by `fogbell firewall nftables`.
# Try them: nft -c -f FILE. Load them: nft -f FILE. Take them away: nft delete table inet fogbell.
# Print them anew when the configuration or the addresses of the clouds change.
# Whatever else the machine serves or asks is dropped: open it here, not in another table.
";

const INPUT: &str = "\
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tct state invalid drop
\t\tiif lo accept
\t\ticmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
\t\ticmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
\t\tip6 saddr fe80::/10 udp dport 546 accept
";

const OUTPUT: &str = "\
\tchain output {
\t\ttype filter hook output priority filter; policy drop;
\t\tct state established,related accept
\t\toif lo accept
\t\tmeta l4proto { icmp, ipv6-icmp } accept
";
