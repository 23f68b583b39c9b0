//! A wall clock that a story sets, for one program alone.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// The wall clock of programs started under it, by libfaketime. Only the wall clock (CLOCK_REALTIME) is set: the
/// clocks that timers run by go on, as they do on a machine whose clock is set.
#[derive(Debug)]
pub struct FakeClock {
    folder: TempDir,
    library: PathBuf,
}

/// What a [`FakeClock`] shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Showing {
    /// The right time.
    Right,
    /// So much later than it is.
    Ahead(Duration),
    /// So much earlier than it is.
    Back(Duration),
    /// The second at which it was set, for ever.
    Frozen,
}

impl FakeClock {
    /// One that shows the right time.
    ///
    /// # Panics
    ///
    /// When the library is not among the peers.
    #[must_use]
    pub fn new() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let library =
            std::env::split_paths(&path).map(|folder| folder.join(LIBRARY)).find(|file| file.exists());
        let library =
            library.unwrap_or_else(|| panic!("{LIBRARY} is not on PATH: `cargo xtask peers` provides it"));
        let this = Self { folder: TempDir::new().expect("a temporary folder can be made"), library };
        this.set(Showing::Right);
        this
    }

    /// The program and arguments to start another one under, as `Fogbell::start_under` takes them.
    #[must_use]
    pub fn wrapper(&self) -> Vec<String> {
        let preload = format!("LD_PRELOAD={}", self.library.display());
        let file = format!("FAKETIME_TIMESTAMP_FILE={}", self.file().display());
        let settings =
            ["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_FMT=%s", "NO_FAKE_STAT=1"];
        let mut words = vec!["env".to_owned(), preload, file];
        words.extend(settings.map(str::to_owned));
        words
    }

    /// Sets it, for what runs under it too, from the next look on.
    ///
    /// # Panics
    ///
    /// When its file cannot be written.
    pub fn set(&self, showing: Showing) {
        let offset = |sign: char, by: Duration| format!("{sign}{}.{:06}", by.as_secs(), by.subsec_micros());
        let text = match showing {
            Showing::Right => "+0".to_owned(),
            Showing::Ahead(by) => offset('+', by),
            Showing::Back(by) => offset('-', by),
            Showing::Frozen => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
                now.as_secs().to_string()
            }
        };
        // Whole at any time: the program reads it at every look at its clock.
        let beside = self.folder.path().join("beside");
        fs::write(&beside, text + "\n").expect("a temporary file can be written");
        fs::rename(beside, self.file()).expect("a temporary file can be renamed");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

const LIBRARY: &str = "libfaketimeMT.so.1";
