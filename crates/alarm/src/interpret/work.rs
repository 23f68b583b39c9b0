//! What one entry does to the problems, and what is told of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use compact_str::format_compact;
use ids::Timestamp;
use smallvec::SmallVec;

use super::problems::{FORMS, LATE_MICROS, Phase, Problem, Problems, forms_key, micros, raise_key, row_key};
use super::{Effects, Known, Occasion, Scratch};
use crate::catalogue::Role;
use crate::text::shortened;
use crate::{AlarmKey, Alert, Audience, RaisedAs, Rules, State, StateKey, StateValue};

mod again;
mod due;

pub(super) use again::told;
use again::{ended, fill_from, resummarise};

/// One entry being interpreted.
pub(super) struct Work<'a> {
    pub(super) known: &'a Known,
    pub(super) rules: &'a Rules,
    /// Whether the directory names anything at all.
    pub(super) named: bool,
    pub(super) effects: &'a mut Effects,
    /// How many alerts there were before it that something told.
    of_events: u64,
    problems: &'a mut Problems,
    scratch: &'a mut Scratch,
    /// What this entry changed already, and where in the effects that stands.
    changed: BTreeMap<StateKey, usize>,
}

/// What is told, stateless.
pub(super) struct News {
    pub(super) alert: Alert,
    /// When it happened, as it says.
    pub(super) time: Option<Timestamp>,
    /// When it came.
    pub(super) at: Timestamp,
    pub(super) count: u64,
    /// Whether it is told again, with more known.
    pub(super) update: bool,
    /// Whether the relay asked for it: then it only ends or confirms what is open.
    pub(super) reconcile: bool,
}

impl News {
    /// When it happened, or else came, in microseconds.
    fn when(&self) -> i64 {
        self.time.unwrap_or(self.at).micros()
    }

    /// Whether it happened before `changed`, and by little: a time that is far off is rather wrong than late.
    fn is_late(&self, changed: i64) -> bool {
        let behind = changed.saturating_sub(self.when());
        self.time.is_some() && !self.reconcile && behind > 0 && behind <= LATE_MICROS
    }
}

/// Writes the summary of an alert whose fields are complete.
pub(super) type Summarise<'a> = &'a dyn Fn(&mut Alert);

impl<'a> Work<'a> {
    pub(super) fn new(
        known: &'a Known,
        rules: &'a Rules,
        named: bool,
        problems: &'a mut Problems,
        scratch: &'a mut Scratch,
        effects: &'a mut Effects,
    ) -> Self {
        let of_events = of_events(effects);
        Self { known, rules, named, effects, of_events, problems, scratch, changed: BTreeMap::new() }
    }

    pub(super) fn finish(self) {
        let of_events = of_events(self.effects) - self.of_events;
        self.effects.remarks.alerts.add(Occasion::Event, of_events);
    }

