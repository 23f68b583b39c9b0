//! What a service manager hears of a program: the socket of `sd_notify`.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::{DEADLINE, wait_for};

/// A service manager that listens.
#[derive(Debug)]
pub struct Manager {
    folder: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    /// One that hears nothing yet.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let socket = UnixDatagram::bind(path(folder.path())).expect("a socket can be bound in a new folder");
        socket.set_nonblocking(true).expect("a socket can be asked without waiting");
        Self { folder, socket }
    }

    /// The value of `NOTIFY_SOCKET`.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path(self.folder.path())
    }

    /// The next thing that is said, if something was.
    #[must_use]
    pub fn heard(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..length]).trim().to_owned())
    }

    /// The next thing that is said.
    ///
    /// # Panics
    ///
    /// When nothing is within the deadline.
    #[must_use]
    pub fn next(&self) -> String {
        self.next_within(DEADLINE).expect("the service manager hears something")
    }

    /// The next thing that is said within `deadline`.
    #[must_use]
    pub fn next_within(&self, deadline: Duration) -> Option<String> {
        wait_for(deadline, || self.heard())
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("notify")
}
