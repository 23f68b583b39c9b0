//! What a firewall must let through, whichever firewall it is.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use relay::Config;
use relay::config::{Challenge, OrgApi, Transport};
use webhook::CloudTable;

/// What must get through; everything else need not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Plan {
    /// The port of the listener.
    pub(super) port: u16,
    /// Who may connect to it.
    pub(super) sources: Vec<IpNet>,
    /// Who may reach SSH; everybody when empty.
    pub(super) ssh: Vec<IpNet>,
    /// The other machines of a virtual IP.
    pub(super) vrrp: Vec<IpAddr>,
    /// What the relay sends to.
    pub(super) flows: Vec<Flow>,
    /// What a person should know, a line each.
    pub(super) notes: Vec<String>,
}

/// Something the relay sends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Flow {
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    /// Anywhere when it has no address of its own, or only a name.
    pub(super) to: Option<IpAddr>,
    /// What for, as a line.
    pub(super) why: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl Plan {
    /// The plan of `config`, with the addresses of `clouds`.
    pub(super) fn new(
        config: &Config,
        clouds: &CloudTable,
        ssh: &[IpNet],
        vrrp: &[IpAddr],
    ) -> Result<Self, String> {
        let listen = &config.listen;
        let mut sources = listen.trusted_proxies.clone();
        if !listen.proxy_protocol {
            let of_clouds =
                config.org.iter().filter_map(|org| org.cloud).map(|cloud| clouds.allowlist(cloud));
            sources.extend(of_clouds.flat_map(|list| list.networks().to_vec()));
            sources.extend(&config.gate.networks);
        }
        let acme = config.tls.acme.as_ref();
        let open_to_all = acme.is_some_and(|acme| acme.challenge == Challenge::TlsAlpn01);
        if open_to_all && !listen.proxy_protocol {
            sources.extend([
                IpNet::new_assert(IpAddr::from([0, 0, 0, 0]), 0),
                IpNet::new_assert(IpAddr::from([0; 16]), 0),
            ]);
        }
        let sources = IpNet::aggregate(&sources);
        if sources.is_empty() {
            return Err(
                "nobody may connect: set `cloud` of an organisation, or `networks` in [gate]".to_owned()
            );
        }
        let mut flows = essentials();
        flows.extend(config.org.iter().filter_map(|org| {
            let host = org.api_host()?;
            api(&org.name, host, org.api.as_ref()?)
        }));
        flows.extend(acme.and_then(|acme| authority(&acme.directory)));
        let snmp = config.snmp.iter().map(|sink| (Protocol::Udp, &sink.name, &sink.address));
        let syslog = config.syslog.iter().map(|sink| {
            let protocol = if sink.transport == Transport::Udp { Protocol::Udp } else { Protocol::Tcp };
            (protocol, &sink.name, &sink.address)
        });
        flows.extend(
            snmp.chain(syslog).filter_map(|(protocol, name, address)| {
                flow(protocol, address, None, &format!("sink {name}"))
            }),
        );
        let mut notes = vec![
            format!("Addresses of the clouds as of {}.", clouds.as_of()),
            format!(
                "Health and metrics ({}) stay closed: they are for this machine, or for a tunnel.",
                config.admin.address
            ),
            "Not opened: package mirrors, and whatever else runs on this machine.".to_owned(),
        ];
        if open_to_all {
            notes.push(
                "The listener is open to all: with `tls-alpn-01` the authority connects from addresses that it does not \
                 tell. Whoever else comes is refused by the relay; `dns-01` needs no open port."
                    .to_owned(),
            );
        }
        if acme.is_some_and(|acme| acme.challenge == Challenge::Dns01) {
            notes.push(
                "What the hook of [tls.acme] sends to set a record is not known here: open it too."
                    .to_owned(),
            );
        }
        if ssh.is_empty() {
            notes.push("SSH is open to everybody: name the management network with --ssh-from.".to_owned());
        }
        if listen.address.ip().is_loopback() {
            notes
                .push(format!("The listener is on {}, which nobody can reach from outside.", listen.address));
        }
        let (ssh, vrrp) = (IpNet::aggregate(&ssh.to_vec()), vrrp.to_vec());
        Ok(Self { port: listen.address.port(), sources, ssh, vrrp, flows: without_repeats(flows), notes })
    }
}

