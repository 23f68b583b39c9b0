//! The journal against a model of it that is a few vectors, reopening as one of the operations.

use std::collections::{BTreeMap, VecDeque};

use fogbell_journal::{CursorError, Priority, ROW_BYTES, Start};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;

const INTERPRET: &str = "interpret";
const SINKS: [&str; 3] = ["noc", "siem", "lab"];
const SHARES: [Option<u64>; 3] = [None, Some(3_000), Some(500)];

#[derive(Clone, Debug)]
enum Op {
    Append { bytes: usize, own: bool },
    Commit { alerts: Vec<usize>, entries: u64, state: Vec<(u8, Option<u8>)>, forget: Option<(u8, u8)> },
    Advance { sink: usize, rows: u64 },
    Register { sink: usize, now: bool },
    Forget { sink: usize },
    Tick,
    Close,
    Drop,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..3000_usize, any::<bool>()).prop_map(|(bytes, own)| Op::Append { bytes, own }),
        6 => (vec(0..900_usize, 0..4), 0..4_u64, state(), weighted(0.1, any::<(u8, u8)>())).prop_map(
            |(alerts, entries, state, forget)| Op::Commit { alerts, entries, state, forget }
        ),
        3 => (0..3_usize, 0..5_u64).prop_map(|(sink, rows)| Op::Advance { sink, rows }),
        2 => (0..3_usize, any::<bool>()).prop_map(|(sink, now)| Op::Register { sink, now }),
        1 => (0..3_usize).prop_map(|sink| Op::Forget { sink }),
        1 => Just(Op::Tick),
        1 => Just(Op::Close),
        1 => Just(Op::Drop),
    ]
}

/// A few values, or so many that they are put off.
fn state() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    let one = || (any::<u8>(), weighted(0.8, any::<u8>()));
    prop_oneof![vec(one(), 0..4), vec(one(), 30..80)]
}

#[derive(Default)]
struct Model {
    state: BTreeMap<Vec<u8>, Bytes>,
    inbox: VecDeque<Bytes>,
    outbox: VecDeque<Bytes>,
    interpreted: u64,
    sinks: BTreeMap<usize, Sink>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sink {
    at: u64,
    lost: u64,
}

impl Model {
    fn behind(&self, sink: &Sink) -> u64 {
        let rows = self.outbox.iter().skip(usize::try_from(sink.at).unwrap());
        rows.map(|body| body.len() as u64 + ROW_BYTES).sum()
    }

