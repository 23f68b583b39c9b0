//! One bit flipped anywhere in the files of a stopped journal: every trial opens it, reads it and judges what came.
//!
//! `FOGBELL_LONG=1` does 1,000; what is random follows from a seed that is printed, and `FOGBELL_SEED` repeats it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use fogbell_journal::{AppendError, LOST_CURSORS, Priority};

use super::*;

/// A journal as it was written, and what stands in it.
struct Written {
    files: TempDir,
    /// By log: bodies by position, from the oldest that is kept.
    rows: [BTreeMap<u64, Bytes>; 2],
    /// By name: log and position.
    cursors: BTreeMap<&'static str, (Log, u64)>,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
}

const CURSORS: [(&str, Log); 4] =
    [("@interpret", Log::Inbox), ("noc", Log::Outbox), ("siem", Log::Outbox), ("lab", Log::Outbox)];

fn spec(log: Log) -> CursorSpec {
    CursorSpec {
        start: Start::Now,
        max_bytes: Some(1 << 30),
        max_age: Some(Duration::from_secs(7 * 24 * 3600)),
        ..keeps_all(log)
    }
}

/// Some hundred rows, a few larger than a page, a tenth of them delivered and deleted; `killed` leaves the
/// write-ahead log.
async fn write(killed: bool) -> Written {
    let mut place = Place::new();
    place.options.history = Duration::ZERO;
    let journal = place.open();
    let mut cursors = BTreeMap::new();
    for (name, log) in CURSORS {
        journal.register(name, spec(log)).await.unwrap();
    }
    let mut number = 0_u64;
    let mut more = async |journal: &Journal, count: u64| {
        for _ in 0..count {
            number += 1;
            let bytes = if number.is_multiple_of(40) { 40_000 } else { 400 + number as usize * 37 % 900 };
            let body =
                |log: &str| format!("{{\"{log}\":{number},\"x\":\"{}\"}}", "y".repeat(bytes)).into_bytes();
            let to = journal.append(record(body("in")), Priority::Normal).await.unwrap();
            let key = format!("key-{:04}", number % 60).into_bytes();
            let value = |_| Some(Bytes::from(number.to_string()));
            let mut state = vec![(key.into(), value(0))];
            if number.is_multiple_of(10) {
                // so many that they are put off
                state.extend((0..40).map(|other| (format!("other-{other}").into(), value(other))));
            }
            let alerts = vec![alert(body("out"))];
            journal.commit(Commit { state, ..commit("@interpret", to, alerts) }).await.unwrap();
        }
    };
    more(&journal, 400).await;
    for (name, log) in CURSORS {
        if log == Log::Outbox {
            journal.advance(name, Position::new(150)).await.unwrap();
        }
    }
    until(&journal, || journal.status().unwrap().outbox.oldest.unwrap().position >= Position::new(150)).await;
    journal.close().await.unwrap();
    place.options.history = Duration::from_secs(7 * 24 * 3600);
    let journal = place.open();
    for (name, log) in CURSORS {
        journal.register(name, spec(log)).await.unwrap();
    }
    more(&journal, if killed { 150 } else { 60 }).await;
    journal.advance("noc", Position::new(300)).await.unwrap();
    journal.advance("siem", Position::new(440)).await.unwrap();
    // What was appended and not yet interpreted.
    for _ in 0..20 {
        journal.append(record(vec![b'z'; 700]), Priority::Normal).await.unwrap();
    }
    for cursor in journal.status().unwrap().cursors {
        let (name, log) = *CURSORS.iter().find(|(name, _)| *name == cursor.name).unwrap();
        cursors.insert(name, (log, cursor.position.number()));
    }
    let of = |log| rows(&journal, log).into_iter().map(|row| (row.position.number(), row.body)).collect();
    let kept = [of(Log::Inbox), of(Log::Outbox)];
    let state = journal.reader(Log::Inbox).unwrap().states(&b""[..]..&b"\xff"[..], 1000).unwrap();
    let state = state.into_iter().map(|(key, value)| (key, value.unwrap().to_vec())).collect();
    if !killed {
        journal.close().await.unwrap();
    }
    let files = TempDir::new().unwrap();
    copy(place.directory.path(), files.path());
    Written { files, rows: kept, cursors, state }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// What one trial came to.
#[derive(Debug, Default)]
struct Outcome {
    /// It was opened damaged, at once or after a reader had met the damage.
    salvaged: u64,
    /// Rows that were told to be damaged, or lost by a salvage.
    told: u64,
    /// Rows some cursor still needed that did not come.
    lost: u64,
    /// Rows that came although they had been delivered.
    repeated: u64,
    state_lost: u64,
}

async fn judge(written: &Written, place: &Place) -> Outcome {
    let mut outcome = Outcome::default();
    let mut journal = open(place, &mut outcome);
    let mut lost: BTreeMap<(usize, u64), ()> = BTreeMap::new();
    for (name, log) in CURSORS {
        let rows = &written.rows[usize::from(log == Log::Outbox)];
        let (_, at) = written.cursors[name];
        let found = loop {
            let mut cursor = journal.register(name, spec(log)).await.unwrap();
            let first = cursor.number();
            match read_all(&journal, log, &mut cursor) {
                Ok(found) => break (first, found),
                // The relay exits and is started again.
                Err(_) => {
                    let _halted = journal.close().await;
                    let before = outcome.salvaged;
                    journal = open(place, &mut outcome);
                    assert!(outcome.salvaged > before, "a reader met damage and the next open did not");
                    assert!(outcome.salvaged < 3, "salvaged again and again");
                }
            }
        };
        let (first, found) = found;
        for (position, entry) in &found {
            match entry {
                Some(body) => assert_eq!(rows.get(position), Some(body), "{log} {position} was altered"),
                None => outcome.told += 1,
            }
        }
        outcome.repeated += at.saturating_sub(first);
        for position in rows.range(at + 1..).map(|(position, _)| *position) {
            if found.get(&position).is_none_or(Option::is_none) {
                lost.insert((usize::from(log == Log::Outbox), position), ());
            }
        }
    }
    let _none = journal.forget(LOST_CURSORS).await;
    outcome.lost = lost.len() as u64;
    for (key, value) in &written.state {
        match journal.reader(Log::Inbox).unwrap().state(key) {
            Ok(Some(found)) => assert!(found == *value || outcome.salvaged > 0, "another state"),
            Ok(None) | Err(_) => outcome.state_lost += 1,
        }
    }
    let tail = *written.rows[0].keys().last().unwrap();
    match journal.append(record("next"), Priority::Normal).await {
        Ok(position) => assert!(position.number() > tail, "a position returned"),
        Err(error) => {
            // The writer met it: as for a reader.
            assert_eq!(error, AppendError::Halted);
            let _halted = journal.close().await;
            journal = open(place, &mut outcome);
            assert!(journal.append(record("next"), Priority::Normal).await.unwrap().number() > tail);
        }
    }
    let _closed = journal.close().await;
    outcome
}

fn open(place: &Place, outcome: &mut Outcome) -> Journal {
    let journal = place.open();
    outcome.salvaged += u64::from(journal.salvaged().is_some());
    journal
}

/// Everything after the cursor: bodies, or nothing where a row is damaged.
fn read_all(
    journal: &Journal,
    log: Log,
    cursor: &mut Position,
) -> Result<BTreeMap<u64, Option<Bytes>>, fogbell_journal::ReadError> {
    let mut reader = journal.reader(log)?;
    let mut found = BTreeMap::new();
    loop {
        let entries = reader.read(*cursor, 64, 1 << 20)?;
        let Some(last) = entries.last() else { return Ok(found) };
        *cursor = last.position();
        for entry in entries {
            match entry {
                Entry::Row(row) => {
                    found.insert(row.position.number(), Some(row.body));
                }
                Entry::Damaged { from, to } => {
                    found.extend((from.number()..=to.number()).map(|position| (position, None)));
                }
            }
        }
    }
}

/// A number that follows from the one before.
fn next(seed: &mut u64) -> u64 {
    // splitmix64
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[tokio::test]
async fn a_flipped_bit_costs_at_most_one_record_and_never_alters_one() {
    let long = env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1");
    let flips = if long { 1000 } else { 16 };
    let given = env::var("FOGBELL_SEED").ok().map(|seed| seed.parse().expect("FOGBELL_SEED is a number"));
    let mut seed = given.unwrap_or_else(|| now().unsigned_abs());
    eprintln!("flips: FOGBELL_SEED={seed}");
    let written = [write(false).await, write(true).await];

    let (mut salvaged, mut told, mut lost, mut worst, mut repeated, mut state) = (0, 0, 0, 0, 0, 0);
    let mut most_repeated = 0;
    for flip in 0..flips {
        let written = &written[flip % 2];
        let place = Place::new();
        copy(written.files.path(), place.directory.path());
        let mut files: Vec<_> =
            fs::read_dir(place.directory.path()).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        let sizes = files.iter().map(|file| fs::metadata(file).unwrap().len());
        let total: u64 = sizes.clone().sum();
        // A tenth of the flips hits a head: of the file, of the log, of its first frames.
        let (mut at, bit) = (next(&mut seed) % total, next(&mut seed) % 8);
        let mut file = &files[0];
        if next(&mut seed).is_multiple_of(10) {
            file = &files[next(&mut seed) as usize % files.len().min(2)];
            at = next(&mut seed) % 200;
            if !file.to_string_lossy().ends_with("db") && !file.to_string_lossy().ends_with("-wal") {
                file = &files[0];
            }
        } else {
            for (candidate, size) in files.iter().zip(sizes) {
                file = candidate;
                if at < size {
                    break;
                }
                at -= size;
            }
        }
        let mut bytes = fs::read(file).unwrap();
        bytes[at as usize] ^= 1 << bit;
        fs::write(file, bytes).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();

        let outcome = judge(written, &place).await;

        if outcome.lost > 1 || outcome.repeated > 0 || env::var_os("FOGBELL_FLIPS").is_some() {
            eprintln!("flip {flip}: {name} byte {at} bit {bit}: {outcome:?}");
        }
        salvaged += u64::from(outcome.salvaged > 0);
        told += u64::from(outcome.told > 0);
        lost += outcome.lost;
        worst = worst.max(outcome.lost);
        repeated += u64::from(outcome.repeated > 0);
        most_repeated = most_repeated.max(outcome.repeated);
        state += outcome.state_lost;
    }
    eprintln!(
        "flips: {flips} flips, {salvaged} journals salvaged, {told} with rows told to be damaged, {lost} records lost \
         in all, at most {worst} by one flip, {repeated} flips repeated records (at most {most_repeated}), {state} \
         state values lost"
    );
    // As `cargo xtask faults` reads it.
    let noticed = salvaged + told;
    eprintln!(
        "figures: {{\"flips\": {flips}, \"noticed\": {noticed}, \"salvaged\": {salvaged}, \"lost\": {lost}, \
         \"lost_by_one_flip\": {worst}, \"flips_that_repeated\": {repeated}, \"state_lost\": {state}}}"
    );
    assert!(worst <= 1, "a flip cost {worst} records");
    assert!(salvaged + told > 0, "no flip was noticed");
}
