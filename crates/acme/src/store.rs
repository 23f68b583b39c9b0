//! What is kept: the account, the certificate with its key, and what is remembered of attempts.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::AccountCredentials;
use pki::{Chain, KeyPair, read_private, write_durably};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Error;
use crate::plan::{Failures, Window};

/// A certificate and its key, as they stand in the folder.
#[derive(Debug)]
pub struct Stored {
    /// The chain, its own certificate first.
    pub chain: Chain,
    /// The key.
    pub key: KeyPair,
}

/// The certificate in `folder`; `None` when there is none yet.
///
/// # Errors
///
/// [`Error::Keep`] when there is one that cannot be read.
pub fn stored(folder: &Path) -> Result<Option<Stored>, Error> {
    let path = folder.join(CERTIFICATE);
    if is_missing(&path) {
        return Ok(None);
    }
    let pem = read_private(&path).map_err(|error| Error::keep("read", path.clone())(error.into()))?;
    parse(&pem, &path).map(Some)
}

fn parse(pem: &[u8], path: &Path) -> Result<Stored, Error> {
    let failed = |source: crate::Cause| Error::keep("use", path.to_owned())(source);
    let chain = Chain::parse(pem).map_err(|error| failed(error.into()))?;
    let key = KeyPair::parse(pem).map_err(|error| failed(error.into()))?;
    pki::matches(&chain, &key).map_err(|error| failed(error.into()))?;
    Ok(Stored { chain, key })
}

/// What is remembered of attempts, over restarts too; times are seconds since 1970.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Attempts {
    /// How many there were in all.
    pub made: u64,
    /// The number of the last one that came to its end.
    pub ended: u64,
    /// How many failed since the last that did not.
    pub failed: u32,
    /// When the last one began.
    pub last: Option<u64>,
    /// Why the last one failed; `None` when it did not.
    pub error: Option<String>,
    /// No attempt is made before this.
    pub not_before: Option<u64>,
    /// The directory that issued the certificate.
    pub issued_by: Option<String>,
    /// Of which certificate the window is, by its fingerprint.
    pub window_of: Option<String>,
    /// When the authority wants that one renewed.
    pub window: Option<(u64, u64)>,
    /// When to ask for the window again.
    pub window_asked_next: Option<u64>,
}

impl Attempts {
    /// What is remembered in `folder`; nothing when that cannot be read.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        let text = read_private(&folder.join(ATTEMPTS)).ok();
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    pub(crate) fn failures(&self) -> Failures {
        Failures { count: self.failed, not_before: self.not_before.map(time) }
    }

