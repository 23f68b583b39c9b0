//! `fogbell webhook`: the webhooks in Mist.

use std::error::Error;
use std::fmt;

use clap::Subcommand;

use crate::access::AccessArgs;

pub(crate) mod create;
mod disable;
pub(crate) mod found;
pub(crate) mod here;
mod list;
mod ping;
pub(crate) mod secret;

#[derive(Subcommand)]
pub(crate) enum Webhook {
    /// Show the webhooks of the organisation and its sites that point at this relay
    #[command(after_help = list::EXAMPLE)]
    List(list::Args),
    /// Make the organisation's webhook for this relay, or mend the one that is there
    ///
    /// Looks first what there is: a webhook that points here is compared and changed where it differs, and none is made
    /// beside it. A webhook secret that is missing is made, and kept where the configuration says. A second call changes
    /// nothing. Needs a token that may write: --ask-token takes one that is not kept.
    #[command(after_help = create::EXAMPLE)]
    Create(create::Args),
    /// Have Mist ping this relay, and follow the ping to every sink
    ///
    /// Says when it was where, and when it is lost, where and why. This one ping goes to every sink, whatever the routes
    /// say. Exits with 0 only when it came through everywhere.
    #[command(after_help = ping::EXAMPLE)]
    Ping(ping::Args),
    /// Switch a webhook off in Mist; nothing is deleted
    #[command(after_help = disable::EXAMPLE)]
    Disable(disable::Args),
}

/// A ping was lost; that was printed.
#[derive(Debug)]
pub(crate) struct Lost;

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the ping did not come through")
    }
}

impl Error for Lost {}

/// Which webhook, when it is not the only one that points here.
#[derive(clap::Args, Debug)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Id of the webhook. Default: the one of the organisation that points at this relay
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<mist::Id>,
}

/// Does it.
pub(crate) fn run(webhook: Webhook) -> Result<(), Box<dyn Error>> {
    match webhook {
        Webhook::List(args) => list::show(&args),
        Webhook::Create(args) => create::run(&args),
        Webhook::Ping(args) => ping::run(&args),
        Webhook::Disable(args) => disable::run(&args),
    }
}