    fn give_up(&mut self) {
        for (name, mut sink) in self.sinks.clone() {
            while SHARES[name].is_some_and(|share| self.behind(&sink) > share) {
                sink.at += 1;
                sink.lost += 1;
            }
            self.sinks.insert(name, sink);
        }
    }
}

fn body(model: &Model, bytes: usize) -> Bytes {
    let seed = model.inbox.len() * 31 + model.outbox.len();
    (0..bytes).map(|at| u8::try_from((seed + at) % 251).unwrap()).collect()
}

async fn apply(place: &Place, journal: Journal, model: &mut Model, op: Op) -> Journal {
    match op {
        Op::Append { bytes, own } => {
            let body = body(model, bytes);
            let priority = if own { Priority::Own } else { Priority::Normal };
            model.inbox.push_back(body.clone());
            let expect = Position::new(model.inbox.len() as u64);
            assert_eq!(journal.append(record(body), priority).await, Ok(expect));
        }
        Op::Commit { alerts, entries, state, forget } => {
            let to = model.interpreted + entries;
            let bodies: Vec<_> = alerts.into_iter().map(|bytes| body(model, bytes)).collect();
            let key = |key: u8| vec![b's', key];
            let value = |value: u8| Bytes::from(vec![value; usize::from(value)]);
            let changed = state.into_iter().map(|(at, to)| (Bytes::from(key(at)), to.map(value)));
            let state: Vec<_> = changed.chain([("at".into(), Some(to.to_string().into()))]).collect();
            let forget: Vec<_> = forget.into_iter().map(|(from, to)| key(from)..key(to)).collect();
            let alerts = bodies.iter().cloned().map(alert).collect();
            let told = journal
                .commit(Commit {
                    state: state.clone(),
                    forget: forget.clone(),
                    ..commit(INTERPRET, Position::new(to), alerts)
                })
                .await;
            if to > model.inbox.len() as u64 {
                assert!(matches!(told, Err(CursorError::Beyond { .. })), "{told:?}");
            } else {
                model.interpreted = to;
                model.outbox.extend(bodies);
                model.state.retain(|key, _| !forget.iter().any(|range| range.contains(key)));
                for (key, value) in state {
                    match value {
                        Some(value) => model.state.insert(key.into(), value),
                        None => model.state.remove(&key[..]),
                    };
                }
                assert_eq!(told, Ok(Position::new(model.outbox.len() as u64)));
            }
        }
        Op::Advance { sink, rows } => {
            model.give_up();
            let at = model.sinks.get(&sink).copied().unwrap_or_default().at;
            let told = journal.advance(SINKS[sink], Position::new(at + rows)).await;
            match model.sinks.get_mut(&sink) {
                None => assert!(matches!(told, Err(CursorError::Unknown { .. })), "{told:?}"),
                Some(_) if at + rows > model.outbox.len() as u64 => {
                    assert!(matches!(told, Err(CursorError::Beyond { .. })), "{told:?}");
                }
                Some(sink) => {
                    sink.at += rows;
                    assert_eq!(told, Ok(Position::new(sink.at)));
                }
            }
        }
        Op::Register { sink, now } => {
            let start = if now { Start::Now } else { Start::Oldest };
            let spec = CursorSpec { start, max_bytes: SHARES[sink], ..keeps_all(Log::Outbox) };
            let end = if now { model.outbox.len() as u64 } else { 0 };
            let at = model.sinks.entry(sink).or_insert(Sink { at: end, lost: 0 }).at;
            assert_eq!(journal.register(SINKS[sink], spec).await, Ok(Position::new(at)));
        }
        Op::Forget { sink } => {
            let told = journal.forget(SINKS[sink]).await;
            match model.sinks.remove(&sink) {
                None => assert!(matches!(told, Err(CursorError::Unknown { .. })), "{told:?}"),
                Some(sink) => assert_eq!(told, Ok(Position::new(sink.at))),
            }
        }
        Op::Tick => journal.tick(),
        Op::Close => {
            journal.close().await.unwrap();
            return place.open();
        }
        Op::Drop => {
            drop(journal);
            return place.open();
        }
    }
    journal
}

async fn compare(journal: &Journal, model: &mut Model) {
    // A turn of the writer in which every bound is applied.
    journal.advance(INTERPRET, Position::ZERO).await.unwrap();
    model.give_up();
    let bodies = |log| -> VecDeque<_> { rows(journal, log).into_iter().map(|row| row.body).collect() };
    assert_eq!(bodies(Log::Inbox), model.inbox);
    assert_eq!(bodies(Log::Outbox), model.outbox);
    for (log, rows) in [(Log::Inbox, &model.inbox), (Log::Outbox, &model.outbox)] {
        assert_eq!(*journal.tail(log).borrow(), Position::new(rows.len() as u64));
    }
    let status = journal.status().unwrap();
    let behind = status.cursors.iter().find(|cursor| cursor.name == INTERPRET).unwrap();
    assert_eq!(behind.behind_records, model.inbox.len() as u64 - model.interpreted);
    let sinks: BTreeMap<_, _> = status
        .cursors
        .iter()
        .filter_map(|cursor| {
            let sink = SINKS.iter().position(|name| *name == cursor.name)?;
            let found = Sink { at: cursor.position.number(), lost: cursor.given_up_records };
            assert_eq!(cursor.behind_bytes, model.behind(&found), "{cursor:?}");
            Some((sink, found))
        })
        .collect();
    assert_eq!(sinks, model.sinks);
}

/// The state as `reader` has it, whether it was opened now or is kept since before.
fn compare_state(reader: &mut Reader, model: &Model) {
    let found: Vec<_> = states(reader, 7).into_iter().map(|(key, value)| (key, value.unwrap())).collect();
    assert_eq!(found.len(), model.state.len());
    assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), model.state);
    reader.hold().unwrap();
    for at in (0..=255).step_by(5) {
        let key = vec![b's', at];
        assert_eq!(reader.state(&key).unwrap().as_ref(), model.state.get(&key));
        let last = model.state.range(..key.clone()).next_back().map(|(key, _)| key.clone());
        assert_eq!(reader.last_key(b"".as_slice()..&key).unwrap(), last);
    }
    reader.release().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_journal_does_what_its_model_does(ops in vec(op(), 1..40)) {
        Runtime::new().unwrap().block_on(async {
            let place = Place::new();
            let mut model = Model::default();
            let mut journal = place.open();
            journal.register(INTERPRET, keeps_all(Log::Inbox)).await.unwrap();
            let mut kept = None;
            for op in ops {
                if matches!(op, Op::Close | Op::Drop) {
                    kept = None;
                }
                journal = apply(&place, journal, &mut model, op).await;
                compare(&journal, &mut model).await;
                compare_state(&mut journal.reader(Log::Inbox).unwrap(), &model);
                compare_state(kept.get_or_insert_with(|| journal.reader(Log::Inbox).unwrap()), &model);
            }
        });
    }
}
