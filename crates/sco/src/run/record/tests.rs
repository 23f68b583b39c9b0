use std::fs;

use proptest::prelude::*;

use super::*;
use crate::RouterName;

fn header() -> Header {
    Header {
        run: RunId::at(Timestamp::now(), 1),
        plan: "sha256:0000000000000000000000000000000000000000000000000000000000000001".parse().unwrap(),
        program: "fogpilot 0.0.0".into(),
        options: Vec::new(),
    }
}

fn router(number: usize) -> RouterName {
    format!("store-{number}").parse().unwrap()
}

fn entry(number: usize) -> Entry {
    match number % 4 {
        0 => Entry::Wave { wave: number, what: WaveEntry::Intent { values: vec![value("a")] } },
        1 => Entry::Router {
            router: router(number),
            what: RouterEntry::Failed(Failure { step: "token".into(), why: "ümlaut \"quoted\"\n".into() }),
        },
        2 => Entry::Wave { wave: number, what: WaveEntry::Reverted },
        _ => Entry::Resumed { options: vec!["--parallel=4".into()] },
    }
}

fn value(before: &str) -> IntendedValue {
    IntendedValue {
        path: crate::config::ConfigPath::new(&["authority", "router", "store-1", "name"]),
        sha256: ValueHash::of(b"x"),
        before: Some(before.into()),
    }
}

/// A record with so many entries, and its bytes.
fn written(entries: usize) -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::create(folder.path(), header()).unwrap();
    (0..entries).for_each(|number| record.add(entry(number)).unwrap());
    let bytes = fs::read(record.path()).unwrap();
    (folder, bytes)
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

#[test]
fn what_was_added_is_read_again_and_added_to() {
    let (folder, bytes) = written(4);
    let opened = Record::open(folder.path()).unwrap();
    assert_eq!(opened.cut, None);
    opened.record.add(entry(4)).unwrap();

    let entries = Record::entries(folder.path()).unwrap();

    assert_eq!(
        entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>(),
        (0..5).map(entry).collect::<Vec<_>>()
    );
    let progress = Record::read(folder.path()).unwrap();
    assert_eq!((progress.starts, progress.waves.len(), progress.routers.len()), (2, 3, 1));
    assert!(fs::read(folder.path().join(Record::FILE)).unwrap().starts_with(&bytes));
    for line in lines(&bytes) {
        assert!(serde_json::from_slice::<serde_json::Value>(line).unwrap()["at"].is_i64());
    }
}

#[test]
fn a_record_is_its_owners_alone_and_is_not_begun_twice() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, bytes) = written(1);
    let mode = fs::metadata(folder.path().join(Record::FILE)).unwrap().permissions().mode();

    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(Record::create(folder.path(), header()), Err(RecordError::Io { what: "create", .. })));
    assert_eq!(fs::read(folder.path().join(Record::FILE)).unwrap(), bytes);
}

#[test]
fn nothing_is_promised_after_a_write_that_failed() {
    let (folder, _) = written(1);
    let record = Record::open(folder.path()).unwrap().record;
    record.state().file = File::open(record.path()).unwrap(); // not for writing
    let failed = record.add(entry(0)).unwrap_err();
    record.state().file = OpenOptions::new().append(true).open(record.path()).unwrap();

    assert!(matches!(failed, RecordError::Io { what: "write", .. }), "{failed}");
    assert!(matches!(record.add(entry(0)), Err(RecordError::Broken { .. })));
}

#[test]
fn what_stood_somewhere_before_the_first_intent_is_what_stood_there() {
    let (folder, _) = written(0);
    let record = Record::open(folder.path()).unwrap().record;
    for before in ["first", "second"] {
        record.wave(0, WaveEntry::Intent { values: vec![value(before)] }).unwrap();
    }
    let wave = record.progress().wave(0);
    assert_eq!(wave.intent.values().next().unwrap().before.as_deref(), Some("first"));
}

