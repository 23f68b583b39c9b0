//! What every command is asked that changes something for a run.

use crate::carry::Showing;
use crate::exit::Failure;
use crate::output::Format;
use crate::profile::Which;
use crate::terminal::{self, Terminal};

/// Which profile, how it is shown, and whether it is meant.
#[derive(clap::Args)]
pub(crate) struct Acting {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) showing: Showing,
    /// Look at everything and say what would be done; write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask whether to begin; what is dangerous has flags of its own
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// How to write what became of each router or site
    #[arg(short, long, alias = "format", value_enum, default_value_t)]
    pub(crate) output: Format,
}

impl Acting {
    /// Fails at once where there will be a question, and no terminal to ask it at.
    pub(crate) fn can_ask(&self) -> Result<(), Failure> {
        if !self.dry_run && !self.yes {
            Terminal::or("--yes")?;
        }
        Ok(())
    }

    /// Asks whether to begin, unless `--yes` said so.
    pub(crate) fn agree(&self, question: &str) -> Result<(), Failure> {
        if self.yes { Ok(()) } else { terminal::agree(question) }
    }
}
