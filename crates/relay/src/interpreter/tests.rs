use alarm::{Own, OwnKind, State as Phase};
use journal::{Entry, Options};
use webhook::{Gate, Organisation};

use super::*;
use crate::stop::Stopper;

/// An interpreter over `journal`, as the relay makes it.
fn interpreter(journal: &Journal) -> Interpreter {
    let mut acme = Organisation::new("acme", "/");
    acme.danger_accept_unsigned = true;
    let gate = Gate::new(vec![acme], 1024).expect("a gate");
    let sources = Arc::new(crate::sources::Sources::new([127, 0, 0, 1].into()));
    let metrics = Arc::new(Metrics::new());
    let terms = crate::intake::Terms { gate, body_patience: Duration::from_secs(1), unlisted: None };
    let inbox = Inbox::new(journal.clone(), Arc::clone(&metrics));
    Interpreter {
        journal: journal.clone(),
        opened_at: Position::ZERO,
        intake: Arc::new(Intake::new(
            terms,
            inbox.clone(),
            Arc::clone(&metrics),
            sources,
            Arc::new(crate::trail::Trail::new()),
        )),
        outbox: Arc::new(Outbox::new(Position::ZERO)),
        inbox,
        metrics,
        voice: Voice::new().0,
        rules: watch::channel(Arc::default()).1,
        unnamed: mpsc::channel(1).0,
        unknown: UnknownTypes::default(),
        tops: Arc::new(Tops::new()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_while_it_starts_is_interpreted_once() {
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().expect("a directory");
        let journal = Journal::open(&dir.path().join("journal.db"), &Options::default()).expect("a journal");
        let (stopper, stop) = Stopper::new();

        let running = tokio::spawn(interpreter(&journal).run(stop));
        for number in 0..MESSAGES {
            let (kind, resource) = (OwnKind::SinkBehind, number.to_string());
            let own = Own {
                kind,
                resource,
                state: Phase::Raised,
                text: String::new(),
                count: 0,
                severity: None,
                duration_secs: None,
            };
            journal.append(inbox::own(Timestamp::now(), &own), Priority::Own).await.expect("stored");
        }
        stopper.stop();
        running.await.expect("no panic").expect("read to its end");

        let mut reader = journal.reader(Log::Outbox).expect("an outbox");
        let rows = reader.read(Position::ZERO, 2 * MESSAGES, 1 << 20).expect("readable");
        let counts = rows.iter().map(|entry| match entry {
            Entry::Row(row) => serde_json::from_slice::<Alert>(&row.body).expect("an alert").count,
            Entry::Damaged { .. } => panic!("{entry:?}"),
        });
        assert_eq!(counts.collect::<Vec<_>>(), [1; MESSAGES], "round {round}");
        drop(reader);
        journal.close().await.expect("closed");
    }
}

#[test]
fn what_is_behind_shrinks_while_the_intake_is_busy() {
    let most = [(0, 512), (399, 512), (400, 500), (408, 510), (512, 512), (usize::MAX, 512)];
    for (arrived, expected) in most {
        assert_eq!(entries_at_once(arrived), expected, "{arrived} came in");
    }
}

#[test]
fn a_row_is_its_alert_whether_it_was_written_before_or_is_now() {
    let at = Timestamp::from_micros(7);
    let alert = |number: u8| {
        Alert::new(alarm::AlertId::of(&[&[number]]), alarm::AlarmKey::of(&[]), "alarms", "device_down", at)
    };
    let alerts: Vec<Alert> = (0..5).map(alert).collect();
    let mut stored = thread::Stored::default();
    stored.add(&alerts[..1]);
    stored.add(&alerts[1..3]);

    let (rows, told) = rows(&mut alerts.clone().into_iter(), &mut stored.into_bodies(), 9);

    assert_eq!(
        told.iter().map(|(alert, _)| alert.as_ref()).collect::<Vec<_>>(),
        alerts.iter().collect::<Vec<_>>()
    );
    for ((row, (_, bytes)), alert) in rows.iter().zip(told).zip(&alerts) {
        assert_eq!((row.at, row.body.len()), (9, bytes));
        assert_eq!(serde_json::from_slice::<Alert>(&row.body).unwrap(), *alert);
    }
}

/// How often it starts, so that something comes in at the wrong moment, and how much.
const ROUNDS: usize = 40;
const MESSAGES: usize = 12;
