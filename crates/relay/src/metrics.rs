//! What is counted, for `/metrics`.

use std::fmt::{self, Write};
use std::sync::atomic::AtomicU64;

use http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use webhook::{Admitted, Refusal, Topic};

/// Every counter and gauge of a relay; nothing is labelled by what a stranger could make up.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<Status, Counter>,
    refusals: Family<Reason, Counter>,
    connections_closed: Family<Why, Counter>,
    messages: Family<TopicLabel, Counter>,
    unstored: Counter,
    unlisted: Family<OrgLabel, Counter>,
    pub(crate) sources_hidden: Gauge,
    pub(crate) alerts: Counter,
    pub(crate) uninterpretable: Counter,
    pub(crate) repeated: Counter,
    pub(crate) damped: Counter,
    pub(crate) problems_open: Gauge,
    pub(crate) delivered: Family<SinkLabel, Counter>,
    pub(crate) failures: Family<SinkLabel, Counter>,
    pub(crate) given_up: Family<SinkLabel, Counter>,
    pub(crate) set_aside: Family<SinkLabel, Counter>,
    pub(crate) truncated: Family<SinkLabel, Counter>,
    when_errors: Family<RouteLabel, Counter>,
    pub(crate) template_errors: Family<SinkLabel, Counter>,
    pub(crate) behind_alerts: Family<SinkLabel, Gauge>,
    pub(crate) behind_bytes: Family<SinkLabel, Gauge>,
    pub(crate) behind_seconds: Family<SinkLabel, Gauge<f64, AtomicU64>>,
    pub(crate) certificate_expiry: Gauge,
    pub(crate) journal_bytes: Gauge,
    pub(crate) journal_writable: Gauge,
    pub(crate) inbox_behind: Gauge,
    pub(crate) journal_commits: Counter,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Status {
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Why {
    reason: Closed,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct TopicLabel {
    org: String,
    topic: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OrgLabel {
    org: String,
}

/// The sink a figure is about.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub(crate) struct SinkLabel {
    pub(crate) sink: String,
}

/// The route that a figure is about, as a sink asked it.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RouteLabel {
    route: String,
    sink: String,
}

/// Why a connection was closed without an answer, or behind one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Closed {
    Cap,
    Accept,
    /// Only proxies may connect, and it was none.
    NoProxy,
    /// A proxy did not say whom it comes from.
    ProxyHeader,
    Handshake,
    SlowHandshake,
    SlowHead,
    Idle,
    Malformed,
    Broken,
    Challenge,
}

impl EncodeLabelValue for Closed {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.word())
    }
}

