//! The files: made, kept, refused, looked at.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use fogbell_journal::{AppendError, InspectError, OpenError, Priority, inspect};

use super::*;

/// Everything that can be seen of a directory and its files but when they were last read.
pub(super) fn listing(directory: &Path) -> BTreeMap<String, (u64, u64, i64, i64, u32, u32)> {
    let facts = |meta: fs::Metadata| {
        (meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec(), meta.mode(), meta.uid())
    };
    let mut listing = BTreeMap::from([(".".to_owned(), facts(fs::metadata(directory).unwrap()))]);
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        listing.insert(entry.file_name().into_string().unwrap(), facts(entry.metadata().unwrap()));
    }
    listing
}

fn names(place: &Place) -> Vec<String> {
    listing(place.directory.path()).into_keys().collect()
}

#[tokio::test]
async fn a_new_journal_is_its_owners_alone() {
    let place = Place::new();
    let journal = place.open();
    journal.append(record("in"), Priority::Normal).await.unwrap();

    assert_eq!(names(&place), [".", "journal.db", "journal.db-shm", "journal.db-wal", "journal.db.lock"]);
    for (name, (.., mode, _)) in listing(place.directory.path()).into_iter().skip(1) {
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn what_a_first_start_that_was_cut_off_left_is_no_obstacle() {
    let place = Place::new();
    for left in ["journal.db.new", "journal.db.new-wal", "journal.db.new-journal"] {
        fs::write(place.directory.path().join(left), "half a journal").unwrap();
    }

    let journal = place.open();
    journal.append(record("in"), Priority::Normal).await.unwrap();
    journal.close().await.unwrap();

    assert_eq!(names(&place), [".", "journal.db", "journal.db.lock"]);
}

#[tokio::test]
async fn rights_of_others_are_taken_away() {
    let place = Place::new();
    place.open().close().await.unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();

    place.open().close().await.unwrap();

    assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_closed_journal_is_one_file() {
    let place = Place::new();
    let journal = place.open();
    journal.append(record("in"), Priority::Normal).await.unwrap();
    journal.close().await.unwrap();

    assert_eq!(names(&place), [".", "journal.db", "journal.db.lock"]);
}

#[test]
fn a_second_open_is_refused_while_the_first_lasts() {
    let mut place = Place::new();
    place.options.lock_wait = Duration::from_millis(50);
    let journal = place.open();

    let refused = Journal::open(&place.path(), &place.options).unwrap_err();

    assert!(matches!(refused, OpenError::Held { .. }), "{refused}");
    assert!(refused.to_string().starts_with("another fogbell holds"), "{refused}");
    journal.blocking_close().unwrap();
    place.open().blocking_close().unwrap();
}

#[tokio::test]
async fn a_reader_that_is_left_keeps_the_lock() {
    let mut place = Place::new();
    place.options.lock_wait = Duration::from_millis(50);
    let journal = place.open();
    journal.append(record("in"), Priority::Normal).await.unwrap();
    let mut reader = journal.reader(Log::Inbox).unwrap();
    journal.close().await.unwrap();

    let refused = Journal::open(&place.path(), &place.options).unwrap_err();
    assert!(matches!(refused, OpenError::Held { .. }), "{refused}");
    assert_eq!(reader.read(Position::ZERO, 10, 1000).unwrap().len(), 1);
    drop(reader);
    place.open().close().await.unwrap();
}

#[test]
fn an_open_waits_for_the_one_before() {
    let place = Place::new();
    let first = place.open();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| place.open());
        drop(first);
        second.join().unwrap().blocking_close().unwrap();
    });
}

#[test]
fn a_directory_that_is_missing_is_named() {
    let place = Place::new();
    let refused = Journal::open(&place.directory.path().join("no/j.db"), &place.options).unwrap_err();

    assert!(matches!(refused, OpenError::Directory { .. }), "{refused}");
    assert_eq!(names(&place), ["."]);
}

