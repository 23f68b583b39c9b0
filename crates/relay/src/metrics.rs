//! What is counted, for `/metrics`.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alarm::{Occasion, Remarks, Teller};
use http::StatusCode;
use ids::Timestamp;
use journal::Position;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};
use webhook::Refusal;

mod arrived;
mod labels;
mod tally;

pub(crate) use arrived::Arrived;
pub(crate) use labels::{Closed, SinkLabel};
pub(crate) use tally::{Counters, Fate, Tally};

use arrived::{CUT_OFF, NOT_STORED};
use labels::{
    KindLabel, OccasionLabel, OrgLabel, Reason, RouteLabel, Status, TellerLabel, TopicLabel, Version, Why,
};

/// Every counter and gauge of a relay; nothing is labelled by what a stranger could make up.
///
/// `docs/metrics.md` says what each means and how they add up.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    build: Family<Version, Gauge>,
    tallies: Mutex<HashMap<String, Arc<Tally>>>,
    requests: Counter,
    in_flight: Gauge,
    answers: Family<Status, Counter>,
    refusals: Family<Reason, Counter>,
    connections_closed: Family<Why, Counter>,
    messages: Family<TopicLabel, Counter>,
    last_message: Family<OrgLabel, Gauge<f64, AtomicU64>>,
    unlisted: Family<OrgLabel, Counter>,
    pub(crate) sources_hidden: Gauge,
    stored: Family<KindLabel, Counter>,
    interpreted: Family<KindLabel, Counter>,
    pub(crate) inbox_at_start: Gauge,
    pub(crate) inbox_behind: Gauge,
    events: Family<TellerLabel, Counter>,
    fanned_out: Counter,
    repeated: Counter,
    unchanged: Counter,
    damped: Counter,
    pub(crate) held: Gauge,
    pub(crate) held_at_start: Gauge,
    pub(crate) uninterpretable: Counter,
    alerts: Family<OccasionLabel, Counter>,
    pub(crate) problems_open: Gauge,
    delivered: Family<SinkLabel, Counter>,
    last_delivery: Family<SinkLabel, Gauge<f64, AtomicU64>>,
    not_routed: Family<SinkLabel, Counter>,
    set_aside: Family<SinkLabel, Counter>,
    unreadable: Family<SinkLabel, Counter>,
    given_up: Family<SinkLabel, Counter>,
    waiting_at_start: Family<SinkLabel, Gauge>,
    alerts_before: Family<SinkLabel, Gauge>,
    pub(crate) failures: Family<SinkLabel, Counter>,
    pub(crate) truncated: Family<SinkLabel, Counter>,
    when_errors: Family<RouteLabel, Counter>,
    pub(crate) template_errors: Family<SinkLabel, Counter>,
    behind_alerts: Family<SinkLabel, Gauge>,
    behind_bytes: Family<SinkLabel, Gauge>,
    behind_seconds: Family<SinkLabel, Gauge<f64, AtomicU64>>,
    pub(crate) certificate_expiry: Gauge,
    calls: Family<OrgLabel, Gauge>,
    calls_left: Family<OrgLabel, Gauge>,
    pub(crate) journal_bytes: Gauge,
    pub(crate) journal_writable: Gauge,
    pub(crate) journal_commits: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("fogbell");
        let r = &mut registry;
        let this = Self {
            tallies: Mutex::default(),
            build: made(r, "build_info", "1, with the version"),
            requests: made(r, "requests", "Requests that came for webhooks"),
            in_flight: made(r, "requests_in_flight", "Requests that are not answered yet"),
            answers: made(r, "answers", "Requests answered, by status"),
            refusals: made(r, "refusals", "Requests turned away, by reason"),
            connections_closed: made(
                r,
                "connections_closed",
                "Connections ended other than by an orderly end, by reason",
            ),
            messages: made(r, "messages", "Messages of Mist that were stored, by organisation and topic"),
            last_message: made(
                r,
                "last_message_timestamp_seconds",
                "When the newest message was stored, by organisation, in seconds since 1970",
            ),
            unlisted: made(
                r,
                "signed_unlisted",
                "Messages with a valid signature from an address that is not listed, by organisation; all were refused",
            ),
            sources_hidden: made(
                r,
                "sources_hidden",
                "1 when every message seems to come from one private address",
            ),
            stored: made(r, "inbox_stored", "Entries stored in the inbox, by kind"),
            interpreted: made(r, "inbox_interpreted", "Entries of the inbox that were interpreted, by kind"),
            inbox_at_start: made(r, "inbox_at_start_entries", "Entries not yet interpreted at the start"),
            inbox_behind: made(r, "inbox_behind_entries", "Entries not yet interpreted"),
            events: made(r, "events", "Events told, by who told them"),
            fanned_out: made(
                r,
                "events_fanned_out",
                "What single events tell of further devices, beyond the first",
            ),
            repeated: made(r, "events_repeated", "Events that were told before and are dropped"),
            unchanged: made(
                r,
                "events_unchanged",
                "What Mist answered when it was asked about open problems, and changed nothing",
            ),
            damped: made(r, "damped", "Raises and clears that a damping rule kept back for good"),
            held: made(r, "events_held", "Raises that are held down now"),
            held_at_start: made(r, "events_held_at_start", "Raises that were held down at the start"),
            uninterpretable: made(
                r,
                "uninterpretable",
                "Events that could not be understood; each is an alert",
            ),
            alerts: made(r, "alerts", "Alerts made, by occasion"),
            problems_open: made(r, "problems_open", "Problems that are raised and not cleared"),
            delivered: made(r, "delivered", "Alerts delivered, by sink"),
            last_delivery: made(
                r,
                "last_delivery_timestamp_seconds",
                "When the newest alert was delivered since the start, by sink, in seconds since 1970",
            ),
            not_routed: made(r, "not_routed", "Alerts that no route gives to the sink, by sink"),
            set_aside: made(r, "set_aside", "Alerts the receiver refuses, by sink"),
            unreadable: made(r, "unreadable", "Alerts that are damaged in the journal, by sink"),
            given_up: made(r, "given_up", "Alerts given up because the sink was too far behind, by sink"),
            waiting_at_start: made(
                r,
                "sink_at_start_alerts",
                "Alerts that waited for the sink when it was first served, by sink",
            ),
            alerts_before: made(
                r,
                "sink_before_start_alerts",
                "Alerts made since the relay started and before it first served the sink, by sink",
            ),
            failures: made(r, "delivery_failures", "Attempts that failed, by sink"),
            truncated: made(r, "truncated", "Alerts shortened to fit, by sink"),
            when_errors: made(
                r,
                "route_when_errors",
                "Alerts for which the expression of a route had no value, by route and sink",
            ),
            template_errors: made(
                r,
                "template_errors",
                "Alerts for which a sink's template had no text, by sink",
            ),
            behind_alerts: made(r, "sink_behind_alerts", "Alerts not yet delivered, by sink"),
            behind_bytes: made(r, "sink_behind_bytes", "Bytes not yet delivered, by sink"),
            behind_seconds: made(
                r,
                "sink_behind_seconds",
                "Age of the oldest alert not yet delivered, by sink",
            ),
            certificate_expiry: made(
                r,
                "certificate_expiry_seconds",
                "When the certificate that the listener shows ends, in seconds since 1970",
            ),
            calls: made(
                r,
                "api_calls",
                "Calls to the API that Mist allows the organisation's token in an hour",
            ),
            calls_left: made(
                r,
                "api_calls_left",
                "Calls to the API that are left this hour, by organisation",
            ),
            journal_bytes: made(r, "journal_bytes", "Bytes the journal uses"),
            journal_writable: made(r, "journal_writable", "1 when a message can be promised"),
            journal_commits: made(r, "journal_commits", "Transactions written"),
            registry,
        };
        this.build.get_or_create(&Version { version: env!("CARGO_PKG_VERSION") }).set(1);
        this.begin_at_zero();
        this
    }

    /// A series that is there from the start shows that something never happened.
    fn begin_at_zero(&self) {
        let reasons = Refusal::ALL.into_iter().map(Refusal::reason);
        for reason in reasons.chain([NOT_STORED, CUT_OFF]) {
            drop(self.refusals.get_or_create(&Reason { reason }));
        }
        for occasion in Occasion::ALL {
            drop(self.alerts.get_or_create(&OccasionLabel { occasion: occasion.word() }));
        }
        for teller in Teller::ALL {
            drop(self.events.get_or_create(&TellerLabel { from: teller.word() }));
        }
    }

    /// A request that has come and not ended.
    pub(crate) fn arrived(self: &Arc<Self>) -> Arrived {
        self.requests.inc();
        self.in_flight.inc();
        Arrived { metrics: Arc::clone(self), ended: false }
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.answers.get_or_create(&Status { status: status.as_u16() }).inc();
    }

    pub(crate) fn closed(&self, reason: Closed) {
        self.connections_closed.get_or_create(&Why { reason }).inc();
    }

    /// How many calls to the API are left to `organisation` this hour, of how many.
    pub(crate) fn calls(&self, organisation: &str, left: u32, of: u32) {
        let label = OrgLabel { org: organisation.to_owned() };
        self.calls.get_or_create(&label).set(i64::from(of));
        self.calls_left.get_or_create(&label).set(i64::from(left));
    }

    /// The newest message of `organisation` came at `at`.
    pub(crate) fn message_at(&self, organisation: &str, at: Timestamp) {
        self.last_message.get_or_create(&OrgLabel { org: organisation.to_owned() }).set(seconds(at));
    }

    /// When the newest message of `organisation` came; `None` when there never was one.
    pub(crate) fn last_message(&self, organisation: &str) -> Option<Timestamp> {
        let secs = self.last_message.get_or_create(&OrgLabel { org: organisation.to_owned() }).get();
        (secs > 0.0).then(|| Timestamp::from_micros((secs * 1e6) as i64))
    }

    /// Counts an entry that was stored in the inbox.
    pub(crate) fn stored(&self, kind: &'static str) {
        self.stored.get_or_create(&KindLabel { kind }).inc();
    }

    /// Counts entries of the inbox that were interpreted.
    pub(crate) fn interpreted(&self, kind: &'static str, count: u64) {
        self.interpreted.get_or_create(&KindLabel { kind }).inc_by(count);
    }

    /// Counts what interpreting came across; `held` raises are held down now.
    pub(crate) fn remarked(&self, remarks: &Remarks, held: usize) {
        self.fanned_out.inc_by(remarks.fanned_out);
        self.repeated.inc_by(remarks.repeated);
        self.unchanged.inc_by(remarks.unchanged);
        self.damped.inc_by(remarks.damped);
        self.held.set(i64::try_from(held).unwrap_or(i64::MAX));
        for (teller, count) in remarks.told.iter() {
            self.events.get_or_create(&TellerLabel { from: teller.word() }).inc_by(count);
        }
        for (occasion, count) in remarks.alerts.iter() {
            self.alerts.get_or_create(&OccasionLabel { occasion: occasion.word() }).inc_by(count);
        }
    }

    /// The tally of a sink that is served; one that is new begins at `cursor`, with `waiting` alerts behind it, and
    /// `before` alerts made since the relay started.
    pub(crate) fn serve(&self, sink: &str, cursor: Position, waiting: u64, before: u64) -> Arc<Tally> {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tally) = tallies.get(sink) {
            return Arc::clone(tally);
        }
        let label = SinkLabel::new(sink);
        self.waiting_at_start.get_or_create(&label).set(signed(waiting));
        self.alerts_before.get_or_create(&label).set(signed(before));
        self.behind(&label, waiting, 0, Duration::ZERO);
        let of = |family: &Family<SinkLabel, Counter>| family.get_or_create_owned(&label);
        let last = self.last_delivery.get_or_create_owned(&label);
        let counters = Counters {
            last,
            delivered: of(&self.delivered),
            not_routed: of(&self.not_routed),
            set_aside: of(&self.set_aside),
            unreadable: of(&self.unreadable),
            given_up: of(&self.given_up),
        };
        let tally = Arc::new(Tally::new(counters, cursor));
        tallies.insert(sink.to_owned(), Arc::clone(&tally));
        tally
    }

    /// The tally of a sink, while it is served.
    pub(crate) fn tally(&self, sink: &str) -> Option<Arc<Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).get(sink).cloned()
    }

    /// Drops every series of a sink that is not served any more: should it come back, they begin anew.
    pub(crate) fn forget(&self, sink: &str) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.remove(sink);
        let label = SinkLabel::new(sink);
        for family in [
            &self.delivered,
            &self.not_routed,
            &self.set_aside,
            &self.unreadable,
            &self.given_up,
            &self.failures,
            &self.truncated,
            &self.template_errors,
        ] {
            family.remove(&label);
        }
        for family in [&self.waiting_at_start, &self.alerts_before, &self.behind_alerts, &self.behind_bytes] {
            family.remove(&label);
        }
        self.behind_seconds.remove(&label);
        self.last_delivery.remove(&label);
    }

    /// How far a sink is behind, while it is served.
    pub(crate) fn measured(&self, sink: &str, alerts: u64, bytes: u64, age: Duration) {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.contains_key(sink) {
            self.behind(&SinkLabel::new(sink), alerts, bytes, age);
        }
    }

    fn behind(&self, label: &SinkLabel, alerts: u64, bytes: u64, age: Duration) {
        self.behind_alerts.get_or_create(label).set(signed(alerts));
        self.behind_bytes.get_or_create(label).set(signed(bytes));
        self.behind_seconds.get_or_create(label).set(age.as_secs_f64());
    }

    /// Counts that the expression of `route` had no value; how often that was so.
    pub(crate) fn when_failed(&self, route: &str, sink: &SinkLabel) -> u64 {
        let label = RouteLabel { route: route.to_owned(), sink: sink.sink.clone() };
        self.when_errors.get_or_create(&label).inc() + 1
    }

    /// Counts a message of `organisation` that was signed and refused for where it came from.
    pub(crate) fn unlisted(&self, organisation: &str) {
        self.unlisted.get_or_create(&OrgLabel { org: organisation.to_owned() }).inc();
    }

    /// Everything in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a text does not fail");
        out
    }

    /// The same in the older text format of Prometheus, in which the name of a counter ends with what it ends with in its
    /// samples.
    /// Source: Prometheus, "Exposition formats", version 0.0.4; OpenMetrics 1.0, "Counter".
    pub(crate) fn plain_text(&self) -> String {
        let text = self.text();
        let counters: HashSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
        let mut out = String::with_capacity(text.len());
        for line in text.lines().filter(|line| *line != "# EOF") {
            let head = ["# HELP ", "# TYPE "].into_iter().find(|head| line.starts_with(head));
            match head.and_then(|head| Some((head, line[head.len()..].split_once(' ')?))) {
                Some((head, (name, rest))) if counters.contains(name) => {
                    out.extend([head, name, "_total ", rest]);
                }
                _ => out.push_str(line),
            }
            out.push('\n');
        }
        out
    }
}

/// A metric that is registered.
fn made<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn seconds(at: Timestamp) -> f64 {
    at.micros() as f64 / 1e6
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