impl Closed {
    /// One word for counters and logs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Accept => "accept",
            Self::NoProxy => "no_proxy",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "handshake",
            Self::SlowHandshake => "slow_handshake",
            Self::SlowHead => "slow_head",
            Self::Idle => "idle",
            Self::Malformed => "malformed",
            Self::Broken => "broken",
            Self::Challenge => "challenge",
        }
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut this = Self {
            registry: Registry::with_prefix("fogbell"),
            answers: Family::default(),
            refusals: Family::default(),
            connections_closed: Family::default(),
            messages: Family::default(),
            unstored: Counter::default(),
            unlisted: Family::default(),
            sources_hidden: Gauge::default(),
            alerts: Counter::default(),
            uninterpretable: Counter::default(),
            repeated: Counter::default(),
            damped: Counter::default(),
            problems_open: Gauge::default(),
            delivered: Family::default(),
            failures: Family::default(),
            given_up: Family::default(),
            set_aside: Family::default(),
            truncated: Family::default(),
            when_errors: Family::default(),
            template_errors: Family::default(),
            behind_alerts: Family::default(),
            behind_bytes: Family::default(),
            behind_seconds: Family::default(),
            certificate_expiry: Gauge::default(),
            journal_bytes: Gauge::default(),
            journal_writable: Gauge::default(),
            inbox_behind: Gauge::default(),
            journal_commits: Counter::default(),
        };
        let registry = &mut this.registry;
        registry.register("answers", "Requests answered, by status", this.answers.clone());
        registry.register("refusals", "Requests turned away, by reason", this.refusals.clone());
        registry.register(
            "connections_closed",
            "Connections ended other than by an orderly end, by reason",
            this.connections_closed.clone(),
        );
        registry.register(
            "messages",
            "Messages proven to be Mist's, by organisation and topic",
            this.messages.clone(),
        );
        registry.register("messages_unstored", "Proven messages answered 503", this.unstored.clone());
        registry.register(
            "signed_unlisted",
            "Messages with a valid signature from an address that is not listed, by organisation; all were refused",
            this.unlisted.clone(),
        );
        registry.register(
            "sources_hidden",
            "1 when every message seems to come from one private address",
            this.sources_hidden.clone(),
        );
        registry.register("alerts", "Alerts made", this.alerts.clone());
        registry.register(
            "uninterpretable",
            "Entries that could not be understood",
            this.uninterpretable.clone(),
        );
        registry.register(
            "events_repeated",
            "Events that were told before and are dropped",
            this.repeated.clone(),
        );
        registry.register(
            "damped",
            "Raises and clears that a damping rule kept back for good",
            this.damped.clone(),
        );
        registry.register(
            "problems_open",
            "Problems that are raised and not cleared",
            this.problems_open.clone(),
        );
        registry.register("delivered", "Alerts delivered, by sink", this.delivered.clone());
        registry.register("delivery_failures", "Attempts that failed, by sink", this.failures.clone());
        registry.register(
            "given_up",
            "Alerts given up because the sink was too far behind",
            this.given_up.clone(),
        );
        registry.register(
            "set_aside",
            "Notifications the receiver refused again and again",
            this.set_aside.clone(),
        );
        registry.register("truncated", "Alerts shortened to fit, by sink", this.truncated.clone());
        registry.register(
            "route_when_errors",
            "Alerts for which the expression of a route had no value, by route and sink",
            this.when_errors.clone(),
        );
        registry.register(
            "template_errors",
            "Alerts for which a sink's template had no text, by sink",
            this.template_errors.clone(),
        );
        registry.register(
            "sink_behind_alerts",
            "Alerts not yet delivered, by sink",
            this.behind_alerts.clone(),
        );
        registry.register("sink_behind_bytes", "Bytes not yet delivered, by sink", this.behind_bytes.clone());
        registry.register(
            "sink_behind_seconds",
            "Age of the oldest alert not yet delivered, by sink",
            this.behind_seconds.clone(),
        );
        registry.register(
            "certificate_expiry_seconds",
            "When the certificate that the listener shows ends, in seconds since 1970",
            this.certificate_expiry.clone(),
        );
        registry.register("journal_bytes", "Bytes the journal uses", this.journal_bytes.clone());
        registry.register(
            "journal_writable",
            "1 when a message can be promised",
            this.journal_writable.clone(),
        );
        registry.register("inbox_behind_entries", "Entries not yet interpreted", this.inbox_behind.clone());
        registry.register("journal_commits", "Transactions written", this.journal_commits.clone());
        for refusal in Refusal::ALL {
            drop(this.refusals.get_or_create(&Reason { reason: refusal.reason() }));
        }
        this
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.answers.get_or_create(&Status { status: status.as_u16() }).inc();
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refusals.get_or_create(&Reason { reason: refusal.reason() }).inc();
    }

    pub(crate) fn closed(&self, reason: Closed) {
        self.connections_closed.get_or_create(&Why { reason }).inc();
    }

    pub(crate) fn admitted(&self, admitted: &Admitted) {
        let topic = match admitted.topic() {
            Topic::Other(_) => "other",
            known => known.name(),
        };
        let label = TopicLabel { org: admitted.organisation().to_owned(), topic: topic.to_owned() };
        self.messages.get_or_create(&label).inc();
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

    pub(crate) fn unstored(&self) {
        self.unstored.inc();
    }

    /// Everything in the OpenMetrics text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a text does not fail");
        out
    }
}

impl SinkLabel {
    pub(crate) fn new(sink: &str) -> Self {
        Self { sink: sink.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown_and_every_reason_is_there_from_the_start() {
        let metrics = Metrics::new();
        metrics.refused(Refusal::Source);
        metrics.closed(Closed::SlowHead);

        let text = metrics.text();

        assert!(text.contains("fogbell_refusals_total{reason=\"source\"} 1"), "{text}");
        assert!(text.contains("fogbell_refusals_total{reason=\"signature_wrong\"} 0"), "{text}");
        assert!(text.contains("fogbell_connections_closed_total{reason=\"slow_head\"} 1"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