/// What a machine must send for the relay to work at all.
fn essentials() -> Vec<Flow> {
    let all = [
        (Protocol::Udp, 53, "DNS"),
        (Protocol::Tcp, 53, "DNS"),
        (Protocol::Udp, 123, "NTP: certificates and alerts need the time"),
        (Protocol::Udp, 67, "DHCP"),
        (Protocol::Udp, 547, "DHCPv6"),
    ];
    all.into_iter()
        .map(|(protocol, port, why)| Flow { protocol, port, to: None, why: why.to_owned() })
        .collect()
}

/// The API of an organisation, or the proxy it is asked through.
fn api(name: &str, host: &str, api: &OrgApi) -> Option<Flow> {
    let why = format!("Mist API of {name}");
    match &api.proxy {
        None => flow(Protocol::Tcp, host, Some(443), &why),
        Some(proxy) => {
            let authority = proxy.split_once("://").map_or(proxy.as_str(), |(_, rest)| rest);
            let authority = authority.split('/').next().unwrap_or_default();
            let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
            flow(Protocol::Tcp, address, Some(80), &format!("{why}, through the proxy"))
        }
    }
}

/// The authority that certificates are asked from.
fn authority(directory: &str) -> Option<Flow> {
    let host = directory.strip_prefix("https://")?.split('/').next()?;
    flow(Protocol::Tcp, host, Some(443), "ACME authority")
}

/// What is sent to `address`, an address or a name with a port.
fn flow(protocol: Protocol, address: &str, usual_port: Option<u16>, what: &str) -> Option<Flow> {
    // names of organisations and hosts are free text, and what is printed is loaded by root line by line
    let one_line = |text: &str| text.replace(|c: char| c.is_control(), " ");
    if let Ok(address) = address.parse::<SocketAddr>() {
        let why = one_line(what);
        return Some(Flow { protocol, port: address.port(), to: Some(address.ip()), why });
    }
    if let (Ok(ip), Some(port)) = (address.trim_matches(['[', ']']).parse(), usual_port) {
        return Some(Flow { protocol, port, to: Some(ip), why: one_line(what) });
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (address, usual_port?),
    };
    let why = one_line(&format!("{what}: {host} is a name, whose addresses may change"));
    Some(Flow { protocol, port, to: None, why })
}

