//! Notices that the files of the certificate were replaced, and shows what is in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use relay::{Cause, Certificate, Renewed};
use rustls_pki_types::CertificateDer;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{error, info, warn};

use crate::certificate::{reread, served};

/// Two files and the listener that shows what is in them.
#[derive(Debug)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    listener: Certificate,
    /// What was taken from them last.
    taken: Option<Vec<CertificateDer<'static>>>,
    /// Since when they do not hold, and whether that was said.
    broken: Option<(Instant, bool)>,
}

impl Files {
    pub(crate) fn new(certificate: &Path, key: &Path, listener: Certificate) -> Self {
        Self { certificate: certificate.to_owned(), key: key.to_owned(), listener, taken: None, broken: None }
    }

    /// Watches them for ever: their folders, and now and then themselves, since not every file system tells.
    pub(crate) async fn watch(mut self) {
        let (told, mut changes) = mpsc::channel(1);
        let watcher = self.watcher(told);
        if let Err(error) = &watcher {
            warn!(%error, "the folders of the certificate cannot be watched; its files are looked at every minute");
        }
        loop {
            let pause = self.look();
            tokio::select! {
                Some(()) = changes.recv() => {
                    // whoever writes two files has more to do
                    sleep(SETTLE).await;
                    let _more = changes.try_recv();
                }
                () = sleep(pause) => {}
            }
        }
    }

    fn watcher(&self, told: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // being read is no change
            if !event.is_ok_and(|event| event.kind.is_access()) {
                let _one_is_enough = told.try_send(());
            }
        })?;
        let mut folders: Vec<&Path> =
            [&self.certificate, &self.key].into_iter().filter_map(|f| f.parent()).collect();
        folders.dedup();
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    }

    /// Takes what is new and holds; how long to wait until the next look.
    fn look(&mut self) -> Duration {
        match self.take() {
            Ok(taken) => {
                if self.broken.take().is_some() || taken {
                    self.listener.set_trouble(None);
                }
                LOOK
            }
            Err(error) => {
                let (since, said) = self.broken.unwrap_or_else(|| (Instant::now(), false));
                let late = since.elapsed() >= PATIENCE;
                self.broken = Some((since, said || late));
                if late && !said {
                    let error = relay::Chain(error.as_ref()).to_string();
                    let (certificate, key) = (self.certificate.display(), self.key.display());
                    error!(%certificate, %key, error, "the files of the certificate cannot be used; the old one stays");
                    self.listener.set_trouble(Some(format!(
                        "the files of the certificate were changed and cannot be used: {error}; the old one is shown; check \
                         `{certificate}` and `{key}`"
                    )));
                }
                if late { LOOK } else { AGAIN }
            }
        }
    }

    /// Whether there was something new in the files, which is shown from now on.
    fn take(&mut self) -> Result<bool, Cause> {
        let pair = reread(&self.certificate, &self.key)?;
        if self.taken.as_deref() == Some(pair.chain.certificates()) {
            return Ok(false);
        }
        let is_new = self.listener.fingerprint() != pair.chain.leaf().fingerprint.to_string();
        if is_new || self.taken.is_some() {
            self.listener.swap(served(&pair.chain, &pair.key, Renewed::ByOperator), SystemTime::now())?;
            info!(path = %self.certificate.display(), "took the certificate from its files");
            for finding in pair.chain.judge(SystemTime::now()) {
                warn!("certificate of the listener: {finding}");
            }
        }
        self.taken = Some(pair.chain.certificates().to_vec());
        Ok(true)
    }
}

/// How long after a change the files are looked at.
const SETTLE: Duration = Duration::from_millis(200);

/// Between two looks when nothing changes.
const LOOK: Duration = Duration::from_secs(60);

/// Between two looks while certificate and key do not match: one of them may still be written.
const AGAIN: Duration = Duration::from_secs(1);

/// How long that may last before somebody is told.
const PATIENCE: Duration = Duration::from_secs(20);
