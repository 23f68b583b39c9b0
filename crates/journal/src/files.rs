//! The files of a journal: made, locked, protected, opened.

use std::error::Error;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::check::Look;
use crate::ledger::Ledger;
use crate::salvage::Salvaged;
use crate::schema::{self, FORMAT, PAGE_BYTES};
use crate::{FullReason, OpenError, check, salvage};

/// A journal's file, opened for writing and held by the lock beside it.
#[derive(Debug)]
pub(crate) struct Held {
    /// Closed before the files are let go: fields drop in order.
    pub(crate) conn: Connection,
    /// Canonical directory and the file's name.
    pub(crate) path: PathBuf,
    /// What the path named when it was opened.
    pub(crate) identity: (u64, u64),
    /// What became of a damaged one.
    pub(crate) salvaged: Option<Salvaged>,
    pub(crate) files: Arc<Files>,
}

/// Descriptors of a journal that stay open as long as any connection to it.
///
/// Closing one of the database drops the locks of every connection of this process to it (POSIX), so the
/// file is not closed before the last of them, and no later one can come before the lock goes: fields drop
/// in order.
#[derive(Debug)]
pub(crate) struct Files {
    /// The database, to sync it.
    pub(crate) db: File,
    _lock: File,
}

/// What the checkpointer copies with.
#[derive(Debug)]
pub(crate) struct Copier {
    pub(crate) conn: Connection,
    pub(crate) files: Arc<Files>,
}

/// Opens or creates the journal at `path`, waiting at most `wait` for its lock.
pub(crate) fn open(path: &Path, max_bytes: i64, wait: Duration) -> Result<Held, OpenError> {
    let path = canonical(path)?;
    let lock = lock(&path, wait)?;
    let looked = if salvage::is_due(&path)? {
        Look::Damaged("a reader or the writer met a damaged page".to_owned())
    } else {
        check::look(&path).map_err(|source| OpenError::File { path: path.clone(), source })?
    };
    let mut salvaged = match looked {
        Look::Open => None,
        Look::Damaged(why) => Some(salvage::run(&path, why)?),
    };
    protect(&path)?;
    let conn = match connect(&path, max_bytes) {
        Err(error) if error.is_damage() && salvaged.is_none() => {
            salvaged = Some(salvage::run(&path, told(&error))?);
            connect(&path, max_bytes)?
        }
        conn => conn?,
    };
    let identity = identity(&path).map_err(|source| OpenError::File { path: path.clone(), source })?;
    match File::open(&path) {
        Ok(db) => Ok(Held { conn, path, identity, salvaged, files: Arc::new(Files { db, _lock: lock }) }),
        Err(source) => Err(OpenError::File { path, source }),
    }
}

/// Why the file system takes no more for the journal at `path`, as a write beside it tells; `None` when it takes
/// that, or fails for another reason.
pub(crate) fn refusal(path: &str) -> Option<FullReason> {
    let path = Path::new(path);
    let probe = beside(path, ".probe");
    let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    // Where the next write of the longer file would be: a limit of size counts from there.
    let at = length(path).max(length(&beside(path, "-wal")));
    let write = || {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe)?;
        file.write_all_at(&[0; PAGE_BYTES as usize], at)
    };
    let wrote = write();
    let _none = fs::remove_file(&probe);
    let error = rustix::io::Errno::from_io_error(&wrote.err()?)?;
    match error {
        rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT | rustix::io::Errno::FBIG => {
            Some(FullReason::Disk)
        }
        rustix::io::Errno::ROFS => Some(FullReason::ReadOnly),
        _ => None,
    }
}

/// Device and inode behind `path`.
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// Opens a second connection to a journal that is held, for checkpoints beside the writer.
pub(crate) fn connect_copier(held: &Held) -> Result<Copier, OpenError> {
    let failed = |source| OpenError::Sqlite { path: held.path.clone(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(&held.path, flags).map_err(failed)?;
    conn.busy_timeout(BUSY).map_err(failed)?;
    // The last checkpoint is the writer's.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    let settings = [
        ("synchronous", "2".to_owned()),
        ("wal_autocheckpoint", "0".to_owned()),
        ("cache_size", READER_CACHE_KIB.to_string()),
        ("mmap_size", "0".to_owned()),
        ("trusted_schema", "0".to_owned()),
    ];
    set(&conn, &settings).map_err(failed)?;
    let mode = ("journal_mode", "wal".to_owned());
    check_settings(&conn, &held.path, settings.into_iter().chain([mode]))?;
    Ok(Copier { conn, files: Arc::clone(&held.files) })
}

/// Keeps a statement as it was planned first: otherwise SQLite plans it anew whenever what is bound to a range changes.
fn prepare_once(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

/// Opens `path` for short reads beside the writer.
pub(crate) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    prepare_once(&conn)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", READER_CACHE_KIB)?;
    Ok(conn)
}

/// What SQLite said, without the path.
fn told(error: &OpenError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Makes an empty file for its owner alone.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// The file `name` with `suffix` after its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path with its directory resolved: SQLite is told to follow no link, and the directory may be one.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(parent.canonicalize()?.join(name))
}

fn canonical(path: &Path) -> Result<PathBuf, OpenError> {
    resolve(path).map_err(|source| OpenError::Directory { path: path.to_owned(), source })
}

/// Takes the lock, polling: a killed process can hold it for a moment while the kernel ends its I/O.
pub(crate) fn lock(path: &Path, wait: Duration) -> Result<File, OpenError> {
    let name = beside(path, ".lock");
    let failed = |source| OpenError::File { path: name.clone(), source };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name)
        .map_err(failed)?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if started.elapsed() < wait => thread::sleep(LOCK_POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Held {
                    path: path.to_owned(),
                    lock: name,
                    waited_secs: wait.as_secs(),
                });
            }
        }
    }
}

