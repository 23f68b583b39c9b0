//! Rules for iptables and ip6tables, which know one family each.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::plan::Plan;

/// A file for `iptables-restore`, or with `ipv6` for `ip6tables-restore`; it takes the place of the table `filter`.
pub(super) fn text(plan: &Plan, ipv6: bool) -> String {
    let mut text = HEAD.replace("{}", if ipv6 { "ip6tables" } else { "iptables" });
    for note in &plan.notes {
        writeln!(text, "# {note}").expect(TEXT);
    }
    text += "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n";
    text += "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -m conntrack --ctstate INVALID -j DROP\n";
    text += "-A INPUT -i lo -j ACCEPT\n";
    text += if ipv6 { ICMP6 } else { ICMP4 };
    let ours = |address: IpAddr| address.is_ipv6() == ipv6;
    text += "# SSH\n";
    if plan.ssh.is_empty() {
        text += "-A INPUT -p tcp --dport 22 -j ACCEPT\n";
    }
    for network in plan.ssh.iter().filter(|network| ours(network.addr())) {
        writeln!(text, "-A INPUT -s {network} -p tcp --dport 22 -j ACCEPT").expect(TEXT);
    }
    text += "# webhooks\n";
    for network in plan.sources.iter().filter(|network| ours(network.addr())) {
        writeln!(text, "-A INPUT -s {network} -p tcp --dport {} -j ACCEPT", plan.port).expect(TEXT);
    }
    text += "-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\n";
    writeln!(text, "-A OUTPUT -p {} -j ACCEPT", if ipv6 { "ipv6-icmp" } else { "icmp" }).expect(TEXT);
    for peer in plan.vrrp.iter().filter(|peer| ours(**peer)) {
        writeln!(text, "# VRRP\n-A INPUT -s {peer} -p 112 -j ACCEPT\n-A OUTPUT -d {peer} -p 112 -j ACCEPT")
            .expect(TEXT);
    }
    for flow in plan.flows.iter().filter(|flow| flow.to.is_none_or(ours)) {
        let to = flow.to.map(|to| format!("-d {to} ")).unwrap_or_default();
        let (protocol, port) = (flow.protocol.name(), flow.port);
        writeln!(text, "# {}\n-A OUTPUT {to}-p {protocol} --dport {port} -j ACCEPT", flow.why).expect(TEXT);
    }
    text += "COMMIT\n";
    text
}

const TEXT: &str = "writing to a text does not fail";

const HEAD: &str = "\
# Rules for the machine of a Fogbell relay, printed by `fogbell firewall iptables`.
# Try them: {}-restore --test FILE. Load them: {}-restore FILE.
# They take the place of the whole table `filter`. Print them anew when the configuration or the addresses of the
# clouds change. The other family of addresses has rules of its own: print and load both.
";

const ICMP4: &str = "\
-A INPUT -p icmp --icmp-type echo-request -j ACCEPT
-A INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT
-A INPUT -p icmp --icmp-type time-exceeded -j ACCEPT
-A INPUT -p icmp --icmp-type parameter-problem -j ACCEPT
";

const ICMP6: &str = "\
-A INPUT -p ipv6-icmp --icmpv6-type echo-request -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type destination-unreachable -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type packet-too-big -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type time-exceeded -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type parameter-problem -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type router-advertisement -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type neighbour-solicitation -j ACCEPT
-A INPUT -p ipv6-icmp --icmpv6-type neighbour-advertisement -j ACCEPT
-A INPUT -s fe80::/10 -p udp --dport 546 -j ACCEPT
";
