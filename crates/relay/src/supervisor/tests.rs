use journal::{CursorStatus, LogStatus};

use super::*;

/// A journal whose sinks are behind: name, alerts waiting, seconds the oldest has waited, registered.
pub(super) fn status(sinks: &[(&str, u64, i64, bool)]) -> Status {
    let now = Timestamp::now().micros();
    let cursor = |&(name, behind, secs, registered): &(&str, u64, i64, bool)| CursorStatus {
        name: name.to_owned(),
        log: Log::Outbox,
        position: Position::ZERO,
        behind_records: behind,
        behind_bytes: 100 * behind,
        oldest_undelivered_at: (behind > 0).then_some(now - secs * 1_000_000),
        given_up_records: 0,
        given_up_bytes: 0,
        max_bytes: None,
        max_age_secs: None,
        registered,
    };
    Status {
        format: 1,
        file_bytes: 0,
        live_bytes: 0,
        max_bytes: None,
        wal_bytes: 0,
        inbox: LogStatus::default(),
        outbox: LogStatus::default(),
        cursors: sinks.iter().map(cursor).collect(),
        writer: None,
    }
}

fn said(problems: &mut Problems, sinks: &[(&str, u64, i64, bool)]) -> Vec<(OwnKind, String, State)> {
    let receivers = HashMap::from([("noc".to_owned(), "192.0.2.1:162".to_owned())]);
    let (status, mut ages) = (status(sinks), Ages::default());
    ages.look(&status, Instant::now(), Timestamp::now());
    let said = problems.judge(&status, &ages, &receivers);
    said.into_iter().map(|own| (own.kind, own.resource, own.state)).collect()
}

#[test]
fn a_sink_that_is_behind_is_said_once_and_its_end_too() {
    let mut problems = Problems::default();
    let raised = vec![(OwnKind::SinkBehind, "noc".to_owned(), State::Raised)];
    let cleared = vec![(OwnKind::SinkBehind, "noc".to_owned(), State::Cleared)];

    for (behind, secs, expect) in [
        (0, 0, vec![]),
        (5, 59, vec![]),
        (5, 61, raised.clone()),
        (9, 300, vec![]),
        (9, 40, vec![]),
        (1, 29, cleared.clone()),
        (0, 0, vec![]),
        (1, 61, raised),
        (0, 0, cleared),
    ] {
        assert_eq!(said(&mut problems, &[("noc", behind, secs, true)]), expect, "{behind} alerts, {secs} s");
    }
}

#[test]
fn each_sink_is_judged_by_itself_and_one_that_was_removed_is_ended() {
    let mut problems = Problems::default();

    let begun = said(&mut problems, &[("noc", 1, 61, true), ("siem", 1, 1, true), ("old", 9, 9999, false)]);
    let ended = said(&mut problems, &[("noc", 1, 99, false), ("siem", 1, 1, true)]);

    assert_eq!(begun, [(OwnKind::SinkBehind, "noc".to_owned(), State::Raised)]);
    assert_eq!(ended, [(OwnKind::SinkBehind, "noc".to_owned(), State::Cleared)]);
}

#[test]
fn a_journal_near_its_bound_is_said_once_and_its_end_too() {
    let mut problems = Problems::default();
    let mut judge = |near| {
        problems.bound.near = near;
        problems.judge_bound().map(|own| (own.kind, own.state))
    };

    assert_eq!(judge(false), None);
    assert_eq!(judge(true), Some((OwnKind::JournalNearBound, State::Raised)));
    assert_eq!(judge(true), None);
    assert_eq!(judge(false), Some((OwnKind::JournalNearBound, State::Cleared)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_open_before_a_restart_is_remembered() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("journal.db");
    let journal = Journal::open(&path, &journal::Options::default()).expect("a journal");
    let spec = journal::CursorSpec {
        log: Log::Inbox,
        start: journal::Start::Oldest,
        max_bytes: None,
        max_age: None,
    };
    journal.register("interpreter", spec).await.expect("a cursor");
    let own = problem(OwnKind::SinkBehind, "noc", State::Raised, "t".into());
    let mut interpreter = alarm::Interpreter::default();
    let read = interpreter.read(alarm::Entry::Own { at: Timestamp::now(), own });
    let effects = interpreter.step(&alarm::Known::new(), read);
    let stored = |(key, value): (alarm::StateKey, Option<alarm::StateValue>)| {
        (key.into_vec().into(), value.map(|value| value.into_vec().into()))
    };
    let commit = journal::Commit {
        state: effects.state.into_iter().map(stored).collect(),
        cursor: ("interpreter".into(), Position::ZERO),
        ..journal::Commit::default()
    };
    journal.commit(commit).await.expect("a commit");

    let renamed = HashMap::from([("noc-2".to_owned(), "a".to_owned())]);
    let mut problems = Problems::recall(&journal, &renamed).expect("readable");
    assert_eq!(
        said(&mut problems, &[("noc-2", 0, 0, true)]),
        [(OwnKind::SinkBehind, "noc".to_owned(), State::Cleared)],
        "a sink of which nothing is left, not even a cursor"
    );
    assert_eq!(said(&mut problems, &[("noc-2", 0, 0, true)]), []);

    let receivers = HashMap::from([("noc".to_owned(), "a".to_owned()), ("siem".to_owned(), "b".to_owned())]);
    let mut problems = Problems::recall(&journal, &receivers).expect("readable");

    assert_eq!(
        said(&mut problems, &[("noc", 0, 0, true), ("siem", 0, 0, true)]),
        [(OwnKind::SinkBehind, "noc".to_owned(), State::Cleared)]
    );
    journal.close().await.expect("closed");
}