    /// The state under `key`, as this entry has left it so far.
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        match self.changed.get(key) {
            Some(place) => self.effects.state[*place].1.as_deref(),
            None => self.known.get(key).map(SmallVec::as_slice),
        }
    }

    pub(super) fn set(&mut self, key: StateKey, value: Option<StateValue>) {
        match self.changed.entry(key) {
            Entry::Occupied(place) => self.effects.state[*place.get()].1 = value,
            Entry::Vacant(place) => {
                self.effects.state.push((place.key().clone(), value));
                place.insert(self.effects.state.len() - 1);
            }
        }
    }

    /// The number of the problem with this key, while it is there.
    pub(super) fn open_number(&self, key: &AlarmKey) -> Option<u64> {
        self.problems.find(key).filter(|(_, problem)| !problem.is_gone()).map(|(number, _)| number)
    }

    /// What is told of a problem, or of none.
    pub(super) fn take(&mut self, role: Role, news: News, summarise: Summarise<'_>) {
        match role {
            Role::Raises => self.raise(news, summarise),
            Role::Clears => self.clear(news, summarise),
            Role::Tells if news.reconcile => self.effects.remarks.unchanged += 1,
            Role::Tells => {
                let mut alert = news.alert;
                alert.count = news.count;
                self.mute(&mut alert, news.at);
                self.tell(alert, State::Event, summarise);
            }
        }
    }

    fn raise(&mut self, news: News, summarise: Summarise<'_>) {
        let Some((number, problem)) = self.problems.find(&news.alert.key) else {
            match news.reconcile {
                true => self.effects.remarks.unchanged += 1,
                false => self.open(news, Vec::new(), summarise),
            }
            return;
        };
        let mut problem = problem.clone();
        if problem.is_gone() {
            if news.reconcile {
                self.effects.remarks.unchanged += 1;
                return;
            }
            if news.is_late(problem.changed) {
                if problem.untold {
                    self.effects.remarks.damped += 1;
                } else {
                    self.late(news, summarise);
                }
                return;
            }
            self.forget(number);
            self.open(news, problem.raises, summarise);
            return;
        }
        problem.hear(news.at.micros());
        if news.reconcile {
            self.effects.remarks.unchanged += 1;
            self.keep(number, problem);
            return;
        }
        problem.changed = problem.changed.max(news.when());
        problem.count = match news.update {
            true => problem.count.max(news.count),
            false => problem.count.saturating_add(news.count),
        };
        let mut alert = news.alert;
        let known_form = is_told_as(&problem, &alert.topic, &alert.kind);
        if let Some(before) = if known_form { None } else { self.told(number, &problem) } {
            fill_from(&mut alert, &before);
        }
        alert.count = problem.count;
        alert.last_seen =
            alert.last_seen.max(alert.first_seen).max(Timestamp::from_micros(problem.last_seen));
        alert.first_seen = alert.first_seen.min(Timestamp::from_micros(problem.first_seen));
        problem.first_seen = alert.first_seen.micros();
        problem.last_seen = alert.last_seen.micros();
        let held = matches!(problem.phase, Phase::Held(_));
        let damped = held || matches!(problem.phase, Phase::Flapping { .. });
        if let Phase::Flapping { there } = &mut problem.phase {
            *there = true;
        }
        if damped {
            self.effects.remarks.damped += 1;
        } else {
            self.mute(&mut alert, news.at);
            if alert.audience.is_all() {
                problem.muted = None;
            }
        }
        if held || !damped {
            problem.take_form(&alert);
        }
        let mut alert = finished(alert, State::Raised, summarise);
        if held || !known_form {
            self.keep_raise(number, &problem, &mut alert);
        }
        if !damped {
            self.effects.alerts.push(alert);
        }
        self.keep(number, problem);
    }

    /// A problem that was not there a moment ago; `raises` are earlier ones, for flapping.
    fn open(&mut self, news: News, mut raises: Vec<i64>, summarise: Summarise<'_>) {
        self.make_room(news.at);
        let (at, changed) = (news.at.micros(), news.when());
        let number = self.problems.next_number(at);
        let mut alert = news.alert;
        alert.count = news.count;
        let rule = self.rules.damping(&alert);
        let flapping = rule.and_then(|rule| rule.flapping);
        let window = flapping.map_or(0, |(_, window)| micros(window));
        raises.retain(|raise| at - raise <= window);
        if flapping.is_some() {
            raises.push(at);
        }
        let mut phase = match rule.and_then(|rule| rule.hold_down) {
            Some(hold) => Phase::Held(at.saturating_add(micros(hold))),
            None => Phase::Open,
        };
        if let Some((times, within)) = flapping.filter(|(times, _)| raises.len() >= *times as usize) {
            phase = Phase::Flapping { there: true };
            let calm = within.as_secs();
            alert.reason = format_compact!(
                "flapping: raised {times} times within {calm} s; its end is told once it is calm for as long{}{}",
                if alert.reason.is_empty() { "" } else { "; " },
                alert.reason
            );
        }
        let held = matches!(phase, Phase::Held(_));
        let muted = if held { None } else { self.mute(&mut alert, news.at) };
        let mut alert = finished(alert, State::Raised, summarise);
        let mut problem = Problem {
            key: alert.key,
            phase,
            changed,
            heard: at,
            repeated: at,
            first_seen: alert.first_seen.micros(),
            last_seen: alert.last_seen.micros(),
            count: alert.count,
            severity: alert.severity,
            forms: Arc::default(),
            muted,
            raises,
            expiring: false,
            flap_micros: window,
            untold: false,
        };
        problem.take_form(&alert);
        self.keep_raise(number, &problem, &mut alert);
        if !held {
            self.effects.alerts.push(alert);
        }
        self.keep(number, problem);
    }

    fn clear(&mut self, news: News, summarise: Summarise<'_>) {
        let found = self.problems.find(&news.alert.key).map(|(number, problem)| (number, problem.clone()));
        let Some((number, mut problem)) = found else {
            match news.reconcile {
                true => self.effects.remarks.unchanged += 1,
                false => self.end_of_nothing(None, news, summarise),
            }
            return;
        };
        let raise = self.told(number, &problem);
        if problem.is_gone() {
            if news.reconcile {
                self.effects.remarks.unchanged += 1;
                return;
            }
            if problem.untold {
                self.effects.remarks.damped += 1;
                return;
            }
            if problem.forms.is_empty() {
                self.end_of_nothing(Some((number, problem)), news, summarise);
                return;
            }
            // told by another topic, or once more: what it ended is still known
            let mut alert = ended(news.alert, raise.as_ref(), &problem);
            if let Some(window) = &problem.muted {
                alert.audience = Audience::Exempt { window: window.to_string() };
            }
            self.tell(alert, State::Cleared, summarise);
            return;
        }
        if news.reconcile && news.time.is_none_or(|time| time.micros() < problem.changed) {
            // a search finds what ended it the last time, too
            self.effects.remarks.unchanged += 1;
            return;
        }
        if news.is_late(problem.changed) {
            self.late(news, summarise);
            return;
        }
        // what Mist says of a device lags behind what it posts: it makes nothing late
        if !news.reconcile {
            problem.changed = problem.changed.max(news.when());
        }
        problem.hear(news.at.micros());
        match &mut problem.phase {
            Phase::Held(_) => {
                self.effects.remarks.damped += 2;
                // how often it was raised still counts, and another topic may tell the same
                problem.phase = Phase::Gone;
                problem.untold = true;
                self.keep(number, problem);
            }
            Phase::Flapping { there } => {
                *there = false;
                self.effects.remarks.damped += 1;
                self.keep(number, problem);
            }
            Phase::Open | Phase::Gone => {
                let mut alert = ended(news.alert, raise.as_ref(), &problem);
                if let Some(window) = &problem.muted {
                    alert.audience = Audience::Exempt { window: window.to_string() };
                }
                problem.last_seen = alert.last_seen.micros();
                self.tell(alert, State::Cleared, summarise);
                problem.phase = Phase::Gone;
                self.keep(number, problem);
            }
        }
    }

    /// The end of what was not there. It is remembered for a while, as far as there is room: what ended may be told
    /// behind it.
    fn end_of_nothing(&mut self, before: Option<(u64, Problem)>, news: News, summarise: Summarise<'_>) {
        let (at, when) = (news.at.micros(), news.when());
        let mut alert = news.alert;
        alert.count = news.count;
        let muted = self.mute(&mut alert, news.at);
        let known = before.is_some();
        let (number, mut problem) = before.unwrap_or_else(|| {
            let problem = Problem {
                key: alert.key,
                phase: Phase::Gone,
                changed: when,
                heard: at,
                repeated: at,
                first_seen: alert.first_seen.micros(),
                last_seen: alert.last_seen.micros(),
                count: alert.count,
                severity: alert.severity,
                forms: Arc::default(),
                muted,
                raises: Vec::new(),
                expiring: false,
                flap_micros: 0,
                untold: false,
            };
            (self.problems.next_number(at), problem)
        });
        self.tell(alert, State::Cleared, summarise);
        problem.changed = problem.changed.max(when);
        problem.hear(at);
        if !known && self.problems.len() >= self.rules.max_open {
            let Some(oldest) = self.problems.oldest_gone() else { return };
            self.forget(oldest);
        }
        self.keep(number, problem);
    }

    /// What is told too late to change anything, and still happened.
    fn late(&mut self, news: News, summarise: Summarise<'_>) {
        let mut alert = news.alert;
        alert.count = news.count;
        self.mute(&mut alert, news.at);
        self.tell(alert, State::Event, summarise);
    }

    /// Counts an alert that nothing told just now.
    fn timely(&mut self, occasion: Occasion) {
        self.effects.remarks.alerts.add(occasion, 1);
    }

    /// Writes the summary and tells it.
    fn tell(&mut self, alert: Alert, state: State, summarise: Summarise<'_>) {
        self.effects.alerts.push(finished(alert, state, summarise));
    }

    /// Keeps an alert from the sinks that a window mutes; the window's name.
    fn mute(&self, alert: &mut Alert, at: Timestamp) -> Option<Box<str>> {
        if alert.is_own() {
            return None;
        }
        let window = self.rules.window(alert, at)?;
        alert.audience = Audience::Exempt { window: window.name.clone() };
        Some(window.name.as_str().into())
    }

    /// The raise of a problem, as it would be told now.
    fn told(&self, number: u64, problem: &Problem) -> Option<Alert> {
        told(self.get(&raise_key(number))?, problem)
    }

    fn keep(&mut self, number: u64, problem: Problem) {
        let known = self.problems.number(number).map(|known| &known.forms);
        let told_anew = known.map_or(!problem.forms.is_empty(), |known| !Arc::ptr_eq(known, &problem.forms));
        if told_anew {
            let forms = self.scratch.json(&*problem.forms).into();
            self.set(forms_key(number), Some(forms));
        }
        let row = self.scratch.write(|out| problem.put(out)).into();
        self.set(row_key(number), Some(row));
        self.problems.set(number, problem, self.rules);
    }

    /// Keeps what is said of a raise; `raise` is as it was afterwards.
    fn keep_raise(&mut self, number: u64, problem: &Problem, raise: &mut Alert) {
        let audience = std::mem::replace(&mut raise.audience, Audience::All);
        // what is told again from here has to be whole; of everything else a part of the reason is enough
        let told_again = matches!(problem.phase, Phase::Held(_)) || problem.muted.is_some();
        let value = if told_again || !self.rules.repeats.is_empty() || raise.is_own() {
            StateValue::from_slice(self.scratch.json(raise))
        } else {
            let part = shortened(&raise.reason, KEPT_REASON_CHARS).into();
            let reason = std::mem::replace(&mut raise.reason, part);
            let summary = std::mem::take(&mut raise.summary);
            let value = StateValue::from_slice(self.scratch.json(raise));
            (raise.reason, raise.summary) = (reason, summary);
            value
        };
        raise.audience = audience;
        self.set(raise_key(number), Some(value));
    }

    fn forget(&mut self, number: u64) {
        self.problems.remove(number);
        self.set(row_key(number), None);
        self.set(raise_key(number), None);
        self.set(forms_key(number), None);
    }
}

