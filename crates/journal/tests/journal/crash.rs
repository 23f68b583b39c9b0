//! A journal whose process is killed, and one whose disk fails under it.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fogbell_journal::{AppendError, FullReason, Notice, Priority, inspect};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::*;

/// Set for the child, which runs the same test: the journal's path.
const CHILD: &str = "FOGBELL_JOURNAL_CHILD";

const KILLS: u64 = 5;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    if let Some(path) = env::var_os(CHILD) {
        return append_forever(Path::new(&path));
    }
    let place = Place::new();
    let mut promised = Vec::new();
    for round in 0..KILLS {
        let mut child =
            child("nothing_acknowledged_is_lost_when_the_process_is_killed", &place, "exec \"$0\" \"$@\"");
        let answers = promises(&mut child);
        // Another place of the turn each time.
        for promise in answers.take(200 + 37 * usize::try_from(round).unwrap()) {
            promised.push(promise);
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let before = files::listing(place.directory.path());
        let seen = inspect(&place.path()).unwrap();
        assert_eq!(files::listing(place.directory.path()), before);
        assert!(seen.inbox.newest.unwrap().position >= *promised.last().unwrap());
    }

    let journal = place.open();
    let kept = rows(&journal, Log::Inbox);

    assert!(promised.len() >= 1000, "{}", promised.len());
    assert_eq!(kept.len() as u64, kept.last().unwrap().position.number(), "no row is missing in between");
    for promise in promised {
        let row = &kept[usize::try_from(promise.number()).unwrap() - 1];
        assert_eq!(row.position, promise);
    }
}

#[test]
fn a_write_that_is_refused_is_a_full_disk_and_heals() {
    if let Some(path) = env::var_os(CHILD) {
        return append_beyond_a_limit(Path::new(&path));
    }
    let place = Place::new();
    // A soft limit of file sizes makes the write of a transaction fail with EFBIG.
    let limited = "trap '' XFSZ; ulimit -S -f 4096; exec \"$0\" \"$@\"";
    let mut child = child("a_write_that_is_refused_is_a_full_disk_and_heals", &place, limited);
    let promised: Vec<_> = promises(&mut child).collect();
    let status = child.wait().unwrap();

    assert_eq!(status.code(), Some(HEALED));
    assert!(promised.len() > 20, "{}", promised.len());
    let kept = rows(&place.open(), Log::Inbox);
    assert_eq!(kept.last().unwrap().position, *promised.iter().max().unwrap());
    assert_eq!(kept.len(), promised.len(), "what was refused is not there");
}

/// Appends until the limit is reached, raises it, and appends again.
fn append_beyond_a_limit(path: &Path) {
    let options = Options { free_bytes: 0, ..Options::default() };
    let journal = Journal::open(path, &options).unwrap();
    let append = || {
        let told = journal.blocking_append(record(vec![b'x'; 15_000]), Priority::Normal);
        let line = |position: &Position| format!("promised {position}.\n");
        told.inspect(|position| std::io::stdout().lock().write_all(line(position).as_bytes()).unwrap())
    };
    while append().is_ok() {}
    assert_eq!(append(), Err(AppendError::Full));
    assert!(!journal.writable());
    assert_eq!(journal.notices().take(), [Notice::Full(FullReason::Disk)]);

    let mut limit = getrlimit(Resource::Fsize);
    limit.current = limit.maximum;
    setrlimit(Resource::Fsize, limit).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while append().is_err() {
        assert!(Instant::now() < deadline);
        journal.tick();
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(journal.writable());
    for _ in 0..10 {
        append().unwrap();
    }
    journal.blocking_close().unwrap();
    std::process::exit(HEALED);
}

/// Runs this test program again for one test, under `script`.
fn child(test: &str, place: &Place, script: &str) -> Child {
    Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("crash::{test}"), "--nocapture"])
        .env(CHILD, place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn promises(child: &mut Child) -> impl Iterator<Item = Position> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().filter_map(|line| {
        let line = line.unwrap();
        let number = line.strip_prefix("promised ")?.strip_suffix('.')?;
        Some(Position::new(number.parse().unwrap()))
    })
}

/// Appends from several tasks and says what was promised, until the journal stops.
fn append_forever(path: &Path) {
    let options = Options { free_bytes: 0, ..Options::default() };
    let journal = Journal::open(path, &options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let journal = journal.clone();
            runtime.spawn(async move {
                loop {
                    match journal.append(record(vec![b'x'; 1500]), Priority::Normal).await {
                        // One write for a line, so that a kill does not cut it.
                        Ok(position) => {
                            let line = format!("promised {position}.\n");
                            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                        }
                        Err(AppendError::Halted) => return,
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
        let halted = journal.halted().await;
        assert!(halted.to_string().ends_with("failed"), "{halted}");
    });
    std::process::exit(HALTED);
}

const HALTED: i32 = 42;
const HEALED: i32 = 43;
