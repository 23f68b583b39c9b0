//! The list of routers, read from the CSV file that is named on the command line.

use std::path::{Path, PathBuf};

use sco::ConductorHost;
use sco::ek::Format as KeyFormat;
use sco::input::{Defaults, Faults, MAX_BYTES, Row, Sheet, parse};

use crate::exit::Failure;
use crate::input::Input;

/// Where the list is and how it is read.
#[derive(clap::Args)]
pub(crate) struct List {
    /// CSV file with the routers, as `fogpilot template` has it; `-` is standard input
    pub(crate) file: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

/// How a list is read.
#[derive(clap::Args)]
pub(crate) struct Reading {
    /// Address of the conductor, where a row names none; once more for its second node
    #[arg(long, value_name = "HOST")]
    conductor_host: Vec<ConductorHost>,
    /// Convert endorsement keys of the column `ek` from this format: der, pem, tpm2b or certificate
    #[arg(long, value_name = "KIND")]
    pub(crate) allow_format: Vec<KeyFormat>,
}

impl List {
    /// Its rows, when nothing is wrong with the whole file.
    pub(crate) fn read(&self) -> Result<Result<Vec<Row>, Faults>, Failure> {
        let sheet = self.reading.sheet(&self.file)?;
        Ok(sheet.judge().map(|()| sheet.rows))
    }

    /// `faults` as compilers write theirs: `FILE:LINE:COLUMN: what`.
    pub(crate) fn places(&self, faults: &Faults) -> String {
        places(&self.file, faults)
    }
}

impl Reading {
    /// What is in `file`, not judged yet.
    pub(crate) fn sheet(&self, file: &Path) -> Result<Sheet, Failure> {
        if self.conductor_host.len() > 2 {
            return Err(Failure::usage(
                "a conductor has two nodes at most; give --conductor-host twice at most",
            ));
        }
        let input = Input::read(file, MAX_BYTES)?;
        let defaults = Defaults {
            conductor_hosts: self.conductor_host.clone(),
            allow: self.allow_format.iter().copied().collect(),
        };
        Ok(parse(&input.bytes, &defaults))
    }
}

/// `faults` as compilers write theirs: `FILE:LINE:COLUMN: what`.
pub(crate) fn places(file: &Path, faults: &Faults) -> String {
    let file = file.display();
    let place = |fault: &sco::input::Fault| match fault.line {
        0 => format!("{file}: {fault}\n"),
        _ => format!("{file}:{fault}\n"),
    };
    faults.0.iter().map(place).collect()
}