#[test]
fn a_version_that_is_not_known_is_told() {
    let (folder, bytes) = written(0);
    let text = String::from_utf8(bytes).unwrap().replace("\"fogbell_record\":1", "\"fogbell_record\":2");
    // with a sum that fits
    let rest = text.split_once(",\"at\"").unwrap().1;
    let json = format!("{{\"at\"{}", rest.trim_end());
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let (line, _) = line::written_for_tests(&value);
    fs::write(folder.path().join(Record::FILE), line).unwrap();

    assert!(matches!(Record::open(folder.path()), Err(RecordError::Version { found: 2, .. })));
}

#[test]
fn a_line_whose_end_is_damaged_is_not_taken_for_a_torn_one() {
    for entries in [1, 3] {
        let (folder, mut bytes) = written(entries);
        let end = bytes.len() - lines(&bytes)[entries].len() - 1;
        bytes[end] = b' ';
        fs::write(folder.path().join(Record::FILE), &bytes).unwrap();

        let error = Record::open(folder.path()).unwrap_err();
        assert!(matches!(error, RecordError::Damaged { line, .. } if line == entries), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever of the last line is missing, the others are read, and more can be added.
    #[test]
    fn a_torn_end_is_cut_off_and_said(entries in 1_usize..6, keep in any::<prop::sample::Index>(), zeros in 0_usize..3) {
        let (folder, bytes) = written(entries);
        let path = folder.path().join(Record::FILE);
        let last = lines(&bytes)[entries].len();
        let keep = keep.index(last);
        let mut torn = bytes[..bytes.len() - last + keep].to_vec();
        torn.resize(torn.len() + zeros, 0);
        fs::write(&path, &torn).unwrap();

        let read = Record::read(folder.path()).unwrap();
        prop_assert_eq!(fs::read(&path).unwrap(), torn, "reading changes nothing");
        let opened = Record::open(folder.path()).unwrap();

        let cut = (keep + zeros > 0).then_some(Cut { line: entries + 1, bytes: keep + zeros });
        prop_assert_eq!(opened.cut, cut);
        prop_assert_eq!(read.last, opened.record.progress().last);
        opened.record.add(entry(entries)).unwrap();
        let found: Vec<Entry> = Record::entries(folder.path()).unwrap().into_iter().map(|(_, entry)| entry).collect();
        let expect: Vec<Entry> = (0..entries - 1).chain([entries]).map(entry).collect();
        prop_assert_eq!(found, expect);
    }

    /// Whatever byte of an earlier line is another, the line is named and nothing is changed.
    #[test]
    fn a_damaged_line_is_named(entries in 1_usize..6, at in any::<prop::sample::Index>(), xor in 1_u8..=255) {
        let (folder, mut bytes) = written(entries);
        let path = folder.path().join(Record::FILE);
        let last = lines(&bytes)[entries].len();
        let at = at.index(bytes.len() - last);
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        bytes[at] ^= xor;
        fs::write(&path, &bytes).unwrap();

        let error = Record::open(folder.path()).unwrap_err();

        prop_assert!(matches!(error, RecordError::Damaged { line: found, .. } if found == line), "{line}: {error}");
        prop_assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    /// A line that is missing, or that stands elsewhere, is found.
    #[test]
    fn a_line_that_was_moved_or_lost_is_found(entries in 3_usize..7, from in any::<prop::sample::Index>(), drop in any::<bool>()) {
        let (folder, bytes) = written(entries);
        let mut moved = lines(&bytes);
        let from = 1 + from.index(entries - 2);
        if drop { drop_line(&mut moved, from) } else { moved.swap(from, from + 1) }
        fs::write(folder.path().join(Record::FILE), moved.concat()).unwrap();

        let error = Record::open(folder.path()).unwrap_err();
        prop_assert!(matches!(error, RecordError::Damaged { line, .. } if line == from + 1), "{from}: {error}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(Record::FILE), bytes).unwrap();
        prop_assert!(Record::read(folder.path()).is_err());
    }
}

fn drop_line(lines: &mut Vec<&[u8]>, at: usize) {
    lines.remove(at);
}