/// Creates the journal when it is missing and takes every right of others away.
///
/// Runs before SQLite opens the file: closing any descriptor of it later would drop SQLite's own locks.
fn protect(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return make(path),
        Err(source) => return Err(failed(source)),
    };
    if !meta.is_file() {
        return Err(OpenError::NotAJournal { path: path.to_owned() });
    }
    if meta.permissions().mode() & 0o777 != 0o600 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    }
    Ok(())
}

/// Makes an empty journal beside `path` and moves it there whole.
///
/// Until it is moved nothing of it is worth keeping, so SQLite need not sync its steps: a first start waits for the
/// disk twice instead of some ten times.
fn make(path: &Path) -> Result<(), OpenError> {
    let new = beside(path, ".new");
    let failed = |source| OpenError::File { path: new.clone(), source };
    for left_behind in ["", "-wal", "-shm", "-journal"].map(|suffix| beside(&new, suffix)) {
        match fs::remove_file(&left_behind) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    create(&new).map_err(failed)?;
    empty(&new).map_err(|source| OpenError::Sqlite { path: new.clone(), source })?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Makes an empty journal of the empty file at `path`, and closes it; nothing is synced.
fn empty(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut conn = Connection::open_with_flags(path, flags)?;
    let settings = [
        ("page_size", PAGE_BYTES.to_string()),
        ("synchronous", "0".to_owned()),
        ("journal_mode", "memory".to_owned()),
    ];
    set(&conn, &settings)?;
    schema::migrate(&mut conn, 0)?;
    set(&conn, &[("journal_mode", "wal".to_owned())])?;
    conn.close().map_err(|(_, error)| error)
}

pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn connect(path: &Path, max_bytes: i64) -> Result<Connection, OpenError> {
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotAJournal { path: path.to_owned() },
        _ => OpenError::Sqlite { path: path.to_owned(), source },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(BUSY).map_err(failed)?;
    conn.set_prepared_statement_cache_capacity(64);
    prepare_once(&conn).map_err(failed)?;

    conn.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed)?;
    let found = format(&conn).map_err(failed)?;
    let found = match found {
        Format::Empty => 0,
        Format::Journal(found) if found > FORMAT => {
            return Err(OpenError::Newer { path: path.to_owned(), found, known: FORMAT });
        }
        Format::Journal(found) => found,
        Format::Other => return Err(OpenError::NotAJournal { path: path.to_owned() }),
    };
    let settings = [
        ("journal_mode", "wal".to_owned()),
        ("synchronous", "2".to_owned()),
        // The writer checkpoints itself: SQLite's own checkpoint after a commit hides a failed sync.
        ("wal_autocheckpoint", "0".to_owned()),
        ("journal_size_limit", WAL_KEPT_BYTES.to_string()),
        ("cache_size", WRITER_CACHE_KIB.to_string()),
        ("mmap_size", "0".to_owned()),
        ("trusted_schema", "0".to_owned()),
    ];
    set(&conn, &settings).map_err(failed)?;
    schema::migrate(&mut conn, found).map_err(failed)?;
    conn.pragma_update_and_check(None, "max_page_count", max_bytes / PAGE_BYTES, |_| Ok(()))
        .map_err(failed)?;

    // What the writer starts from: a cursor that is wrong is found here.
    Ledger::default().load(&conn).map_err(failed)?;

    let page_size = ("page_size", PAGE_BYTES.to_string());
    check_settings(&conn, path, settings.into_iter().chain([page_size]))?;
    Ok(conn)
}

fn set(conn: &Connection, settings: &[(&'static str, String)]) -> rusqlite::Result<()> {
    settings.iter().try_for_each(|(name, value)| {
        conn.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(quiet)
    })
}

/// Reads the settings back: one that was not taken is no setting.
fn check_settings(
    conn: &Connection,
    path: &Path,
    settings: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<(), OpenError> {
    for (name, wanted) in settings {
        let found = schema::setting(conn, name)
            .map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })?;
        if found != wanted {
            return Err(OpenError::Setting { path: path.to_owned(), setting: name, wanted, found });
        }
    }
    Ok(())
}

/// Some PRAGMAs answer with their new value and some with nothing.
fn quiet(error: rusqlite::Error) -> rusqlite::Result<()> {
    match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    }
}

/// What a file says it is.
pub(crate) enum Format {
    /// Nothing yet.
    Empty,
    /// A journal of this format.
    Journal(i64),
    /// Something of somebody else.
    Other,
}

/// Reads the marks of a file.
pub(crate) fn format(conn: &Connection) -> rusqlite::Result<Format> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version = schema::number(conn, "user_version")?;
    Ok(match schema::number(conn, "application_id")? {
        id if schema::application_id(version) == Some(id) => Format::Journal(version),
        0 if tables == 0 && version == 0 => Format::Empty,
        _ => Format::Other,
    })
}

pub(crate) const BUSY: Duration = Duration::from_secs(1);
const LOCK_POLL: Duration = Duration::from_millis(20);
const READER_CACHE_KIB: i64 = -768; // negative: KiB, not pages
const WRITER_CACHE_KIB: i64 = -2048;
const WAL_KEPT_BYTES: i64 = 64 << 20;
