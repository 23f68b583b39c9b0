//! Notices that files which secrets were read from have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::warn;

/// Files, and how they looked when they were read last.
#[derive(Debug)]
pub(crate) struct SecretFiles {
    seen: Looks,
    /// Tells that something happened in one of their folders; without it they are only looked at now and then.
    watcher: Option<RecommendedWatcher>,
    told: mpsc::Receiver<()>,
}

/// What changes with a file: its inode, length, and time of change in nanoseconds.
type Look = (u64, u64, i128);

/// How files looked right before they were read; `None` for one that was not there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Looks(BTreeMap<PathBuf, Option<Look>>);

impl Looks {
    /// Looks at a file that is read next. The first look stays: what changes behind it may not have been read.
    pub(crate) fn at(&mut self, file: &Path) {
        if !self.0.contains_key(file) {
            self.0.insert(file.to_owned(), look(file));
        }
    }

    /// Those of both; of a file that both looked at, the first look.
    pub(crate) fn and(mut self, later: Self) -> Self {
        for (file, look) in later.0 {
            self.0.entry(file).or_insert(look);
        }
        self
    }

    /// Leaves one out.
    pub(crate) fn without(&mut self, file: &Path) {
        self.0.remove(file);
    }
}

impl SecretFiles {
    /// Those that looked like this before they were read.
    pub(crate) fn new(files: Looks) -> Self {
        let mut this = Self { seen: Looks::default(), watcher: None, told: mpsc::channel(1).1 };
        this.are(files);
        this
    }

    /// These looked like this before they were read, and no others matter any more.
    pub(crate) fn are(&mut self, files: Looks) {
        self.seen = files;
        let (tell, told) = mpsc::channel(1);
        // what changed before they are watched is told by nobody
        let _room_for_one = tell.try_send(());
        self.told = told;
        self.watcher = match self.watch(tell) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                warn!(%error, "the folders of secrets cannot be watched; their files are looked at every minute");
                None
            }
        };
    }

    fn watch(&self, tell: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // being read is no change
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _one_is_enough = tell.try_send(());
            }
        })?;
        let folders: BTreeSet<&Path> = self.seen.0.keys().filter_map(|file| file.parent()).collect();
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    }

    /// Resolves when one of them is another than it was and none has changed for a moment; each change once.
    pub(crate) async fn changed(&mut self) {
        loop {
            let pause = sleep(LOOK);
            tokio::select! {
                Some(()) = self.told.recv() => {}
                () = pause => {}
            }
            let mut now = self.look();
            if now == self.seen {
                continue;
            }
            loop {
                // whoever writes one may write another
                sleep(SETTLE).await;
                let then = self.look();
                if then == now {
                    break;
                }
                now = then;
            }
            self.seen = now;
            return;
        }
    }

    fn look(&self) -> Looks {
        Looks(self.seen.0.keys().map(|file| (file.clone(), look(file))).collect())
    }
}

fn look(file: &Path) -> Option<Look> {
    let there = fs::metadata(file).ok()?;
    let changed = i128::from(there.ctime()) * 1_000_000_000 + i128::from(there.ctime_nsec());
    Some((there.ino(), there.len(), changed))
}

/// How long nothing may change before files are read.
const SETTLE: Duration = Duration::from_millis(300);

/// Between two looks when nothing is told: not every file system tells.
const LOOK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_file_that_changes_between_being_read_and_being_watched_is_noticed_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "first").unwrap();
        let mut read = Looks::default();
        read.at(&file);

        fs::write(&file, "the second").unwrap();
        read.at(&file);
        let mut files = SecretFiles::new(read);

        // long before it is looked at without having been told
        assert!(timeout(LOOK / 2, files.changed()).await.is_ok());
        assert!(timeout(SETTLE * 3, files.changed()).await.is_err());
    }
}
