//! When each sink is to be told that the relay is alive.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use alarm::{Own, OwnKind, State};
use ids::Timestamp;

/// The time between two heartbeats of each sink that wants them.
pub(crate) type Intervals = HashMap<String, Duration>;

/// When each is due.
#[derive(Debug, Default)]
pub(super) struct Heartbeats(HashMap<String, (Duration, Instant)>);

impl Heartbeats {
    /// The sinks for which one is due at `now`; the first is due one interval after the sink is first seen.
    pub(super) fn due(&mut self, intervals: &Intervals, now: Instant) -> Vec<String> {
        self.0.retain(|sink, (every, _)| intervals.get(sink) == Some(every));
        let mut due = Vec::new();
        for (sink, every) in intervals {
            let (_, next) = self.0.entry(sink.clone()).or_insert_with(|| (*every, now + *every));
            if *next <= now {
                // one that is late is not made up for
                *next = if *next + *every > now { *next + *every } else { now + *every };
                due.push(sink.clone());
            }
        }
        due.sort_unstable();
        due
    }
}

/// What a sink is told: who is alive, how far behind it is, and when Mist was heard last.
pub(super) fn heartbeat(
    relay: &str,
    sink: &str,
    waiting: u64,
    heard: Option<Timestamp>,
    now: Timestamp,
) -> Own {
    let heard = heard.map(|heard| now.since(heard).as_secs());
    let depth = match waiting {
        0 => "nothing waits".to_owned(),
        1 => "1 alert waits".to_owned(),
        more => format!("{more} alerts wait"),
    };
    let age = match heard {
        Some(secs) => format!("the last webhook came {secs} s ago"),
        None => "no webhook came yet".to_owned(),
    };
    Own {
        kind: OwnKind::Heartbeat,
        resource: sink.to_owned(),
        state: State::Event,
        text: format!("relay {relay} is alive; {depth} for sink {sink}; {age}"),
        count: waiting,
        severity: None,
        duration_secs: heard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_comes_after_one_interval_and_none_is_made_up_for() {
        let mut beats = Heartbeats::default();
        let intervals = Intervals::from([("noc".to_owned(), 10 * SECOND), ("siem".to_owned(), 25 * SECOND)]);
        let start = Instant::now();
        let mut due = |secs: u32| beats.due(&intervals, start + secs * SECOND);

        assert_eq!(due(0), Vec::<String>::new());
        assert_eq!(due(9), Vec::<String>::new());
        assert_eq!(due(10), ["noc"]);
        assert_eq!(due(19), Vec::<String>::new());
        assert_eq!(due(61), ["noc", "siem"]);
        assert_eq!(due(61), Vec::<String>::new());
        assert_eq!(due(71), ["noc"]);
    }

    #[test]
    fn a_sink_that_changes_its_interval_begins_anew_and_one_that_is_gone_is_forgotten() {
        let mut beats = Heartbeats::default();
        let every = |secs: u32| Intervals::from([("noc".to_owned(), secs * SECOND)]);
        let start = Instant::now();

        assert_eq!(beats.due(&every(10), start), Vec::<String>::new());
        assert_eq!(beats.due(&every(4), start + 9 * SECOND), Vec::<String>::new());
        assert_eq!(beats.due(&every(4), start + 13 * SECOND), ["noc"]);
        assert_eq!(beats.due(&Intervals::new(), start + 99 * SECOND), Vec::<String>::new());
        assert!(beats.0.is_empty());
    }

    #[test]
    fn it_says_who_is_alive_how_far_behind_the_sink_is_and_when_mist_was_heard() {
        let at = |secs: i64| Timestamp::from_micros(secs * 1_000_000);
        let own = heartbeat("relay-a", "noc", 3, Some(at(100)), at(142));
        assert_eq!(
            own.text,
            "relay relay-a is alive; 3 alerts wait for sink noc; the last webhook came 42 s ago"
        );
        assert_eq!((own.count, own.duration_secs), (3, Some(42)));

        let own = heartbeat("relay-a", "noc", 0, None, at(142));
        assert_eq!(own.text, "relay relay-a is alive; nothing waits for sink noc; no webhook came yet");
        assert_eq!((own.count, own.duration_secs), (0, None));
    }
}
