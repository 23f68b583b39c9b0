//! `fogbell ha`: two relays behind one virtual IP.

use std::error::Error;

use clap::Subcommand;

mod keepalived;
mod ready;

#[derive(Subcommand)]
pub(crate) enum Ha {
    /// Print the configuration of keepalived for this machine
    ///
    /// Run it on each of the two machines with its own address as --own. Nothing is changed: look at what is printed,
    /// write it to /etc/keepalived/keepalived.conf, and try it with `keepalived --config-test`.
    #[command(after_help = KEEPALIVED_EXAMPLE)]
    Keepalived(keepalived::Args),
    /// Ask the relay on this machine whether it can take messages; exit 0 when it can, 1 when it cannot
    ///
    /// It is what keepalived runs every second. It reads no configuration, so that any user may run it.
    #[command(after_help = READY_EXAMPLE)]
    Ready(ready::Args),
}

/// Runs one of them.
pub(crate) fn run(ha: &Ha) -> Result<(), Box<dyn Error>> {
    match ha {
        Ha::Keepalived(args) => keepalived::show(args),
        Ha::Ready(args) => ready::ask(args),
    }
}

const KEEPALIVED_EXAMPLE: &str = "\
Example, on the first of two machines; on the second --own and --peer change places:
  fogbell ha keepalived --interface eth0 --own 10.0.0.11 --peer 10.0.0.12 --virtual-ip 10.0.0.10
Write it to /etc/keepalived/keepalived.conf, try it with keepalived --config-test, restart keepalived.";

const READY_EXAMPLE: &str = "\
Example:
  fogbell ha ready --address 127.0.0.1:9460 && echo the virtual IP may be here";