#[test]
fn a_newer_format_is_refused_in_clear_words_and_left_alone() {
    let place = Place::new();
    place.open().blocking_close().unwrap();
    place.sql().pragma_update(None, "user_version", 4).unwrap();
    place.sql().pragma_update(None, "application_id", 0x6662_4a34).unwrap();
    let before = fs::read(place.path()).unwrap();

    let refused = Journal::open(&place.path(), &place.options).unwrap_err().to_string();
    let unseen = inspect(&place.path()).unwrap_err().to_string();

    assert!(refused.contains("has format 4, this version knows up to 3"), "{refused}");
    assert!(unseen.contains("has format 4, this version knows up to 3"), "{unseen}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_file_of_somebody_else_is_refused_and_left_alone() {
    let sqlite = |place: &Place| place.sql().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let text =
        |place: &Place| fs::write(place.path(), "not a database, but long enough to be read as one").unwrap();
    for write in [&sqlite as &dyn Fn(&Place), &text] {
        let place = Place::new();
        write(&place);
        let before = fs::read(place.path()).unwrap();

        let refused = Journal::open(&place.path(), &place.options).unwrap_err();
        let unseen = inspect(&place.path()).unwrap_err();

        assert!(matches!(refused, OpenError::NotAJournal { .. }), "{refused:?}");
        assert!(matches!(unseen, InspectError::NotAJournal { .. }), "{unseen:?}");
        assert_eq!(fs::read(place.path()).unwrap(), before);
    }
}

#[test]
fn a_file_with_another_page_size_is_refused() {
    let place = Place::new();
    place.open().blocking_close().unwrap();
    let sql = place.sql();
    sql.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM").unwrap();
    drop(sql);

    let refused = Journal::open(&place.path(), &place.options).unwrap_err();

    assert_eq!(
        refused.to_string().split_once("does not take ").unwrap().1,
        "page_size = 16384, it stays 4096"
    );
}

#[tokio::test]
async fn a_journal_whose_file_is_gone_stops() {
    let place = Place::new();
    let journal = place.open();
    journal.append(record("in"), Priority::Normal).await.unwrap();
    fs::rename(place.path(), place.directory.path().join("elsewhere.db")).unwrap();

    journal.tick();
    let halted = journal.halted().await;

    assert_eq!(halted.to_string(), "the journal stopped: finding its file failed");
    assert_eq!(journal.append(record("in"), Priority::Own).await, Err(AppendError::Halted));
    assert!(!journal.writable());
    assert!(journal.close().await.is_err());
}

#[tokio::test]
async fn looking_at_a_journal_changes_no_file() {
    let place = Place::new();
    let journal = place.open();
    journal.register("interpret", keeps_all(Log::Inbox)).await.unwrap();
    for _ in 0..3 {
        journal.append(record("in"), Priority::Normal).await.unwrap();
    }
    let lives = listing(place.directory.path());
    assert!(matches!(inspect(&place.path()), Err(InspectError::Held { .. })));
    assert_eq!(listing(place.directory.path()), lives);

    // What a killed relay leaves: the file and its log, with or without the log's index.
    for with_index in [false, true] {
        let left = TempDir::new().unwrap();
        for suffix in ["", "-wal"].into_iter().chain(with_index.then_some("-shm")) {
            let name = format!("journal.db{suffix}");
            fs::copy(place.directory.path().join(&name), left.path().join(&name)).unwrap();
        }
        let before = listing(left.path());

        let status = inspect(&left.path().join("journal.db")).unwrap();

        assert_eq!((status.inbox.rows, status.cursors[0].behind_records), (3, 3));
        assert!(status.wal_bytes > 0 && status.writer.is_none());
        assert_eq!(listing(left.path()), before, "index: {with_index}");
    }

    journal.close().await.unwrap();
    let stopped = listing(place.directory.path());
    let status = inspect(&place.path()).unwrap();
    assert_eq!((status.inbox.rows, status.inbox.newest.unwrap().position), (3, Position::new(3)));
    assert_eq!(listing(place.directory.path()), stopped);
    assert!(matches!(inspect(&place.directory.path().join("no.db")), Err(InspectError::File { .. })));
}
