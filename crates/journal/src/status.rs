//! What there is to know about a journal, from inside or with the relay stopped.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::Serialize;

use crate::files::{self, Format};
use crate::schema::{self, FORMAT, sql};
use crate::{FullReason, InspectError, Log, Position};

/// A journal as it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Status {
    /// Format of the file.
    pub format: i64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of its pages that hold something.
    pub live_bytes: u64,
    /// Most bytes the file may have; unknown when the relay is stopped.
    pub max_bytes: Option<u64>,
    /// Bytes of the write-ahead log beside it.
    pub wal_bytes: u64,
    /// What came in.
    pub inbox: LogStatus,
    /// What has to go out.
    pub outbox: LogStatus,
    /// Every cursor, by name.
    pub cursors: Vec<CursorStatus>,
    /// The writer; `None` when the relay is stopped.
    pub writer: Option<WriterStatus>,
}

/// One log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct LogStatus {
    /// Rows, counted by their ids.
    pub rows: u64,
    /// Their bytes, without the first row.
    pub bytes: u64,
    /// The oldest that is kept.
    pub oldest: Option<Place>,
    /// The newest.
    pub newest: Option<Place>,
}

/// A row's place and time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Place {
    /// Where.
    pub position: Position,
    /// When, microseconds since 1970.
    pub at: i64,
}

/// One cursor.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct CursorStatus {
    /// Its name.
    pub name: String,
    /// The log it reads.
    pub log: Log,
    /// Everything up to and with it is done.
    pub position: Position,
    /// Rows after it, counted by their ids.
    pub behind_records: u64,
    /// Their bytes.
    pub behind_bytes: u64,
    /// When the first of them was made, microseconds since 1970.
    pub oldest_undelivered_at: Option<i64>,
    /// Rows it gave up, ever.
    pub given_up_records: u64,
    /// Their bytes.
    pub given_up_bytes: u64,
    /// Bytes it may be behind.
    pub max_bytes: Option<u64>,
    /// Age its oldest may reach, seconds.
    pub max_age_secs: Option<u64>,
    /// Whether it was registered in this run; `false` when the relay is stopped.
    pub registered: bool,
}

/// The writer of an open journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct WriterStatus {
    /// Whether an append would be taken now.
    pub writable: bool,
    /// Why not.
    pub full: Option<FullReason>,
    /// Transactions since the start.
    pub commits: u64,
    /// Most that shared one of them.
    pub largest_group: u64,
    /// How long the last one took, its sync included, microseconds.
    pub last_commit_micros: u64,
}

/// Looks at the journal of a stopped relay; creates and changes no file, whoever runs it.
///
/// While it looks, it holds the lock shared: a relay that starts meanwhile waits a moment.
///
/// # Errors
///
/// [`InspectError::Held`] when a relay runs; else see [`InspectError`].
pub fn inspect(path: &Path) -> Result<Status, InspectError> {
    let opened = Opened::new(path, false)?;
    let conn = opened.connect()?;
    read(&conn, &opened.path).map_err(|error| opened.failed(error))
}

/// A journal to look at, from outside the relay.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    running: bool,
    _lock: Option<File>,
}

