//! `fogbell firewall`: rules for the firewall of the relay's machine.

use std::error::Error;
use std::io::{self, Write};
use std::net::IpAddr;

use clap::ValueEnum;
use ipnet::IpNet;
use relay::Config;

use crate::File;

mod firewalld;
mod iptables;
mod nftables;
mod plan;

use plan::Plan;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The firewall to print rules for
    kind: Kind,
    #[command(flatten)]
    file: File,
    /// Network that may reach SSH on this machine; may be repeated. Without it everybody may
    #[arg(long, value_name = "NETWORK")]
    ssh_from: Vec<IpNet>,
    /// The other machine of a virtual IP, whose VRRP is let in; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    vrrp_peer: Vec<IpAddr>,
    /// Print the rules for ip6tables-restore instead of those for iptables-restore
    #[arg(long)]
    ipv6: bool,
}

/// A firewall that rules are printed for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// A file for `nft -f`
    Nftables,
    /// A script of firewall-cmd
    Firewalld,
    /// A file for `iptables-restore`; with --ipv6 for `ip6tables-restore`
    Iptables,
}

/// Prints rules made of the configuration.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    if args.ipv6 && args.kind != Kind::Iptables {
        return Err("--ipv6 is for iptables; the others print rules for both families at once".into());
    }
    let config = Config::load(&args.file.config)?;
    let clouds = relay::cloud_table(&config)?;
    let plan = Plan::new(&config, &clouds, &args.ssh_from, &args.vrrp_peer)?;
    let text = match args.kind {
        Kind::Nftables => nftables::text(&plan),
        Kind::Firewalld => firewalld::text(&plan),
        Kind::Iptables => iptables::text(&plan, args.ipv6),
    };
    Ok(io::stdout().write_all(text.as_bytes())?)
}
