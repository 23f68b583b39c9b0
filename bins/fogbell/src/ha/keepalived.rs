//! A configuration of keepalived.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use relay::Config;

use crate::File;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The network interface that gets the virtual IP
    #[arg(long, value_name = "NAME")]
    interface: String,
    /// This machine's own address on it, which stays
    #[arg(long, value_name = "ADDRESS")]
    own: IpAddr,
    /// The other machine's own address; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    peer: Vec<IpAddr>,
    /// The virtual IP, with a prefix when it is not the usual one of an address; may be repeated, also with the other family
    #[arg(long, value_name = "ADDRESS[/PREFIX]", required = true, value_parser = network)]
    virtual_ip: Vec<IpNet>,
    /// Number of the virtual router, the same on both machines and on nobody else's in this network
    #[arg(long, value_name = "1-255", default_value_t = 51, value_parser = clap::value_parser!(u8).range(1..))]
    router_id: u8,
    /// The user who asks the relay whether it is ready
    #[arg(long, value_name = "NAME", default_value = "nobody")]
    script_user: String,
    #[command(flatten)]
    file: File,
}

/// An address with its prefix, or alone.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| "no address".to_owned())
}

/// Prints it.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    args.check()?;
    let config = Config::load(&args.file.config)?;
    let program = std::env::current_exe()?;
    let text = text(args, &config, &program)?;
    Ok(io::stdout().write_all(text.as_bytes())?)
}

impl Args {
    /// Refuses what keepalived would take and not do.
    fn check(&self) -> Result<(), String> {
        let name = &self.interface;
        if name.is_empty() || name.len() > 15 || !name.chars().all(|c| c.is_ascii_graphic() && c != '/') {
            return Err(format!("`{name}` is no name of an interface; `ip link` lists them"));
        }
        let user = &self.script_user;
        if user.is_empty() || !user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(format!("`{user}` is no name of a user"));
        }
        for peer in &self.peer {
            if *peer == self.own {
                return Err(format!("{peer} is --own and --peer; --peer is the other machine"));
            }
            if peer.is_ipv4() != self.own.is_ipv4() {
                return Err(format!("--peer {peer} and --own {} are of two families", self.own));
            }
        }
        for address in &self.virtual_ip {
            let address = address.addr();
            if address == self.own || self.peer.contains(&address) {
                return Err(format!(
                    "{address} is a machine's own address, which stays; the virtual IP is one more"
                ));
            }
        }
        if !self.virtual_ip.iter().any(|address| self.is_ours(address)) {
            return Err(format!("no --virtual-ip is of the family of --own {}", self.own));
        }
        Ok(())
    }

    /// Whether it is of the family that the machines speak VRRP in.
    fn is_ours(&self, address: &IpNet) -> bool {
        address.addr().is_ipv4() == self.own.is_ipv4()
    }

    /// No two machines have the same, whoever prints it: the lowest address has the highest.
    fn priority(&self) -> usize {
        HIGHEST_PRIORITY - self.peer.iter().filter(|peer| **peer < self.own).count().min(HIGHEST_PRIORITY - 1)
    }
}

