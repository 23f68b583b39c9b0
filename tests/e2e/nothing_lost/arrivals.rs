//! What came out at a sink, and whether that is what had to.

use std::collections::{HashMap, HashSet};

use e2e::{Line, Trap};

use super::load::{Told, number_in};

/// An alert as a receiver saw it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Arrival {
    /// The alert's id, the same in a repeat.
    pub(crate) id: String,
    /// Its type.
    pub(crate) kind: String,
    /// Whether it is `raised`, `cleared` or an `event`.
    pub(crate) state: String,
    /// The name of the device.
    pub(crate) device: String,
    /// Mist's category; in an alert of the relay's own, the sink it is about.
    pub(crate) category: String,
    /// How many things it is about.
    pub(crate) count: u64,
    /// Its place in the relay's outbox.
    pub(crate) sequence: u64,
}

/// What a sink got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Figures {
    /// Different messages.
    pub(crate) messages: usize,
    /// Arrivals of messages that had arrived before.
    pub(crate) repeats: usize,
    /// Messages that were answered 200 and have not arrived.
    pub(crate) lost: usize,
    /// Messages that arrived behind one that was posted later.
    pub(crate) overtaken: usize,
    /// Those of them behind which that other one never came again.
    pub(crate) misplaced: usize,
}

impl Arrival {
    /// The number of the message it came from; `None` for an alert of the relay's own.
    pub(crate) fn number(&self) -> Option<u64> {
        number_in(&self.device)
    }
}

impl From<&Line> for Arrival {
    fn from(line: &Line) -> Self {
        let text = |name: &str| parameter(&line.data, name).unwrap_or_default().to_owned();
        let number =
            |name: &str| parameter(&line.data, name).map_or(0, |value| value.parse().expect("a number"));
        Self {
            id: text("id"),
            kind: text("type"),
            state: text("state"),
            device: text("device"),
            category: text("category"),
            count: number("count"),
            sequence: number("seq"),
        }
    }
}

impl From<&Trap> for Arrival {
    fn from(trap: &Trap) -> Self {
        let text = |object: u32| trap.text(&format!("{OBJECTS}.{object}.0")).unwrap_or_default();
        let number = |object: u32| text(object).parse().expect("a number");
        let state = match text(4).as_str() {
            "1" => "raised",
            "2" => "cleared",
            _ => "event",
        };
        Self {
            id: text(2),
            kind: text(8),
            state: state.to_owned(),
            device: text(15),
            category: text(10),
            count: number(24),
            sequence: number(27),
        }
    }
}

/// The value of a parameter in structured data; none that is asked for here holds a quote.
fn parameter<'a>(data: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = data.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Whether every message answered 200 is among `arrivals`.
pub(crate) fn has_all(arrivals: &[Arrival], told: &Told) -> bool {
    let arrived: HashSet<u64> = arrivals.iter().filter_map(Arrival::number).collect();
    told.acknowledged().all(|number| arrived.contains(&number))
}

/// Checks what `sink` got: every message answered 200, nothing that was never posted, one id for one message,
/// and the first arrivals of each connection's messages in the order they were posted.
///
/// # Panics
///
/// When any of that is not so.
pub(crate) fn judge(sink: &str, arrivals: &[Arrival], told: &Told) -> Figures {
    let figures = judge_what_came(sink, arrivals, told);
    assert_eq!(figures.lost, 0, "{sink}: acknowledged messages are lost");
    figures
}

/// The same, but for the first: what did not arrive is counted, and its first numbers are printed.
pub(crate) fn judge_what_came(sink: &str, arrivals: &[Arrival], told: &Told) -> Figures {
    let figures = account(sink, arrivals, told);
    assert_eq!(figures.overtaken, 0, "{sink}: not in the order they were posted");
    figures
}

/// The same, where what was overtaken is counted too.
///
/// The connection of a killed relay may still hold lines that its receiver has not read when the next relay's
/// connection brings the ones behind them. Each connection has its lines in their order, so that what overtook
/// comes once more behind what it had overtaken. Of informs that are sent side by side one may be lost and sent again.
pub(crate) fn account(sink: &str, arrivals: &[Arrival], told: &Told) -> Figures {
    let mut ids: HashMap<u64, &str> = HashMap::new();
    let mut messages: HashMap<&str, u64> = HashMap::new();
    // the first and the last of each
    let mut places: HashMap<u64, (usize, usize)> = HashMap::new();
    let mut repeats = 0;
    for (place, arrival) in arrivals.iter().enumerate() {
        let Some(number) = arrival.number() else { continue };
        assert!(told.was_posted(number), "{sink}: {number} arrived and was never posted: {arrival:?}");
        if places.contains_key(&number) {
            repeats += 1;
        }
        places.entry(number).or_insert((place, place)).1 = place;
        let id = *ids.entry(number).or_insert(&arrival.id);
        assert_eq!(id, arrival.id, "{sink}: {number} was repeated under another id");
        let message = *messages.entry(&arrival.id).or_insert(number);
        assert_eq!(message, number, "{sink}: two messages under one id: {arrival:?}");
    }
    let (mut overtaken, mut misplaced) = (0, 0);
    for acknowledged in told.by_connection() {
        let mut before = None;
        for number in acknowledged {
            let Some((first, last)) = places.get(number) else { continue };
            if let Some((earlier, its)) = before
                && its > first
            {
                eprintln!("{sink}: {number} arrived before {earlier}, which was posted before it");
                overtaken += 1;
                misplaced += usize::from(its > last);
            }
            before = Some((number, first));
        }
    }
    let lost: Vec<u64> = told.acknowledged().filter(|number| !places.contains_key(number)).collect();
    if !lost.is_empty() {
        eprintln!("{sink}: {} did not arrive, first {:?}", lost.len(), &lost[..lost.len().min(SHOWN)]);
    }
    Figures { messages: places.len(), repeats, lost: lost.len(), overtaken, misplaced }
}

/// Where FOGBELL-MIB has its objects.
const OBJECTS: &str = ".1.3.6.1.4.1.32473.1.1";

/// Numbers of lost messages that are printed.
const SHOWN: usize = 20;
