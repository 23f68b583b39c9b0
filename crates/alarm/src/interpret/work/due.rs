//! What time does to the problems: held ones are told, old ones expire, those that are still there are told again.

use compact_str::format_compact;
use ids::Timestamp;

use super::{Work, ended, finished, resummarise};
use crate::interpret::problems::{Phase, Problem, micros};
use crate::{Alert, AlertId, Audience, Occasion, Origin, State};

impl Work<'_> {
    /// Does what is due at this time.
    pub(in crate::interpret) fn tick(&mut self, at: Timestamp) {
        for number in self.problems.due_at(at.micros()) {
            let Some(problem) = self.problems.number(number).cloned() else { continue };
            match self.told(number, &problem) {
                Some(raise) => self.due(number, problem, raise, at),
                // its row is damaged, so that there is nothing to say
                None => self.give_up(number, &problem),
            }
        }
    }

    fn due(&mut self, number: u64, mut problem: Problem, mut alert: Alert, at: Timestamp) {
        let now = at.micros();
        let expired = problem.expires(self.rules) <= now;
        match problem.phase {
            Phase::Gone => self.forget(number),
            Phase::Held(_) => {
                problem.phase = Phase::Open;
                problem.repeated = now;
                problem.muted = self.mute(&mut alert, at);
                let mut alert = finished(alert, State::Raised, &resummarise);
                self.keep_raise(number, &problem, &mut alert);
                self.effects.alerts.push(alert);
                self.keep(number, problem);
            }
            // the relay knows of itself whether it is over
            _ if expired && alert.is_own() => {
                problem.hear(now);
                self.keep(number, problem);
            }
            _ if expired && !problem.expiring => {
                problem.expiring = true;
                problem.heard = problem.heard.max(now.saturating_sub(micros(self.rules.expire_after)));
                self.keep(number, problem);
            }
            _ if expired => {
                let why = format!("nothing was heard of it for {} s", self.rules.expire_after.as_secs());
                self.timely(Occasion::Expired);
                self.expire(number, problem, &alert, at, &why);
            }
            Phase::Flapping { there: true } if problem.heard.saturating_add(problem.flap_micros) > now => {
                self.unmute(&mut problem, &alert, at);
                self.keep(number, problem);
            }
            Phase::Flapping { there } => {
                if there {
                    problem.phase = Phase::Open;
                    problem.repeated = now;
                    self.keep(number, problem);
                } else {
                    let mut end = ended(alert.clone(), Some(&alert), &problem);
                    end.id = AlertId::of(&[alert.id.bytes(), b"calm", &now.to_be_bytes()]);
                    end.reason = format_compact!("calm for {} s", problem.flap_micros / 1_000_000);
                    if let Some(window) = &problem.muted {
                        end.audience = Audience::Exempt { window: window.to_string() };
                    }
                    self.timely(Occasion::Calm);
                    self.tell(end, State::Cleared, &resummarise);
                    problem.phase = Phase::Gone;
                    self.keep(number, problem);
                }
            }
            Phase::Open => self.remind(number, problem, alert, at),
        }
    }

    /// Tells again of a problem that is still there: to those whom a window had kept from knowing, and to those who
    /// want to be told again.
    fn remind(&mut self, number: u64, mut problem: Problem, alert: Alert, at: Timestamp) {
        let now = at.micros();
        self.unmute(&mut problem, &alert, at);
        if problem.muted.is_none() {
            let due = self.rules.repeats.iter().filter(|every| problem.next_repeat(number, **every) <= now);
            for every_secs in due.copied().collect::<Vec<_>>() {
                let mut again = alert.clone();
                again.audience = Audience::Repeat { every_secs };
                self.timely(Occasion::Repeat);
                self.tell(again, State::Raised, &resummarise);
            }
        }
        problem.repeated = now;
        self.keep(number, problem);
    }

    /// Tells those whom a window had kept from knowing, once it is over and unless another one has begun.
    fn unmute(&mut self, problem: &mut Problem, alert: &Alert, at: Timestamp) {
        let ended = |window: &mut Box<str>| self.rules.window_end(window) <= at;
        if let Some(window) = problem.muted.take_if(ended) {
            let mut again = alert.clone();
            again.audience = Audience::All;
            problem.muted = self.mute(&mut again, at);
            if problem.muted.is_none() {
                again.audience = Audience::Muted { window: window.into() };
                self.timely(Occasion::WindowOver);
                self.tell(again, State::Raised, &resummarise);
            }
        }
    }

    /// Ends a problem of which nobody says that it is still there.
    fn expire(&mut self, number: u64, mut problem: Problem, alert: &Alert, at: Timestamp, why: &str) {
        let mut end = ended(alert.clone(), Some(alert), &problem);
        end.id = AlertId::of(&[alert.id.bytes(), b"expired", &number.to_be_bytes()]);
        end.origin = Origin::Expired;
        end.last_seen = at.max(end.first_seen);
        end.duration_secs = Some(end.last_seen.since(end.first_seen).as_secs());
        end.reason = why.into();
        if let Some(window) = &problem.muted {
            end.audience = Audience::Exempt { window: window.to_string() };
        }
        self.tell(end, State::Cleared, &resummarise);
        problem.phase = Phase::Gone;
        problem.heard = at.micros();
        self.keep(number, problem);
    }

    /// Makes room for one more problem: the oldest one goes, and is said to.
    pub(super) fn make_room(&mut self, at: Timestamp) {
        while self.problems.len() >= self.rules.max_open.max(1)
            && let Some(number) = self.problems.oldest()
        {
            let Some(problem) = self.problems.number(number).cloned() else { return };
            if !problem.is_gone()
                && let Some(raise) = self.told(number, &problem)
            {
                let why =
                    format!("more than {} problems are open, and this is the oldest", self.rules.max_open);
                self.timely(Occasion::NoRoom);
                self.expire(number, problem.clone(), &raise, at, &why);
            }
            self.give_up(number, &problem);
        }
    }

    /// Forgets a problem whose raise may be held: then nobody is told of it any more.
    fn give_up(&mut self, number: u64, problem: &Problem) {
        self.effects.remarks.damped += u64::from(problem.is_held());
        self.forget(number);
    }
}