fn text(args: &Args, config: &Config, program: &Path) -> Result<String, Box<dyn Error>> {
    let program = word(program)?;
    let mut text = HEAD.to_owned();
    for note in notes(args, config) {
        writeln!(text, "# NOTE: {note}")?;
    }
    let ready = reachable(config.admin.address);
    let Args { interface, own, router_id, script_user, .. } = args;
    let (ours, others): (Vec<&IpNet>, Vec<&IpNet>) =
        args.virtual_ip.iter().partition(|address| args.is_ours(address));
    write!(
        text,
        r#"
global_defs {{
    # version 3 of VRRP (RFC 5798): two messages a second, and also IPv6
    vrrp_version 3
    # who asks the relay whether it is ready; the answer needs no rights
    script_user {script_user}
    # a script that somebody else could change is not run as root
    enable_script_security
    # the address is announced anew from time to time, so that neighbours come back to the machine that answers for it
    vrrp_garp_master_refresh 30
}}

# can this machine's relay take messages? The same as GET http://{ready}/readyz
vrrp_script fogbell_ready {{
    script "{program} ha ready --address {ready}"
    # every second; who does not answer within one is not ready
    interval 1
    timeout 1
    # twice in a row, so that a restart of the relay may pass unnoticed
    fall 2
    rise 2
}}

vrrp_instance fogbell {{
    interface {interface}
    # the number of this pair in this network
    virtual_router_id {router_id}
    # nobody begins as master, and who comes back does not take the address away again: it would be one more interruption
    state BACKUP
    nopreempt
    # who begins when both start at once: the machine with the lowest address
    priority {priority}
    # the other one takes over after three messages that did not come
    advert_int 0.5
    # to the other machine alone, no multicast: it works in networks that pass none, and nobody else hears it
    unicast_src_ip {own}
    unicast_peer {{
"#,
        priority = args.priority()
    )?;
    for peer in &args.peer {
        writeln!(text, "        {peer}")?;
    }
    text += "    }\n    # what comes from anybody else is dropped\n    check_unicast_src\n    # the address that Mist's webhooks are sent to\n    virtual_ipaddress {\n";
    for address in ours {
        writeln!(text, "        {address} dev {interface}")?;
    }
    text += "    }\n";
    if !others.is_empty() {
        text += "    # the same in the other family; it goes where the first one goes\n    virtual_ipaddress_excluded {\n";
        for address in others {
            writeln!(text, "        {address} dev {interface}")?;
        }
        text += "    }\n";
    }
    text += "    # a machine whose relay is not ready gives the address up\n    track_script {\n        fogbell_ready\n    }\n}\n";
    Ok(text)
}

/// What the configuration of the relay has to do with it.
fn notes(args: &Args, config: &Config) -> Vec<String> {
    let listen = config.listen.address;
    let mut notes = Vec::new();
    if !listen.ip().is_unspecified() {
        notes.push(format!(
            "the relay listens on {listen} alone, and not on the virtual IP: set `address = \"[::]:{}\"` in [listen], \
             unless fogbell.socket listens",
            listen.port()
        ));
    }
    if args.peer.len() > 1 {
        notes.push(
            "with three machines or more nobody counts votes: each alone still takes messages".to_owned(),
        );
    }
    notes
}

/// Where a process on this machine reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// A path as a word of a command in a quoted string of keepalived, which knows no other escape.
fn word(program: &Path) -> Result<String, String> {
    let plain = |text: &&str| text.chars().all(|c| c.is_ascii_graphic() && !"\"'\\#!$@~".contains(c));
    let text = program.to_str().filter(plain);
    text.map(str::to_owned).ok_or_else(|| {
        let usual = PathBuf::from("/usr/bin/fogbell");
        format!(
            "keepalived cannot run `{}`, whose name has a blank or a special character; call it by a plain one, such as {}",
            program.display(),
            usual.display()
        )
    })
}

/// Higher ones are taken over from sooner, and 255 is for who owns the address.
const HIGHEST_PRIORITY: usize = 250;

const HEAD: &str = "\
# Two Fogbell relays behind a virtual IP, printed by `fogbell ha keepalived` for this machine.
# Try it: keepalived --config-test -f FILE. It is /etc/keepalived/keepalived.conf on Debian and RHEL.
# The other machine needs its own, with --own and --peer exchanged. Both relays take messages at any time, so that
# nothing is lost while both hold the address, or while it moves. VRRP is not signed: let IP protocol 112 in from the
# other machine alone, as `fogbell firewall --vrrp-peer` does.
";

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        args: Args,
    }

    fn args(more: &[&str]) -> Args {
        let words = ["keepalived", "--interface", "eth0"];
        Words::try_parse_from(words.iter().chain(more)).unwrap().args
    }

    fn printed(more: &[&str], config: &str) -> String {
        let args = args(more);
        args.check().unwrap();
        let config = Config::parse(Path::new("fogbell.toml"), config.to_owned()).unwrap();
        text(&args, &config, Path::new("/usr/bin/fogbell")).unwrap()
    }

    const ONE: [&str; 6] = ["--own", "10.0.0.11", "--peer", "10.0.0.12", "--virtual-ip", "10.0.0.10/24"];
    const ANYWHERE: &str = "[listen]\naddress = '0.0.0.0:8443'\n";

    #[test]
    fn the_two_machines_differ_in_their_addresses_and_priorities_alone() {
        let one = printed(&ONE, ANYWHERE);
        let two =
            printed(&["--own", "10.0.0.12", "--peer", "10.0.0.11", "--virtual-ip", "10.0.0.10/24"], ANYWHERE);

        let exchanged = one
            .replace("10.0.0.11", "FIRST")
            .replace("10.0.0.12", "10.0.0.11")
            .replace("FIRST", "10.0.0.12")
            .replace("priority 250", "priority 249");
        assert_eq!(exchanged, two);
        assert!(one.contains("10.0.0.10/24 dev eth0") && !one.contains("NOTE"), "{one}");
    }

    #[test]
    fn the_relay_is_asked_where_it_can_be_reached() {
        let all = printed(&ONE, &format!("{ANYWHERE}[admin]\naddress = '0.0.0.0:9999'\n"));
        assert!(all.contains("script \"/usr/bin/fogbell ha ready --address 127.0.0.1:9999\""), "{all}");
        let six = printed(&ONE, &format!("{ANYWHERE}[admin]\naddress = '[::]:9999'\n"));
        assert!(six.contains("--address [::1]:9999\""), "{six}");
    }

    #[test]
    fn a_relay_that_does_not_listen_on_the_virtual_ip_is_noted() {
        let text = printed(&ONE, "[listen]\naddress = '10.0.0.11:8443'\n");
        assert!(text.contains("# NOTE: the relay listens on 10.0.0.11:8443 alone"), "{text}");
    }

    #[test]
    fn an_address_of_the_other_family_goes_with_the_first() {
        let more = [ONE.as_slice(), &["--virtual-ip", "2001:db8::10"]].concat();
        let text = printed(&more, ANYWHERE);
        let (own, other) = text.split_once("virtual_ipaddress_excluded").unwrap();
        assert!(own.contains("10.0.0.10/24") && other.contains("2001:db8::10/128 dev eth0"), "{text}");
    }

    #[test]
    fn what_keepalived_would_take_and_not_do_is_refused() {
        let check = |more: &[&str], expect: &str| {
            let said = args(more).check().unwrap_err();
            assert!(said.contains(expect), "{said}");
        };
        let own = ["--own", "10.0.0.11"];
        let with = |more: &[&'static str]| [own.as_slice(), more].concat();
        check(&with(&["--peer", "10.0.0.11", "--virtual-ip", "10.0.0.10"]), "the other machine");
        check(&with(&["--peer", "2001:db8::2", "--virtual-ip", "10.0.0.10"]), "two families");
        check(&with(&["--peer", "10.0.0.12", "--virtual-ip", "10.0.0.12/24"]), "one more");
        check(&with(&["--peer", "10.0.0.12", "--virtual-ip", "2001:db8::1"]), "family of --own");
    }

    #[test]
    fn no_name_ends_a_line_or_a_string() {
        for name in ["eth0 }", "eth0\nx", "a/b", "", "sixteen-is-beyond"] {
            let mut args = args(&ONE);
            name.clone_into(&mut args.interface);
            assert!(args.check().unwrap_err().contains("no name of an interface"), "{name}");
        }
        assert!(word(Path::new("/opt/fog bell")).is_err() && word(Path::new("/opt/fog\"bell")).is_err());
    }
}
