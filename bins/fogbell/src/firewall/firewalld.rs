//! Rules for firewalld: the default zone for what comes in, a policy for what goes out.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::plan::Plan;

/// A script of `firewall-cmd --permanent`, which may be run again and again.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!("#!/bin/sh\n{HEAD}");
    for note in &plan.notes {
        writeln!(text, "# {note}").expect(TEXT);
    }
    text += "set -eu\nfirewall=${FIREWALL:-firewall-cmd --permanent}\n\n";
    let mut say = |line: &str| writeln!(text, "{line}").expect(TEXT);
    for (set, family, ipv6) in [("fogbell4", "ipv4", false), ("fogbell6", "ipv6", true)] {
        let networks: Vec<_> =
            plan.sources.iter().filter(|network| network.addr().is_ipv6() == ipv6).collect();
        let rule = format!(
            "'rule family=\"{family}\" source ipset=\"{set}\" port port=\"{}\" protocol=\"tcp\" accept'",
            plan.port
        );
        say(&format!("$firewall --remove-rich-rule={rule} >/dev/null 2>&1 || :"));
        say(&format!("$firewall --delete-ipset={set} >/dev/null 2>&1 || :"));
        if !networks.is_empty() {
            let inet = if ipv6 { "inet6" } else { "inet" };
            say(&format!("$firewall --new-ipset={set} --type=hash:net --option=family={inet}"));
            for network in networks {
                say(&format!("$firewall --ipset={set} --add-entry={network}"));
            }
            say(&format!("$firewall --add-rich-rule={rule}"));
        }
    }
    if !plan.ssh.is_empty() {
        say("$firewall --remove-service=ssh >/dev/null 2>&1 || :");
    }
    for network in &plan.ssh {
        let family = family(network.addr());
        say(&format!(
            "$firewall --add-rich-rule='rule family=\"{family}\" source address=\"{network}\" service name=\"ssh\" accept'"
        ));
    }
    for peer in &plan.vrrp {
        let family = family(*peer);
        say(&format!(
            "$firewall --add-rich-rule='rule family=\"{family}\" source address=\"{peer}\" protocol value=\"vrrp\" accept'"
        ));
    }
    say("");
    say("$firewall --delete-policy=fogbell-out >/dev/null 2>&1 || :");
    say("$firewall --new-policy=fogbell-out");
    say("$firewall --policy=fogbell-out --add-ingress-zone=HOST");
    say("$firewall --policy=fogbell-out --add-egress-zone=ANY");
    say("$firewall --policy=fogbell-out --set-target=DROP");
    for protocol in ["icmp", "ipv6-icmp"] {
        say(&format!(
            "$firewall --policy=fogbell-out --add-rich-rule='rule protocol value=\"{protocol}\" accept'"
        ));
    }
    for peer in &plan.vrrp {
        let family = family(*peer);
        say(&format!(
            "$firewall --policy=fogbell-out --add-rich-rule='rule family=\"{family}\" destination address=\"{peer}\" \
             protocol value=\"vrrp\" accept'"
        ));
    }
    for flow in &plan.flows {
        let to = flow.to.map(|to| format!("family=\"{}\" destination address=\"{to}\" ", family(to)));
        say(&format!(
            "# {}\n$firewall --policy=fogbell-out --add-rich-rule='rule {}port port=\"{}\" protocol=\"{}\" accept'",
            flow.why,
            to.unwrap_or_default(),
            flow.port,
            flow.protocol.name()
        ));
    }
    text
}

const fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    }
}

const TEXT: &str = "writing to a text does not fail";

const HEAD: &str = "\
# Rules for the machine of a Fogbell relay, printed by `fogbell firewall firewalld`.
# Run it as root, then: firewall-cmd --reload. In an image that is not running: FIREWALL=firewall-offline-cmd sh FILE.
# Print it anew when the configuration or the addresses of the clouds change. The port must not be open in the default
# zone otherwise: firewall-cmd --list-all.
";
