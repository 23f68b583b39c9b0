//! Notices that Mist is not heard any more.
//!
//! A network may be quiet, so silence alone proves nothing: whoever can ask Mist has it send a ping, which must come in
//! like every other webhook. Only where nobody can ask, the silence counts by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alarm::{Own, OwnKind, Severity, State};
use ids::Timestamp;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::problem;
use crate::silence::Pinged;

/// After how long a silence something may be wrong, by organisation.
pub(crate) type Limits = BTreeMap<String, Duration>;

/// The silence of each organisation.
#[derive(Debug, Default)]
pub(super) struct Silences(BTreeMap<String, Silence>);

#[derive(Debug)]
struct Silence {
    /// When it began, or was first looked at, by the steady clock.
    since: Instant,
    /// When it was heard last; `None` before the first look.
    heard: Option<Option<Timestamp>>,
    ping: Ping,
    said: bool,
}

/// Where the ping is that this silence had Mist send.
#[derive(Debug)]
enum Ping {
    None,
    /// Somebody was asked for one.
    Asked(oneshot::Receiver<Pinged>, Instant),
    /// Mist took it.
    Sent(Instant),
    /// It was too late for it, or there was none.
    Missed(Instant),
}

impl Silences {
    /// Remembers from before a restart that it was said of `org`.
    pub(super) fn recall(&mut self, org: &str, now: Instant) {
        let silence = Silence { since: now, heard: None, ping: Ping::None, said: true };
        self.0.insert(org.to_owned(), silence);
    }

    /// Takes back that something was said: it is said again as long as it is so.
    pub(super) fn unsaid(&mut self, own: &Own) {
        if let Some(silence) = self.0.get_mut(&own.resource) {
            silence.said = own.state != State::Raised;
        }
    }

    /// What begins or ends at `now`. `heard` is when an organisation was heard last; `ask` has Mist send a ping.
    pub(super) fn judge(
        &mut self,
        limits: &Limits,
        now: Instant,
        heard: impl Fn(&str) -> Option<Timestamp>,
        mut ask: impl FnMut(&str) -> oneshot::Receiver<Pinged>,
    ) -> Vec<Own> {
        let mut said = Vec::new();
        for (org, silence) in &mut self.0 {
            if silence.said && !limits.contains_key(org) {
                silence.said = false;
                let text = format!("the silence of organisation `{org}` is not watched any more");
                said.push(problem(OwnKind::MistSilent, org, State::Cleared, text));
            }
        }
        self.0.retain(|org, silence| limits.contains_key(org) || silence.said);
        for (org, limit) in limits {
            let heard = heard(org);
            let silence = self.0.entry(org.clone()).or_insert_with(|| Silence {
                since: now,
                heard: None,
                ping: Ping::None,
                said: false,
            });
            said.extend(silence.judge(org, *limit, now, heard, || ask(org)));
        }
        said
    }
}

impl Silence {
    fn judge(
        &mut self,
        org: &str,
        limit: Duration,
        now: Instant,
        heard: Option<Timestamp>,
        ask: impl FnOnce() -> oneshot::Receiver<Pinged>,
    ) -> Option<Own> {
        if self.heard != Some(heard) {
            let first_look = self.heard.replace(heard).is_none();
            (self.since, self.ping) = (now, Ping::None);
            // what was heard before a restart ends nothing that was remembered from then
            if self.said && !first_look {
                self.said = false;
                let text = format!("webhooks of organisation `{org}` come again");
                return Some(problem(OwnKind::MistSilent, org, State::Cleared, text));
            }
        }
        let silent = now.saturating_duration_since(self.since);
        if silent < limit {
            return None;
        }
        let patience = limit.min(PATIENCE);
        let missed = match &mut self.ping {
            Ping::None => {
                self.ping = Ping::Asked(ask(), now);
                None
            }
            Ping::Asked(answer, asked) => match answer.try_recv() {
                Ok(Pinged::Sent) => {
                    self.ping = Ping::Sent(now);
                    None
                }
                Ok(Pinged::NotPossible(why)) => Some((why, Severity::Warning)),
                Err(TryRecvError::Closed) => {
                    Some(("this relay has no API token for it".to_owned(), Severity::Warning))
                }
                Err(TryRecvError::Empty) => {
                    let late = now.saturating_duration_since(*asked) >= patience;
                    late.then(|| ("the API of Mist did not answer".to_owned(), Severity::Warning))
                }
            },
            Ping::Sent(sent) => {
                let late = now.saturating_duration_since(*sent) >= patience;
                late.then(|| (String::new(), Severity::Critical))
            }
            Ping::Missed(since) => {
                // it may come through by now
                if now.saturating_duration_since(*since) >= limit {
                    self.ping = Ping::None;
                }
                None
            }
        };
        let (why, severity) = missed?;
        self.ping = Ping::Missed(now);
        if std::mem::replace(&mut self.said, true) {
            return None;
        }
        let text = match severity {
            Severity::Critical => format!(
                "no webhook of organisation `{org}` came for {} s, and a ping that Mist sent did not come through: check the \
                 firewall, the address translation and the DNS name in front of the relay, and its certificate",
                silent.as_secs()
            ),
            _ => format!(
                "no webhook of organisation `{org}` came for {} s, and Mist could not be asked for a ping ({why}): send one \
                 from the webhook's page in Mist; when it does not come through, check the firewall, the DNS name and the \
                 certificate of the relay",
                silent.as_secs()
            ),
        };
        Some(Own {
            severity: Some(severity),
            duration_secs: Some(silent.as_secs()),
            ..problem(OwnKind::MistSilent, org, State::Raised, text)
        })
    }
}

