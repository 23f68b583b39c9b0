//! Which sites and types made the most alerts in the last hour and the last day.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alarm::Alert;

/// Counts alerts by site and by type, in memory that is bounded whatever comes.
#[derive(Debug)]
pub(crate) struct Tops(Mutex<[Window; 2]>);

/// One time that is looked back on, in steps.
#[derive(Debug)]
struct Window {
    step: Duration,
    steps: usize,
    /// The newest first, each with when it began.
    counts: VecDeque<(Instant, Counts)>,
}

#[derive(Debug, Default)]
struct Counts {
    sites: HashMap<Box<str>, u64>,
    types: HashMap<Box<str>, u64>,
}

/// What made the most alerts: name and count, most first.
pub(super) type Top = Vec<(String, u64)>;

impl Tops {
    pub(crate) fn new() -> Self {
        let window =
            |secs: u64, steps| Window { step: Duration::from_secs(secs), steps, counts: VecDeque::new() };
        Self(Mutex::new([window(300, 12), window(3600, 24)]))
    }

    /// Counts what was made at `now`; what the relay says of itself has no site.
    pub(crate) fn add(&self, alerts: &[Alert], now: Instant) {
        for window in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let counts = window.now(now);
            // what comes in a storm is most often of one type and one site
            for run in alerts.chunk_by(|one, next| one.kind == next.kind) {
                count(&mut counts.types, &run[0].kind, run.len());
            }
            for run in alerts.chunk_by(|one, next| one.site == next.site) {
                if !run[0].site.is_empty() {
                    count(&mut counts.sites, &run[0].site, run.len());
                }
            }
        }
    }

    /// Sites and types of the last hour, then of the last day.
    pub(super) fn of(&self, now: Instant) -> [(Top, Top); 2] {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.each_mut().map(|window| {
            window.now(now);
            let all = window.counts.iter().map(|(_, counts)| counts);
            (top(all.clone().map(|counts| &counts.sites)), top(all.map(|counts| &counts.types)))
        })
    }
}

impl Window {
    /// The counts of the step that `now` is in.
    fn now(&mut self, now: Instant) -> &mut Counts {
        let old = self.step * u32::try_from(self.steps).unwrap_or(u32::MAX);
        while self.counts.back().is_some_and(|(began, _)| now.saturating_duration_since(*began) >= old) {
            self.counts.pop_back();
        }
        if self.counts.front().is_none_or(|(began, _)| now.saturating_duration_since(*began) >= self.step) {
            self.counts.push_front((now, Counts::default()));
        }
        &mut self.counts.front_mut().expect("one is there now").1
    }
}

fn count(counts: &mut HashMap<Box<str>, u64>, name: &str, more: usize) {
    if let Some(count) = counts.get_mut(name) {
        *count += more as u64;
    } else {
        let name = if counts.len() < MOST_NAMES { name } else { OTHERS };
        *counts.entry(name.into()).or_default() += more as u64;
    }
}

fn top<'a>(counts: impl Iterator<Item = &'a HashMap<Box<str>, u64>>) -> Top {
    let mut sums: HashMap<&str, u64> = HashMap::new();
    for (name, count) in counts.flatten() {
        *sums.entry(name).or_default() += count;
    }
    let mut sums: Top = sums.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    sums.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    sums.truncate(SHOWN);
    sums
}

/// How many names one step remembers; further ones are counted together.
const MOST_NAMES: usize = 256;
const OTHERS: &str = "(others)";

/// How many are shown.
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId};
    use ids::Timestamp;

    use super::*;

    fn alert(kind: &str, site: &str) -> Alert {
        let (id, key) = (AlertId::of(&[]), AlarmKey::of(&[]));
        let mut alert = Alert::new(id, key, "alarms", kind, Timestamp::from_micros(0));
        alert.site = site.into();
        alert
    }

    #[test]
    fn what_made_the_most_comes_first_and_what_is_old_is_forgotten() {
        let (tops, start) = (Tops::new(), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        tops.add(&[alert("down", "HQ"), alert("up", "HQ"), alert("down", "")], at(0));
        tops.add(&[alert("down", "Lab")], at(50));

        let of = |top: &[(&str, u64)]| top.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let all: (Top, Top) = (of(&[("HQ", 2), ("Lab", 1)]), of(&[("down", 3), ("up", 1)]));
        assert_eq!(tops.of(at(59)), [all.clone(), all.clone()]);
        let late: (Top, Top) = (of(&[("Lab", 1)]), of(&[("down", 1)]));
        assert_eq!(tops.of(at(61)), [late, all]);
        assert_eq!(tops.of(at(26 * 60)), [(vec![], vec![]), (vec![], vec![])]);
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let (tops, now) = (Tops::new(), Instant::now());
        let many: Vec<Alert> = (0..1000).map(|n| alert(&format!("t{n}"), &format!("s{n}"))).collect();
        tops.add(&many, now);

        let [(sites, types), _] = tops.of(now);
        assert_eq!((sites[0].clone(), types.len()), ((OTHERS.to_owned(), 744), SHOWN));
        let windows = tops.0.lock().unwrap();
        assert!(windows.iter().all(|window| window.counts[0].1.types.len() == MOST_NAMES + 1));
    }
}