impl Opened {
    /// Takes the lock shared, unless a relay is `running`, which has it.
    pub(crate) fn new(path: &Path, running: bool) -> Result<Self, InspectError> {
        let failed = |source| InspectError::File { path: path.to_owned(), source };
        let path = files::resolve(path).map_err(failed)?;
        let meta = fs::symlink_metadata(&path).map_err(failed)?;
        if !meta.is_file() || meta.len() == 0 {
            return Err(InspectError::NotAJournal { path });
        }
        let lock = match File::open(files::beside(&path, ".lock")) {
            Ok(_) if running => None,
            Ok(lock) => match lock.try_lock_shared() {
                Ok(()) => Some(lock),
                Err(TryLockError::WouldBlock) => return Err(InspectError::Held { path }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { path, running, _lock: lock })
    }

    /// Connects to it for reading; what it holds is a journal this version reads.
    pub(crate) fn connect(&self) -> Result<Connection, InspectError> {
        let connect = || -> rusqlite::Result<(Connection, Format)> {
            let conn = if self.running { files::connect_reader(&self.path)? } else { look(&self.path)? };
            let format = files::format(&conn)?;
            Ok((conn, format))
        };
        match connect().map_err(|error| self.failed(error))? {
            (_, Format::Journal(found)) if found > FORMAT => {
                Err(InspectError::Newer { path: self.path.clone(), found, known: FORMAT })
            }
            (conn, Format::Journal(_)) => Ok(conn),
            (_, Format::Empty | Format::Other) => Err(InspectError::NotAJournal { path: self.path.clone() }),
        }
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> InspectError {
        match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => InspectError::NotAJournal { path: self.path.clone() },
            _ => InspectError::Sqlite { path: self.path.clone(), source },
        }
    }
}

/// Opens the file so that SQLite makes nothing beside it.
///
/// Without a write-ahead log the file is all there is and is read as immutable. With one, SQLite would make
/// a shared index beside it; in exclusive mode it keeps that index in memory instead, and the VFS without
/// locks lets a connection that may only read have that mode. Closing must not checkpoint.
/// Source: SQLite, "Write-Ahead Logging", 8 and 9.
fn look(path: &Path) -> rusqlite::Result<Connection> {
    let log = fs::metadata(files::beside(path, "-wal"));
    let how = if log.is_ok() { "vfs=unix-none" } else { "immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let conn = Connection::open_with_flags(format!("file:{}?{how}", escaped(path)), flags)?;
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// Reads what the file itself knows, in one transaction.
pub(crate) fn read(conn: &Connection, path: &Path) -> rusqlite::Result<Status> {
    let tx = conn.unchecked_transaction()?;
    let [inbox, outbox] = [log(&tx, Log::Inbox)?, log(&tx, Log::Outbox)?];
    let mut statement = tx.prepare(
        "SELECT name, log, position, upto, max_bytes, max_age, lost_records, lost_bytes \
         FROM cursors ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut cursors = Vec::new();
    while let Some(row) = rows.next()? {
        let log = if row.get::<_, i64>(1)? == 0 { Log::Inbox } else { Log::Outbox };
        let end = if log == Log::Inbox { &inbox } else { &outbox };
        let (position, upto): (i64, i64) = (row.get(2)?, row.get(3)?);
        let next = tx.query_row(sql(log).scan, [position, 1], |row| row.get(1)).optional()?;
        cursors.push(CursorStatus {
            name: row.get(0)?,
            log,
            position: Position::from_sql(position),
            behind_records: count(end.tail.saturating_sub(position)),
            behind_bytes: count(end.upto.saturating_sub(upto)),
            oldest_undelivered_at: next,
            given_up_records: count(row.get(6)?),
            given_up_bytes: count(row.get(7)?),
            max_bytes: row.get::<_, Option<i64>>(4)?.map(count),
            max_age_secs: row.get::<_, Option<i64>>(5)?.map(|micros| count(micros / 1_000_000)),
            registered: false,
        });
    }
    let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    Ok(Status {
        format: schema::number(&tx, "user_version")?,
        file_bytes: length(path),
        live_bytes: count(schema::live_bytes(&tx)?),
        max_bytes: None,
        wal_bytes: length(&files::beside(path, "-wal")),
        inbox: inbox.status,
        outbox: outbox.status,
        cursors,
        writer: None,
    })
}

struct End {
    status: LogStatus,
    tail: i64,
    upto: i64,
}

fn log(conn: &Connection, log: Log) -> rusqlite::Result<End> {
    let edge = |sql: &str| {
        conn.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(2)?)))
            .optional()
    };
    let place = |(position, at, _)| Place { position: Position::from_sql(position), at };
    let (first, last) = (edge(sql(log).first)?, edge(sql(log).last)?);
    let (tail, upto) = last.map_or((0, 0), |(position, _, upto)| (position, upto));
    let (oldest, before) = first.map_or((1, 0), |(position, _, upto)| (position, upto));
    let status = LogStatus {
        rows: count(tail + 1 - oldest),
        bytes: count(upto.saturating_sub(before)),
        oldest: first.map(place),
        newest: last.map(place),
    };
    Ok(End { status, tail, upto })
}

/// A path as the path of a `file:` URI.
fn escaped(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;

    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                text.push(char::from(*byte))
            }
            byte => write!(text, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    text
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
