//! The state directory: profiles, vault, runs, and the lock that one run holds.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::safe::Unlocked;

/// Where `fogpilot` keeps what outlives a command, and what opens it.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Home {
    /// Folder with profiles, vault and runs [default: $XDG_STATE_HOME/fogpilot, else ~/.local/state/fogpilot]
    #[arg(long, value_name = "DIR", help_heading = "State")]
    state: Option<PathBuf>,
    /// File with the key of the vault; without it the terminal is asked for a passphrase
    #[arg(long, value_name = "FILE", help_heading = "State")]
    vault_key: Option<PathBuf>,
}

impl Home {
    /// The folder, which need not be there.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.state {
            return Ok(folder.clone());
        }
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        variable("XDG_STATE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
            .map(|folder| folder.join("fogpilot"))
            .ok_or_else(|| Failure::usage("nothing says where the state is to be kept; give --state DIR"))
    }

    /// The folder, made for its user alone when it is missing.
    pub(crate) fn made(&self) -> Result<PathBuf, Failure> {
        let folder = self.folder()?;
        make(&folder)?;
        Ok(folder)
    }

    /// The file with the profiles.
    pub(crate) fn profiles(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join("profiles.toml"))
    }

    /// The folder with a folder for each run.
    pub(crate) fn runs(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder()?.join("runs"))
    }

    /// The vault, opened.
    pub(crate) fn unlock(&self) -> Result<Unlocked, Failure> {
        Unlocked::open(self.folder()?.join("vault"), self.vault_key.as_deref())
    }

    /// The vault, opened, or a new one where there is none.
    pub(crate) fn unlock_or_make(&self) -> Result<Unlocked, Failure> {
        Unlocked::open_or_make(self.made()?.join("vault"), self.vault_key.as_deref())
    }
}

/// Makes a folder, and those above it, for their user alone.
pub(crate) fn make(folder: &Path) -> Result<(), Failure> {
    let failed =
        |error: io::Error| Failure::from(format!("cannot make the folder `{}`: {error}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let whole = fs::canonicalize(folder).map_err(failed)?;
    // what is new is on disk when something is put into it
    let parent = whole.parent().unwrap_or(&whole);
    fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
}
