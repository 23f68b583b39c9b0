//! `fogbell secret`: the vault, for people.

use std::path::PathBuf;

use clap::Subcommand;
use relay::Cause;
use vault::Kind;

use self::at_hand::Given;

pub(crate) mod at_hand;
mod create;
mod keep;
mod keys;
mod list;
mod value;

#[derive(Subcommand)]
pub(crate) enum Secret {
    /// Make an empty vault that opens with the configured key, or a passphrase, and a recovery key
    #[command(after_help = "Example:\n  fogbell secret init --recovery-key-to /root/fogbell-recovery.txt")]
    Init {
        #[command(flatten)]
        given: Given,
        /// Write the recovery key into this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        recovery_key_to: Option<PathBuf>,
    },
    /// Put a secret into the vault: typed at the terminal, from a file, or from standard input
    ///
    /// One line end at its end is not part of it. A secret of the same name is replaced.
    #[command(after_help = "Example:\n  fogbell secret set mist/webhook --kind webhook --file ./secret.txt")]
    Set {
        /// Name of the secret
        name: String,
        /// Read it from this file
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// What it is for: webhook, token, snmp, key, password, other. Default: what it was
        #[arg(long)]
        kind: Option<Kind>,
        #[command(flatten)]
        given: Given,
    },
    /// List names, kinds, ages and fingerprints, and what opens the vault; no secret is opened
    #[command(after_help = "Example:\n  fogbell secret list --json")]
    List {
        #[command(flatten)]
        given: Given,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a secret on the terminal, after asking
    #[command(after_help = "Example:\n  fogbell secret show mist/webhook")]
    Show {
        /// Name of the secret
        name: String,
        #[command(flatten)]
        given: Given,
    },
    /// Take a secret out of the vault
    #[command(after_help = "Example:\n  fogbell secret rm old/webhook --yes")]
    Rm {
        /// Name of the secret
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        given: Given,
    },
    /// Seal everything under a new root key, for all keys that open the vault
    ///
    /// Key files and credentials are read, passphrases asked for. A recovery key that is not given is replaced by
    /// a new one, which is shown once.
    #[command(after_help = "Example:\n  fogbell secret rotate-key")]
    RotateKey {
        #[command(flatten)]
        given: Given,
        /// Write a new recovery key into this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        recovery_key_to: Option<PathBuf>,
        /// Another key file that opens the vault; may be repeated
        #[arg(long, value_name = "FILE")]
        also_key_file: Vec<PathBuf>,
    },
    /// Change which keys open the vault, all at once
    #[command(
        after_help = "Examples:\n  fogbell secret rewrap --add-key-file /root/second.key --label second\n  fogbell secret rewrap --remove second"
    )]
    Rewrap(keys::Rewrap),
    /// Copy the sealed vault into a new file, and open the copy
    #[command(after_help = "Example:\n  fogbell secret backup /root/vault.bak")]
    Backup {
        /// The new file
        file: PathBuf,
        #[command(flatten)]
        given: Given,
    },
    /// Make the vault from a backup, for the configured key of this machine
    ///
    /// The backup opens with its recovery key, or any other of its keys. The vault gets a new root key.
    #[command(after_help = "Example:\n  fogbell secret restore /root/vault.bak")]
    Restore {
        /// The backup
        file: PathBuf,
        #[command(flatten)]
        given: Given,
        /// Replace the vault that is there
        #[arg(long)]
        replace: bool,
        /// Write a new recovery key into this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        recovery_key_to: Option<PathBuf>,
    },
    /// Open every secret of the vault, or of a backup, and say whether all is as it was written
    #[command(after_help = "Example:\n  fogbell secret verify")]
    Verify {
        /// A backup; default: the vault
        file: Option<PathBuf>,
        #[command(flatten)]
        given: Given,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub(crate) fn run(secret: Secret) -> Result<(), Cause> {
    match secret {
        Secret::Init { given, recovery_key_to } => create::init(&given, recovery_key_to.as_deref()),
        Secret::Set { name, file, kind, given } => value::set(&given, &name, file.as_deref(), kind),
        Secret::List { given, json } => list::show(&given, json),
        Secret::Show { name, given } => value::show(&given, &name),
        Secret::Rm { name, yes, given } => value::remove(&given, &name, yes),
        Secret::RotateKey { given, recovery_key_to, also_key_file } => {
            keys::rotate(&given, recovery_key_to.as_deref(), &also_key_file)
        }
        Secret::Rewrap(rewrap) => keys::rewrap(&rewrap),
        Secret::Backup { file, given } => keep::backup(&given, &file),
        Secret::Restore { file, given, replace, recovery_key_to } => {
            create::restore(&given, &file, replace, recovery_key_to.as_deref())
        }
        Secret::Verify { file, given, json } => keep::verify(&given, file.as_deref(), json),
    }
}
