//! Writes files: beside, fsynced, renamed; each with its owner and mode.

use std::error::Error;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use relay::Cause;
use rustix::fs::{Gid, Uid, chown};
use zeroize::Zeroizing;

use super::draft::Draft;
use super::store::Store;

/// What happens to one file or folder.
pub(super) struct Change {
    path: PathBuf,
    /// What is to be in it; `None` for a folder.
    bytes: Option<Zeroizing<Vec<u8>>>,
    mode: u32,
    group: Option<u32>,
    there: There,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum There {
    Nothing,
    Another,
    Same,
}

impl Change {
    /// Compares what is there with what is to be; `bytes` are those of a file, `None` is a folder.
    pub(super) fn new(
        path: &Path,
        bytes: Option<Zeroizing<Vec<u8>>>,
        mode: u32,
        group: Option<u32>,
    ) -> Result<Self, Box<dyn Error>> {
        let there = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => There::Nothing,
            Err(error) => return Err(format!("cannot look at `{}`: {error}", path.display()).into()),
            Ok(meta) => {
                let same_bytes = match &bytes {
                    None => meta.is_dir(),
                    Some(bytes) => Zeroizing::new(fs::read(path).unwrap_or_default()) == *bytes,
                };
                // a folder that is there stays as its owner made it
                let same_mode = bytes.is_none()
                    || (meta.permissions().mode() & 0o7777 == mode
                        && group.is_none_or(|gid| gid == meta.gid()));
                if same_bytes && same_mode { There::Same } else { There::Another }
            }
        };
        Ok(Self { path: path.to_owned(), bytes, mode, group, there })
    }

    /// Whether anything happens.
    pub(super) fn is_one(&self) -> bool {
        self.there != There::Same
    }

    /// The lines of a text that go and come, when it is there and no secret.
    pub(super) fn differences(&self, old: &str) -> Vec<String> {
        let new = self.bytes.as_ref().and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
        let beside = |these: &str, those: &str, mark: char| -> Vec<String> {
            let those: Vec<&str> = those.lines().collect();
            these
                .lines()
                .filter(|line| !those.contains(line))
                .map(|line| format!("    {mark} {line}"))
                .collect()
        };
        [beside(old, new, '-'), beside(new, old, '+')].concat()
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let mark = match self.there {
            There::Nothing => '+',
            There::Another => '~',
            There::Same => '=',
        };
        let owner = self.group.map_or_else(String::new, |_| format!(" root:{GROUP}"));
        let slash = if self.bytes.is_none() { "/" } else { "" };
        format!("{mark} {}{slash}  {:04o}{owner}", self.path.display(), self.mode)
    }

    fn carry_out(&self) -> Result<(), Box<dyn Error>> {
        match &self.bytes {
            None => {
                DirBuilder::new().mode(self.mode).create(&self.path)?;
                fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))?;
            }
            Some(bytes) => pki::write_durably(&self.path, bytes, self.mode)?,
        }
        if let Some(gid) = self.group {
            chown(&self.path, None, Some(Gid::from_raw(gid)))?;
        }
        Ok(())
    }
}

/// What has to be written so that everything is as `draft` has it, the configuration last.
pub(super) fn changes(draft: &Draft) -> Result<Vec<Change>, Box<dyn Error>> {
    // whoever runs the relay may read, and nobody may write but root
    let group = relays_group();
    let (file, folder) = if group.is_some() { (0o640, 0o750) } else { (0o600, 0o700) };
    let path = std::path::absolute(&draft.path)?;
    let parent = path.parent().unwrap_or_else(|| Path::new("/"));
    let mut all = vec![Change::new(parent, None, folder, group)?];
    if let Store::Files(secrets) = &draft.store {
        all.push(Change::new(secrets, None, folder, group)?);
        for (name, secret) in &draft.secrets {
            let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
            line.extend_from_slice(secret);
            line.push(b'\n');
            all.push(Change::new(&secrets.join(name), Some(line), file, group)?);
        }
    }
    all.push(Change::new(&draft.path, Some(Zeroizing::new(draft.text.clone().into_bytes())), file, group)?);
    Ok(all)
}

/// Writes what is not as it should be.
pub(super) fn carry_out(changes: &[Change]) -> Result<(), Box<dyn Error>> {
    for change in changes.iter().filter(|change| change.is_one()) {
        change.carry_out().map_err(|error| format!("cannot write `{}`: {error}", change.path.display()))?;
    }
    Ok(())
}

/// Makes the folder that the relay keeps everything in, its own, when it is missing.
pub(super) fn make_state(path: &Path) -> Result<(), Cause> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            if let Some(owner) = Owner::of_the_relay() {
                chown(path, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(format!("cannot make `{}`: {error}", path.display()).into()),
    }
}

/// Writes a file that the relay may read, and nobody else.
pub(super) fn private(path: &Path, bytes: &[u8]) -> Result<(), Cause> {
    let group = relays_group();
    pki::write_durably(path, bytes, if group.is_some() { 0o640 } else { 0o600 })?;
    if let Some(gid) = group {
        chown(path, None, Some(Gid::from_raw(gid)))?;
    }
    Ok(())
}

/// Whose the relay's own files are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// The user that the package makes for the relay, where files can be given to it.
    pub(super) fn of_the_relay() -> Option<Self> {
        let gid = relays_group()?;
        let users = fs::read_to_string("/etc/passwd").ok()?;
        let line = users.lines().find_map(|line| line.strip_prefix(GROUP)?.strip_prefix(':'))?;
        Some(Self { uid: line.split(':').nth(1)?.parse().ok()?, gid })
    }
}

/// The group that the package makes for the relay, where files can be given to it.
pub(super) fn relays_group() -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let groups = fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find_map(|line| line.strip_prefix(GROUP)?.strip_prefix(':'))?;
    line.split(':').nth(1)?.parse().ok()
}

const GROUP: &str = "fogbell";