    /// The window of the certificate with this fingerprint.
    pub(crate) fn window(&self, fingerprint: &str) -> Option<Window> {
        let (start, end) = self.window.filter(|_| self.window_of.as_deref() == Some(fingerprint))?;
        Some(Window { start: time(start), end: time(end) })
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// An account, and where it is one.
#[derive(Serialize, Deserialize)]
struct Account {
    directory: String,
    external_account: Option<String>,
    credentials: AccountCredentials,
}

impl Store {
    /// Opens the folder, and makes it when it is missing, for its owner alone.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let make = || match DirBuilder::new().mode(0o700).create(folder) {
            Ok(()) => {
                let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
                File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        };
        make().map_err(Error::io("make the directory", folder.to_owned()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The account at `directory` for the external account `external`.
    pub(crate) fn account(
        &self,
        directory: &str,
        external: Option<&str>,
    ) -> Result<Option<AccountCredentials>, Error> {
        let path = self.folder.join(ACCOUNT);
        if is_missing(&path) {
            return Ok(None);
        }
        let failed = |source: crate::Cause| Error::keep("read", path.clone())(source);
        let text = read_private(&path).map_err(|error| failed(error.into()))?;
        let account: Account = serde_json::from_slice(&text).map_err(|_| {
            failed("it is damaged; remove it, and the authority is asked for a new account".into())
        })?;
        let same = account.directory == directory && account.external_account.as_deref() == external;
        Ok(same.then_some(account.credentials))
    }

    pub(crate) async fn keep_account(
        &self,
        directory: &str,
        external: Option<&str>,
        credentials: AccountCredentials,
    ) -> Result<(), Error> {
        let (directory, external_account) = (directory.to_owned(), external.map(str::to_owned));
        let account = Account { directory, external_account, credentials };
        let text = Zeroizing::new(serde_json::to_vec(&account).expect("texts are JSON"));
        self.write(ACCOUNT, text).await
    }

    /// Forgets an account that the authority does not know.
    pub(crate) fn forget_account(&self) -> Result<(), Error> {
        let path = self.folder.join(ACCOUNT);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// Keeps a certificate that holds what it says; key and chain in one file, so that they are never apart.
    pub(crate) async fn keep_certificate(&self, chain: &str, key: &str) -> Result<Stored, Error> {
        // of its full size from the start: a buffer that grows leaves copies of the key behind
        let mut pem = Zeroizing::new(Vec::with_capacity(key.len() + chain.len()));
        pem.extend_from_slice(key.as_bytes());
        pem.extend_from_slice(chain.as_bytes());
        let stored = parse(&pem, &self.folder.join(CERTIFICATE))?;
        self.write(CERTIFICATE, pem).await?;
        Ok(stored)
    }

    pub(crate) async fn keep_attempts(&self, attempts: &Attempts) -> Result<(), Error> {
        let text = serde_json::to_vec(attempts).expect("texts and numbers are JSON");
        self.write(ATTEMPTS, Zeroizing::new(text)).await
    }

    /// Where syncing does not hold up whatever else there is to do.
    async fn write(&self, name: &str, bytes: Zeroizing<Vec<u8>>) -> Result<(), Error> {
        let path = self.folder.join(name);
        let place = path.clone();
        let written = tokio::task::spawn_blocking(move || write_durably(&path, &bytes, 0o600)).await;
        let written = written.map_err(crate::Cause::from).and_then(|written| Ok(written?));
        written.map_err(Error::keep("write", place))
    }
}

pub(crate) fn time(seconds: u64) -> SystemTime {
    // what no clock shows does not overflow either
    UNIX_EPOCH + Duration::from_secs(seconds.min(MAX_SECONDS))
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The year 9999.
const MAX_SECONDS: u64 = 253_402_300_799;

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.pem";
const ATTEMPTS: &str = "attempts.json";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn what_is_kept_reads_back_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("acme")).unwrap();
        assert!(stored(store.folder()).unwrap().is_none());
        assert_eq!(Attempts::load(store.folder()), Attempts::default());

        let made = pki::self_signed(&["relay.test".to_owned()], SystemTime::now()).unwrap();
        store.keep_certificate(&made.chain_pem, &made.key_pem).await.unwrap();
        let attempts =
            Attempts { failed: 3, not_before: Some(5), window: Some((1, 2)), ..Attempts::default() };
        store.keep_attempts(&attempts).await.unwrap();

        let again = Store::open(store.folder()).unwrap();
        assert_eq!(stored(again.folder()).unwrap().unwrap().chain.leaf().names, ["relay.test"]);
        assert_eq!(Attempts::load(again.folder()), attempts);
        for file in [CERTIFICATE, ATTEMPTS, ""] {
            let mode = fs::metadata(store.folder().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file}");
        }
    }

    #[tokio::test]
    async fn a_certificate_without_its_key_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let make = || pki::self_signed(&["relay.test".to_owned()], SystemTime::now()).unwrap();

        let error = store.keep_certificate(&make().chain_pem, &make().key_pem).await.unwrap_err();

        assert!(error.line().contains("does not belong"), "{}", error.line());
        assert!(stored(store.folder()).unwrap().is_none());
    }

    #[test]
    fn what_is_damaged_is_forgotten_or_said() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for name in [ACCOUNT, CERTIFICATE, ATTEMPTS] {
            write_durably(&dir.path().join(name), b"{\"made\":\"x\"", 0o600).unwrap();
        }

        assert_eq!(Attempts::load(dir.path()), Attempts::default());
        assert!(stored(dir.path()).unwrap_err().line().contains("certificate.pem"));
        let Err(error) = store.account("https://a.test", None) else { panic!("it was read") };
        assert!(error.line().contains("remove it"), "{}", error.line());
        store.forget_account().unwrap();
        store.forget_account().unwrap();
        assert!(store.account("https://a.test", None).unwrap().is_none());
    }
}