/// How long a ping may take at most, to be asked for and to come; never longer than the silence itself.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// One organisation that is watched, told what was heard when.
    struct Play {
        silences: Silences,
        start: Instant,
        heard: Option<Timestamp>,
        /// Where the answer to the question for a ping goes, once there was one.
        asked: Option<oneshot::Sender<Pinged>>,
    }

    impl Play {
        fn new() -> Self {
            let mut this =
                Self { silences: Silences::default(), start: Instant::now(), heard: None, asked: None };
            assert_eq!(this.at(0), None);
            this
        }

        fn at(&mut self, secs: u64) -> Option<(State, Option<Severity>)> {
            let limits = Limits::from([("acme".to_owned(), Duration::from_secs(100))]);
            let (now, heard) = (self.start + Duration::from_secs(secs), self.heard);
            let ask = |_: &str| {
                let (sender, receiver) = oneshot::channel();
                self.asked = Some(sender);
                receiver
            };
            let said = self.silences.judge(&limits, now, |_| heard, ask);
            assert!(said.len() <= 1, "{said:?}");
            said.into_iter().next().map(|own| (own.state, own.severity))
        }

        fn answer(&mut self, pinged: Pinged) {
            self.asked.take().expect("it was asked").send(pinged).expect("somebody waits");
        }

        fn hear(&mut self, secs: i64) {
            self.heard = Some(Timestamp::from_micros(secs * 1_000_000));
        }
    }

    const RAISED: (State, Option<Severity>) = (State::Raised, Some(Severity::Critical));
    const CLEARED: (State, Option<Severity>) = (State::Cleared, None);

    #[test]
    fn a_ping_that_comes_through_says_that_the_network_is_quiet() {
        let mut play = Play::new();
        assert_eq!((play.at(99), play.asked.is_none()), (None, true));
        assert_eq!(play.at(100), None);
        play.answer(Pinged::Sent);
        assert_eq!(play.at(101), None);
        play.hear(102);
        assert_eq!((play.at(102), play.at(201)), (None, None));
        assert!(play.asked.is_none(), "it was heard a moment ago");
        assert_eq!((play.at(202), play.asked.is_some()), (None, true));
    }

    #[test]
    fn a_ping_that_does_not_come_is_said_once_and_its_end_too() {
        let mut play = Play::new();
        play.at(100);
        play.answer(Pinged::Sent);
        assert_eq!((play.at(101), play.at(160)), (None, None));
        assert_eq!(play.at(161), Some(RAISED));
        assert_eq!((play.at(162), play.at(260)), (None, None));
        // another ping, which does not come through either
        assert_eq!((play.at(261), play.at(262)), (None, None));
        play.answer(Pinged::Sent);
        assert_eq!((play.at(263), play.at(330)), (None, None));
        play.hear(331);
        assert_eq!((play.at(331), play.at(332)), (Some(CLEARED), None));
    }

    #[test]
    fn without_an_answer_the_silence_alone_counts() {
        let warned = Some((State::Raised, Some(Severity::Warning)));
        let mut play = Play::new();
        play.at(100);
        play.answer(Pinged::NotPossible("the token may only read".to_owned()));
        assert_eq!((play.at(101), play.at(102)), (warned, None));

        let mut play = Play::new();
        play.at(100);
        play.asked = None;
        assert_eq!(play.at(101), warned);

        let mut play = Play::new();
        assert_eq!((play.at(100), play.at(159), play.at(160)), (None, None, warned));
    }

    #[test]
    fn what_was_said_before_a_restart_ends_with_the_first_webhook_and_is_not_said_again() {
        let mut play = Play::new();
        play.silences.recall("acme", play.start);
        play.hear(-500);
        assert_eq!(play.at(0), None, "that one came before the restart");
        play.at(100);
        play.answer(Pinged::NotPossible(String::new()));
        assert_eq!(play.at(101), None);
        play.hear(150);
        assert_eq!((play.at(150), play.at(151)), (Some(CLEARED), None));

        play.silences.recall("acme", play.start);
        let said = play.silences.judge(&Limits::new(), play.start, |_| None, |_| unreachable!());
        assert_eq!(said.len(), 1, "an organisation that is not watched any more");
        assert!(play.silences.0.is_empty() || !play.silences.0["acme"].said);
    }
}
