//! The files that certificates and secrets live in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{ChainError, KeyError};

/// Reads a secret: a file that nobody else can read and no group can write.
///
/// Others must have no permission at all (`mode & 0o007 == 0`), the group may read but not write; a
/// systemd credential, 0400 or 0440, passes. Links are followed, and what is checked is the file that was
/// opened. At most 64 KiB; the bytes are wiped when dropped.
///
/// # Errors
///
/// [`ReadError`] names the path, and the command that mends the permissions.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let (file, mode) = open(path)?;
    if mode & 0o027 != 0 {
        return Err(ReadError::Exposed { path: path.into(), mode: mode & 0o7777 });
    }
    read(path, file, MAX_PRIVATE_BYTES)
}

/// Reads a file that is nobody's secret, at most 256 KiB. The bytes are wiped all the same: people keep
/// keys and certificates in one file.
pub(crate) fn read_public(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let (file, _) = open(path)?;
    read(path, file, MAX_PUBLIC_BYTES)
}

/// Writes `bytes` to `path` so that a power cut leaves the old file or the new one, whole.
///
/// Written beside under a random name, fsynced, renamed, the directory fsynced; a link at `path` is
/// replaced, not followed. The file has exactly `mode`, from its first byte on, whatever the umask.
///
/// # Errors
///
/// [`WriteError`] names the step and the path. What was written beside is removed; `path` itself is as it
/// was, unless the last step, the sync of the directory, is what failed.
pub fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> Result<(), WriteError> {
    let failed = |step, source| WriteError { step, path: path.into(), source };
    let name = path.file_name().ok_or_else(|| failed("write", io::ErrorKind::InvalidFilename.into()))?;
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut random = [0; 8];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| failed("name", io::Error::other("the system has no randomness")))?;
    let beside = directory.join(format!(".{}.{:016x}", name.display(), u64::from_be_bytes(random)));

    let written = write_beside(&beside, bytes, mode)
        .map_err(|source| failed("write", source))
        .and_then(|()| fs::rename(&beside, path).map_err(|source| failed("replace", source)));
    if written.is_err() {
        // What went wrong first is what the caller needs to hear.
        let _ = fs::remove_file(&beside);
    }
    written?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| failed("sync the directory of", source))
}

fn write_beside(beside: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode & 0o600).open(beside)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn open(path: &Path) -> Result<(File, u32), ReadError> {
    let failed = |source| ReadError::Open { path: path.into(), source };
    // Looked at before it is opened, for opening a named pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(ReadError::NoFile { path: path.into() });
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ReadError::NoFile { path: path.into() });
    }
    Ok((file, metadata.permissions().mode()))
}

fn read(path: &Path, file: File, max: usize) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    // Room for everything from the start: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(max + 64));
    file.take(max as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ReadError::Open { path: path.into(), source })?;
    if bytes.len() > max {
        return Err(ReadError::TooLong { path: path.into(), max });
    }
    Ok(bytes)
}

/// Why a file could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read `{path}`")]
    Open {
        /// File that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("`{path}` is not a regular file")]
    NoFile {
        /// File that was asked for.
        path: PathBuf,
    },
    /// Longer than such a file can be.
    #[error("`{path}` is longer than {max} bytes; is it the right file?")]
    TooLong {
        /// File that was asked for.
        path: PathBuf,
        /// The most bytes it may have.
        max: usize,
    },
    /// Somebody else can read it, or a group can write it.
    #[error(
        "`{path}` holds a secret but has mode {mode:04o}: others must have no access and its group must not \
         write; `chmod o=,g-w {path}` mends it"
    )]
    Exposed {
        /// File that was asked for.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Why a file could not be written.
#[derive(Debug, Error)]
#[error("cannot {step} `{path}`")]
pub struct WriteError {
    step: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// Why a certificate or key could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What it holds is no certificate chain.
    #[error("`{path}` cannot be used as certificate")]
    Chain {
        /// File that was read.
        path: PathBuf,
        /// What it is instead.
        source: ChainError,
    },
    /// What it holds is no usable key.
    #[error("`{path}` cannot be used as private key")]
    Key {
        /// File that was read.
        path: PathBuf,
        /// What it is instead.
        source: KeyError,
    },
}

const MAX_PRIVATE_BYTES: usize = 64 * 1024;
const MAX_PUBLIC_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_file_that_nobody_else_reads_and_no_group_writes_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        fs::write(&path, "hunter2").unwrap();
        for (mode, private) in [
            (0o400, true),
            (0o440, true),
            (0o600, true),
            (0o640, true),
            (0o644, false),
            (0o604, false),
            (0o601, false),
            (0o620, false),
            (0o660, false),
            (0o602, false),
            (0o777, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match read_private(&path) {
                Ok(bytes) => assert!(private && bytes.as_slice() == b"hunter2", "{mode:o}"),
                Err(error) => {
                    assert!(!private, "{mode:o}: {error}");
                    let said = error.to_string();
                    assert!(
                        said.contains(&format!("mode {mode:04o}")) && !said.contains("hunter2"),
                        "{said}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_link_is_judged_by_the_file_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "x").unwrap();
        symlink(&file, &link).unwrap();

        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read_private(&link).is_ok());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_private(&link), Err(ReadError::Exposed { .. })));
    }

    #[test]
    fn what_is_no_file_or_too_long_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");

        assert!(matches!(read_private(&path), Err(ReadError::Open { .. })));
        assert!(matches!(read_private(dir.path()), Err(ReadError::NoFile { .. })));
        for (length, fits) in [(0, true), (MAX_PRIVATE_BYTES, true), (MAX_PRIVATE_BYTES + 1, false)] {
            write_durably(&path, &vec![b'x'; length], 0o600).unwrap();
            assert_eq!(read_private(&path).is_ok(), fits, "{length}");
        }
    }

    #[test]
    fn what_is_written_has_its_mode_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        for (text, mode) in [("first", 0o644), ("second, longer", 0o600), ("3", 0o640)] {
            write_durably(&path, text.as_bytes(), mode).unwrap();

            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("directory");
        fs::create_dir(&path).unwrap();

        let error = write_durably(&path, b"x", 0o600).unwrap_err();

        assert!(error.to_string().starts_with("cannot replace `"), "{error}");
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(write_durably(&dir.path().join("nowhere/file"), b"x", 0o600).is_err());
    }

    #[test]
    fn a_link_is_replaced_and_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();

        write_durably(&link, b"new", 0o600).unwrap();

        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
    }
}