/// How many alerts are counted under no other occasion.
fn of_events(effects: &Effects) -> u64 {
    let timely = effects.remarks.alerts.iter().filter(|(occasion, _)| *occasion != Occasion::Event);
    effects.alerts.len() as u64 - timely.map(|(_, count)| count).sum::<u64>()
}

/// An alert whose fields are complete, with its state and its summary.
fn finished(mut alert: Alert, state: State, summarise: Summarise<'_>) -> Alert {
    alert.state = state;
    summarise(&mut alert);
    alert
}

/// How much of a reason is kept with a problem, in characters.
const KEPT_REASON_CHARS: usize = 256;

impl Problem {
    /// Remembers in which form a raise was told.
    fn take_form(&mut self, raise: &Alert) {
        self.severity = raise.severity;
        let same = |form: &RaisedAs| {
            form.topic == raise.topic && form.kind == raise.kind && form.severity == raise.severity
        };
        if self.forms.len() < FORMS && !self.forms.iter().any(same) {
            Arc::make_mut(&mut self.forms).push(RaisedAs::of(raise));
        }
    }
}

/// Whether the raise of a problem was told by this topic under this type.
pub(super) fn is_told_as(problem: &Problem, topic: &str, kind: &str) -> bool {
    problem.forms.iter().any(|form| form.topic == topic && form.kind == kind)
}
