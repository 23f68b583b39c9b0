//! The cheapest durable log there is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::thread;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// A file that grows by what is appended, without any structure. One thread writes: it takes everything that
/// waits, writes it with one call, syncs it with one `fdatasync`, and only then answers all of them.
#[derive(Clone, Debug)]
pub struct GroupLog(mpsc::Sender<Item>);

type Item = (Bytes, oneshot::Sender<()>);

impl GroupLog {
    /// Makes the file at `path`, which must not be there.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        thread::Builder::new().name("log".into()).spawn(move || write(file, receiver))?;
        Ok(Self(sender))
    }

    /// Appends `body`; true once it is on disk, false when it will never be.
    pub async fn append(&self, body: Bytes) -> bool {
        let (done, synced) = oneshot::channel();
        self.0.send((body, done)).await.is_ok() && synced.await.is_ok()
    }
}

/// Writes until nobody can append any more, or a write fails: then everybody waiting hears of it.
fn write(mut file: File, mut queue: mpsc::Receiver<Item>) {
    let mut bytes = Vec::new();
    let mut waiting = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some((body, done)) = next {
            bytes.extend_from_slice(&body);
            waiting.push(done);
            next = if waiting.len() < QUEUE { queue.try_recv().ok() } else { None };
        }
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        bytes.clear();
        for done in waiting.drain(..) {
            let _ = done.send(());
        }
    }
}

const QUEUE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_answered_is_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let log = GroupLog::create(&path).unwrap();

        let done = tokio::join!(
            log.append(Bytes::from_static(b"one")),
            log.append(Bytes::from_static(b"two")),
            log.append(Bytes::from_static(b"three"))
        );

        assert_eq!(done, (true, true, true));
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwothree");
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "x").unwrap();

        assert!(GroupLog::create(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }
}