/// The flows, those that let the same through as one.
fn without_repeats(flows: Vec<Flow>) -> Vec<Flow> {
    let mut kept: Vec<Flow> = Vec::new();
    for flow in flows {
        let same =
            |other: &&mut Flow| (other.protocol, other.port, other.to) == (flow.protocol, flow.port, flow.to);
        match kept.iter_mut().find(same) {
            Some(other) if other.why == flow.why => {}
            Some(other) => other.why += &format!("; {}", flow.why),
            None => kept.push(flow),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan(text: &str) -> Result<Plan, String> {
        let config = Config::parse(Path::new("fogbell.toml"), text.to_owned()).unwrap();
        Plan::new(&config, &CloudTable::bundled(), &[], &[])
    }

    fn sources(text: &str) -> Vec<String> {
        plan(text).unwrap().sources.iter().map(ToString::to_string).collect()
    }

    const ORG: &str = "[[org]]\nname = 'acme'\ncloud = 'emea-02'\n";

    #[test]
    fn those_may_connect_whose_connections_the_relay_takes() {
        assert_eq!(sources(ORG), ["35.234.156.66/32"]);
        assert_eq!(
            sources(&format!("[gate]\nnetworks = ['198.51.100.0/24', '2001:db8::/64']\n{ORG}")),
            ["35.234.156.66/32", "198.51.100.0/24", "2001:db8::/64"]
        );
        // behind a proxy that passes requests on, Mist may still come itself
        let forwarded = format!("[listen]\ntrusted_proxies = ['10.0.0.5/32']\n{ORG}");
        assert_eq!(sources(&forwarded), ["10.0.0.5/32", "35.234.156.66/32"]);
        // with PROXY headers only the proxy gets an answer
        let proxied = forwarded.replace("[listen]\n", "[listen]\nproxy_protocol = true\n");
        assert_eq!(sources(&proxied), ["10.0.0.5/32"]);
        assert!(plan("[[org]]\nname = 'acme'\n").unwrap_err().contains("nobody may connect"));
    }

    #[test]
    fn what_the_relay_sends_is_known_by_protocol_port_and_address() {
        let text = format!(
            "{ORG}api = {{ org_id = '0c160b7f-1027-4cd1-923b-744534c4b070', token = {{ file = 't' }} }}\n\
             [[org]]\nname = 'other'\napi = {{ org_id = '0c160b7f-1027-4cd1-923b-744534c4b070', token = {{ file = 't' }}, \
             host = 'api.mist.com', proxy = 'http://user@192.0.2.9:3128/' }}\n\
             [[snmp]]\nname = 'noc'\naddress = '192.0.2.50:162'\nversion = '3'\n\
             [[snmp]]\nname = 'noc2'\naddress = '192.0.2.50:162'\nversion = '3'\n\
             [[syslog]]\nname = 'siem'\naddress = 'siem.example.net:6514'\ntransport = 'tls'\n\
             [[syslog]]\nname = 'six'\naddress = '[2001:db8::6]:514'\ntransport = 'udp'\n"
        );
        let plan = plan(&text).unwrap();
        let shown: Vec<String> = plan.flows[essentials().len()..]
            .iter()
            .map(|flow| format!("{} {} {:?} {}", flow.protocol.name(), flow.port, flow.to, flow.why))
            .collect();

        assert_eq!(
            shown,
            [
                "tcp 443 None Mist API of acme: api.gc3.mist.com is a name, whose addresses may change",
                "tcp 3128 Some(192.0.2.9) Mist API of other, through the proxy",
                "udp 162 Some(192.0.2.50) sink noc; sink noc2",
                "tcp 6514 None sink siem: siem.example.net is a name, whose addresses may change",
                "udp 514 Some(2001:db8::6) sink six",
            ]
        );
    }

    #[test]
    fn an_authority_is_asked_and_let_in_only_where_it_has_to_look() {
        let acme = "[tls.acme]\nnames = ['relay.example.net']\nagree_terms = true\n";
        let by_dns = plan(&format!("{acme}{ORG}")).unwrap();
        let ask = by_dns.flows.last().unwrap();
        assert_eq!((ask.protocol, ask.port, ask.to), (Protocol::Tcp, 443, None));
        assert!(ask.why.contains("ACME authority: acme-v02.api.letsencrypt.org"), "{}", ask.why);
        assert_eq!(by_dns.sources.len(), 1, "only Mist");
        assert!(by_dns.notes.iter().any(|note| note.contains("hook")));

        let by_tls =
            format!("{acme}challenge = 'tls-alpn-01'\ndirectory = 'https://192.0.2.7:14000/dir'\n{ORG}");
        let by_tls = plan(&by_tls).unwrap();
        let ask = by_tls.flows.last().unwrap();
        assert_eq!((ask.port, ask.to), (14_000, Some([192, 0, 2, 7].into())));
        let sources: Vec<String> = by_tls.sources.iter().map(ToString::to_string).collect();
        assert_eq!(sources, ["0.0.0.0/0", "::/0"]);
        assert!(by_tls.notes.iter().any(|note| note.contains("open to all")));
    }

    #[test]
    fn no_text_of_the_configuration_makes_a_line_of_its_own() {
        let text = format!(
            "{}api = {{ org_id = '0c160b7f-1027-4cd1-923b-744534c4b070', token = {{ file = 't' }}, host = \"h\\nflush\" }}\n",
            ORG.replace("'acme'", "\"acme\\nadd rule\\r\\u001b\"")
        );

        let plan = plan(&text).unwrap();

        assert!(plan.flows.iter().all(|flow| !flow.why.contains(char::is_control)), "{plan:?}");
    }
}
