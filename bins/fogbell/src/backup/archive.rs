//! A backup as a file: a tar archive with a list in front, whose every byte is checked when it is read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use relay::Cause;
use ring::digest::{SHA256, digest};
use tar::{Archive, Builder, Entries, EntryType, Header};

use super::manifest::{Hashed, Kept, Manifest};

/// Writes what `manifest` lists to the new file `path`, each with the bytes of the file that `from` names.
pub(super) fn write(path: &Path, manifest: &Manifest, from: impl Fn(&Kept) -> PathBuf) -> Result<(), Cause> {
    let failed = |error: io::Error| format!("cannot write `{}`: {error}", path.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let mut tar = Builder::new(file);
    let list = serde_json::to_vec_pretty(manifest)?;
    let seconds = u64::try_from(manifest.made_at.micros() / 1_000_000).unwrap_or_default();
    let header = |bytes: u64, mode: u32| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        header.set_mode(mode);
        header.set_mtime(seconds);
        header
    };
    tar.append_data(&mut header(list.len() as u64, 0o600), LIST, list.as_slice()).map_err(failed)?;
    for kept in &manifest.files {
        let from = from(kept);
        let bytes =
            File::open(&from).map_err(|error| format!("cannot read `{}`: {error}", from.display()))?;
        // one that has become longer since is cut here, one that has become shorter fails, and both are found when it is read
        let bytes = bytes.take(kept.bytes);
        tar.append_data(&mut header(kept.bytes, kept.mode), name(kept), bytes).map_err(failed)?;
    }
    let sum = format!("{}  {LIST}\n", hex(&list));
    tar.append_data(&mut header(sum.len() as u64, 0o600), SUM, sum.as_bytes()).map_err(failed)?;
    tar.into_inner().and_then(|file| file.sync_all()).map_err(|error| failed(error).into())
}

/// Reads all of it, hands each file that is listed to `take` with its bytes, and gives the list when every byte is what it
/// was when it was written. What `take` was given is not known to be so before.
pub(crate) fn read(
    path: &Path,
    take: impl FnMut(&Kept, &mut dyn Read) -> io::Result<()>,
) -> Result<Manifest, Cause> {
    let file = File::open(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let mut archive = Archive::new(file);
    let wrong = |error: Cause| format!("`{}` cannot be restored: {error}", path.display());
    let read = archive.entries().map_err(Cause::from).and_then(|mut entries| read_all(&mut entries, take));
    read.map_err(|error| wrong(error).into())
}

fn read_all<R: Read>(
    entries: &mut Entries<'_, R>,
    mut take: impl FnMut(&Kept, &mut dyn Read) -> io::Result<()>,
) -> Result<Manifest, Cause> {
    let list = small(entries, LIST).map_err(|_| "it is no backup of fogbell, or its beginning is damaged")?;
    let manifest = Manifest::parse(&list)?;
    for kept in &manifest.files {
        let entry = next(entries, &name(kept))?;
        let mut bytes = Hashed::new(entry);
        take(kept, &mut bytes)?;
        io::copy(&mut bytes, &mut io::sink())?;
        if bytes.bytes != kept.bytes || bytes.digest() != kept.sha256 {
            return Err(format!("its copy of `{}` is damaged", kept.path.display()).into());
        }
    }
    if small(entries, SUM)? != format!("{}  {LIST}\n", hex(&list)).as_bytes() {
        return Err("its list is damaged".into());
    }
    match entries.next() {
        None => Ok(manifest),
        Some(_) => Err("there is more in it than its list has".into()),
    }
}

/// The bytes of the next entry, which is a small one and has this name.
fn small<R: Read>(entries: &mut Entries<'_, R>, name: &str) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::new();
    next(entries, Path::new(name))?.take(MAX_LIST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The next entry, which has this name.
fn next<'a, R: Read>(entries: &mut Entries<'a, R>, name: &Path) -> Result<tar::Entry<'a, R>, Cause> {
    let entry = entries.next().ok_or("it ends early")??;
    if entry.path()? != name {
        return Err(format!("`{}` is not where its list has it", name.display()).into());
    }
    Ok(entry)
}

/// What a file is called in the archive.
fn name(kept: &Kept) -> PathBuf {
    kept.path.strip_prefix("/").unwrap_or(&kept.path).to_owned()
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

const LIST: &str = "fogbell-backup.json";

/// As `sha256sum --check` reads it.
const SUM: &str = "fogbell-backup.sha256";

const MAX_LIST_BYTES: u64 = 1 << 20;
