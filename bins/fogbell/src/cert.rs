//! `fogbell cert`: the certificate of the listener, shown, checked, renewed and made.

use std::error::Error;
use std::path::PathBuf;

use clap::Subcommand;

use crate::File;

mod check;
mod facts;
mod renew;
mod self_signed;
mod show;

/// What to do with the certificate of the listener.
#[derive(Subcommand)]
pub(crate) enum Cert {
    /// Show what the running relay shows, what is in the files, and how renewal goes
    #[command(after_help = "Example:\n  fogbell cert show --json")]
    Show {
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the chain and the key as somebody who posts here would; exit 0 when all is well, 1 when not
    #[command(
        after_help = "Example:\n  fogbell cert check --ca /etc/ssl/certs/acme-root.pem --name mist-relay.example.com"
    )]
    Check {
        #[command(flatten)]
        file: File,
        /// PEM file of the authorities that are trusted; default: those of the system
        #[arg(long)]
        ca: Option<PathBuf>,
        /// A name that it must be for; default: those of the configuration
        #[arg(long)]
        name: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the authority issue another certificate now, by the running relay or without one
    #[command(after_help = "Example:\n  fogbell cert renew")]
    Renew {
        #[command(flatten)]
        file: File,
    },
    /// Make a self-signed certificate, and say what to tell Mist
    #[command(after_help = "Example:\n  fogbell cert self-signed mist-relay.example.com 198.51.100.20")]
    SelfSigned {
        #[command(flatten)]
        file: File,
        /// Names and addresses it is for; default: `self_signed` of the configuration
        names: Vec<String>,
        /// File for key and certificate; default: where the relay looks for it
        #[arg(long)]
        out: Option<PathBuf>,
        /// Replace the one that is there: whoever was given its fingerprint needs the new one
        #[arg(long)]
        replace: bool,
    },
}

/// Does it.
pub(crate) fn run(cert: Cert) -> Result<(), Box<dyn Error>> {
    match cert {
        Cert::Show { file, json } => show::show(&file.config, json),
        Cert::Check { file, ca, name, json } => check::check(&file.config, ca.as_deref(), &name, json),
        Cert::Renew { file } => renew::renew(&file.config),
        Cert::SelfSigned { file, names, out, replace } => {
            self_signed::make(&file.config, names, out, replace)
        }
    }
}

/// Something is wrong with the certificate; what, was printed.
#[derive(Debug)]
pub(crate) struct Unsound;

impl std::fmt::Display for Unsound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the certificate is not sound")
    }
}

impl Error for Unsound {}
