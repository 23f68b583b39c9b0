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
    seen: BTreeMap<PathBuf, Option<Look>>,
    /// Tells that something happened in one of their folders; without it they are only looked at now and then.
    watcher: Option<RecommendedWatcher>,
    told: mpsc::Receiver<()>,
}

/// What changes with a file: its inode, length, and time of change in nanoseconds.
type Look = (u64, u64, i128);

impl SecretFiles {
    /// Those that were just read.
    pub(crate) fn new(files: BTreeSet<PathBuf>) -> Self {
        let mut this = Self { seen: BTreeMap::new(), watcher: None, told: mpsc::channel(1).1 };
        this.are(files);
        this
    }

    /// These were just read, and no others matter any more.
    pub(crate) fn are(&mut self, files: BTreeSet<PathBuf>) {
        self.seen = files.into_iter().map(|file| (file.clone(), look(&file))).collect();
        let (tell, told) = mpsc::channel(1);
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
        let folders: BTreeSet<&Path> = self.seen.keys().filter_map(|file| file.parent()).collect();
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

    fn look(&self) -> BTreeMap<PathBuf, Option<Look>> {
        self.seen.keys().map(|file| (file.clone(), look(file))).collect()
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
