//! One run at a time for each state directory, by a lock that names its holder.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use ids::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::exit::Failure;
use crate::home::Home;

/// The lock; it ends with the program, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// Who has the lock.
#[derive(Deserialize, Serialize)]
struct Holder {
    pid: u32,
    operator: String,
    command: String,
    since: Timestamp,
}

impl Lock {
    /// Takes the lock for `command`, or says who has it.
    pub(crate) fn take(home: &Home, command: &str) -> Result<Self, Failure> {
        let path: PathBuf = home.made()?.join("lock");
        let failed =
            |error: std::io::Error| Failure::from(format!("cannot lock `{}`: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(held(&mut file)),
            Err(error) => return Err(failed(error.into())),
        }
        let holder = Holder {
            pid: std::process::id(),
            operator: crate::runs::operator(),
            command: command.to_owned(),
            since: Timestamp::now(),
        };
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        file.write_all(serde_json::to_string(&holder)?.as_bytes()).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // who comes next writes its own name; an old one would only be confusing
        let _ = self.file.set_len(0);
    }
}

fn held(file: &mut File) -> Failure {
    let mut text = String::new();
    let read = file.take(4096).read_to_string(&mut text).ok();
    let holder = read.and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    match holder {
        Some(Holder { pid, operator, command, since }) => format!(
            "another `fogpilot {command}` has this state directory: process {pid} of {operator}, since {since}; wait for it, or \
             interrupt it"
        )
        .into(),
        None => "another fogpilot has this state directory; wait for it".into(),
    }
}
