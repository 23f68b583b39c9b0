//! The alert: what an event became.

use ids::{Mac, Timestamp};
use serde::{Deserialize, Serialize};

/// A text of an alert. Up to 24 bytes of it lie in place, so that most texts cost no memory of their own.
pub use compact_str::CompactString as Text;

use crate::json::Writer;
use crate::{AlarmKey, AlertId, Audience, Severity};

/// What an event became, with everything that was known when it was made; the only thing sinks see.
///
/// An absent text is empty, an absent number zero; [`Self::duration_secs`] alone is an option, since zero
/// is a duration. Texts are as Mist sent them: an encoder escapes, folds and shortens for its own format.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// The same for every delivery of the same fact, so that a receiver can tell a repeat.
    pub id: AlertId,
    /// The same for everything said about one problem: its raise, its repeats and its clear.
    pub key: AlarmKey,
    /// Whether the problem is there, gone, or never a state at all.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// Mist's own word for the severity (`warn`, `NOTICE`), always kept.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub mist_severity: Text,
    /// The webhook topic, with hyphens (`device-events`); `relay` when the relay speaks of itself.
    pub topic: Text,
    /// The type, always spelt as Mist wrote it (`AP_DISCONNECTED`, `device_down`).
    #[serde(rename = "type")]
    pub kind: Text,
    /// Mist's group (`infrastructure`, `marvis`, `security`).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub group: Text,
    /// Mist's category (`switch`, `connectivity`).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub category: Text,
    /// The organisation, by the name the configuration gives it.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub org: Text,
    /// Name of the site.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub site: Text,
    /// Id of the site, as Mist wrote it.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub site_id: Text,
    /// What the device is (`ap`, `switch`, `gateway`, `mxedge`).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub device_type: Text,
    /// Name of the device.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub device: Text,
    /// MAC address of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Model of the device (`EX4100-48P`).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub model: Text,
    /// Serial number of the device.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub serial: Text,
    /// Address of the device, as Mist wrote it.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub ip: Text,
    /// Port of the device (`ge-0/0/1`).
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub port: Text,
    /// Why, in Mist's words; may be long and hold anything.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub reason: Text,
    /// When the problem was first seen, or the event happened.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// How often it happened, as far as known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub count: u64,
    /// How long it lasted in whole seconds, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_secs: Option<u64>,
    /// How the relay learned of it.
    pub origin: Origin,
    /// One readable line for people and for receivers without the MIB.
    pub summary: Text,
    /// The whole text of an audit; empty for everything else.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub message: Text,
    /// Of a clear, in which forms its raise was told; a route judges the clear as it judged each of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raised_as: Vec<RaisedAs>,
    /// The sinks it is for.
    #[serde(default, skip_serializing_if = "Audience::is_all")]
    pub audience: Audience,
}

/// How a raise was told, as far as its clear may differ.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct RaisedAs {
    /// As [`Alert::topic`].
    pub topic: Text,
    /// As [`Alert::kind`].
    #[serde(rename = "type")]
    pub kind: Text,
    /// As [`Alert::severity`].
    #[serde(default)]
    pub severity: Severity,
    /// As [`Alert::mist_severity`].
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub mist_severity: Text,
    /// As [`Alert::group`].
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub group: Text,
    /// As [`Alert::category`].
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub category: Text,
}

impl RaisedAs {
    /// How `raise` is told.
    #[must_use]
    pub fn of(raise: &Alert) -> Self {
        Self {
            topic: raise.topic.clone(),
            kind: raise.kind.clone(),
            severity: raise.severity,
            mist_severity: raise.mist_severity.clone(),
            group: raise.group.clone(),
            category: raise.category.clone(),
        }
    }
}

impl Alert {
    /// An alert of which only the required things are known; the rest is absent and can be filled in.
    #[must_use]
    pub fn new(id: AlertId, key: AlarmKey, topic: &str, kind: &str, at: Timestamp) -> Self {
        Self {
            id,
            key,
            state: State::Event,
            severity: Severity::Unknown,
            mist_severity: Text::default(),
            topic: topic.into(),
            kind: kind.into(),
            group: Text::default(),
            category: Text::default(),
            org: Text::default(),
            site: Text::default(),
            site_id: Text::default(),
            device_type: Text::default(),
            device: Text::default(),
            mac: None,
            model: Text::default(),
            serial: Text::default(),
            ip: Text::default(),
            port: Text::default(),
            reason: Text::default(),
            first_seen: at,
            last_seen: at,
            count: 0,
            duration_secs: None,
            origin: Origin::Webhook,
            summary: Text::default(),
            message: Text::default(),
            raised_as: Vec::new(),
            audience: Audience::All,
        }
    }

    /// Appends it to `out` as JSON: the bytes that `serde_json` writes of it, and faster.
    pub fn put_json(&self, out: &mut Vec<u8>) {
        // none is left out: one that is added has to be written
        #[rustfmt::skip]
        let Self {
            id, key, state, severity, mist_severity, topic, kind, group, category, org, site, site_id, device_type,
            device, mac, model, serial, ip, port, reason, first_seen, last_seen, count, duration_secs, origin, summary,
            message, raised_as, audience,
        } = self;
        let mut alert = Writer::begin(out);
        alert.value("id", id);
        alert.value("key", key);
        alert.value("state", state);
        alert.value("severity", severity);
        alert.text_if_any("mist_severity", mist_severity);
        alert.text("topic", topic);
        alert.text("type", kind);
        for (name, text) in [
            ("group", group),
            ("category", category),
            ("org", org),
            ("site", site),
            ("site_id", site_id),
            ("device_type", device_type),
            ("device", device),
        ] {
            alert.text_if_any(name, text);
        }
        if let Some(mac) = mac {
            alert.value("mac", mac);
        }
        for (name, text) in
            [("model", model), ("serial", serial), ("ip", ip), ("port", port), ("reason", reason)]
        {
            alert.text_if_any(name, text);
        }
        alert.value("first_seen", first_seen);
        alert.value("last_seen", last_seen);
        if *count > 0 {
            alert.value("count", count);
        }
        if let Some(secs) = duration_secs {
            alert.value("duration_secs", secs);
        }
        alert.value("origin", origin);
        alert.text("summary", summary);
        alert.text_if_any("message", message);
        if !raised_as.is_empty() {
            alert.value("raised_as", raised_as);
        }
        if !audience.is_all() {
            alert.value("audience", audience);
        }
        alert.end();
    }

    /// Whether this is an entry of Mist's audit log.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        self.topic == "audits"
    }

    /// Whether the relay speaks of itself.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.topic == Self::OWN_TOPIC
    }

    /// The topic of alerts the relay makes about itself.
    pub const OWN_TOPIC: &'static str = "relay";
}

/// What an encoder adds to an alert: who sends it and where it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp<'a> {
    /// Name of the relay.
    pub relay: &'a str,
    /// Position in the relay's outbox; grows by one or more from alert to alert.
    pub sequence: u64,
}

/// Whether a problem is there.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The problem is there.
    Raised,
    /// The problem is gone.
    Cleared,
    /// Something happened; nothing will end it.
    Event,
}

impl State {
    /// `raised`, `cleared` or `event`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Event => "event",
        }
    }
}

/// How the relay learned of a fact.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// Mist posted it.
    Webhook,
    /// The relay found it out by asking Mist.
    Reconcile,
    /// The relay fetched it after an outage.
    Backfill,
    /// An open problem that nothing confirmed any more.
    Expired,
    /// The relay speaks of itself.
    Relay,
    /// An operator had it sent once more.
    Replay,
}

impl Origin {
    /// The lower-case word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Reconcile => "reconcile",
            Self::Backfill => "backfill",
            Self::Expired => "expired",
            Self::Relay => "relay",
            Self::Replay => "replay",
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_alert_survives_being_stored() {
        let mut alert = Alert::new(
            AlertId::of(&[b"a"]),
            AlarmKey::of(&[b"b"]),
            "alarms",
            "device_down",
            Timestamp::from_micros(1_629_753_888_000_000),
        );
        alert.reason = "quotes \" and\nlines, é".into();
        alert.mac = Some("0209e45575a6".parse().unwrap());
        alert.duration_secs = Some(0);

        let stored = serde_json::to_string(&alert).unwrap();

        assert_eq!(serde_json::from_str::<Alert>(&stored).unwrap(), alert);
    }

    fn text() -> impl Strategy<Value = Text> {
        prop_oneof![Just(String::new()), any::<String>(), "[ -~]{0,60}"].prop_map(Text::from)
    }

    prop_compose! {
        fn raised_as()(texts in prop::array::uniform5(text()), severity in severity()) -> RaisedAs {
            let [topic, kind, mist_severity, group, category] = texts;
            RaisedAs { topic, kind, severity, mist_severity, group, category }
        }
    }

    fn severity() -> impl Strategy<Value = Severity> {
        prop::sample::select(vec![Severity::Critical, Severity::Warning, Severity::Info, Severity::Unknown])
    }

    fn audience() -> impl Strategy<Value = Audience> {
        prop_oneof![
            Just(Audience::All),
            any::<String>().prop_map(|window| Audience::Exempt { window }),
            any::<u64>().prop_map(|every_secs| Audience::Repeat { every_secs }),
        ]
    }

    prop_compose! {
        fn alert()(
            texts in prop::array::uniform17(text()),
            id: [u8; 16],
            key: [u8; 16],
            state in prop::sample::select(vec![State::Raised, State::Cleared, State::Event]),
            severity in severity(),
            mac: Option<[u8; 6]>,
            times: (i64, i64),
            count in prop_oneof![Just(0), any::<u64>()],
            duration_secs: Option<u64>,
            origin in prop::sample::select(vec![Origin::Webhook, Origin::Expired, Origin::Replay]),
            raised_as in prop::collection::vec(raised_as(), 0..3),
            audience in audience(),
        ) -> Alert {
            let [mist_severity, topic, kind, group, category, org, site, site_id, rest @ ..] = texts;
            let [device_type, device, model, serial, ip, port, reason, summary, message] = rest;
            let (first_seen, last_seen) = (Timestamp::from_micros(times.0), Timestamp::from_micros(times.1));
            let (id, key, mac) = (AlertId::of(&[&id]), AlarmKey::of(&[&key]), mac.map(Mac::new));
            Alert {
                id, key, state, severity, mist_severity, topic, kind, group, category, org, site, site_id,
                device_type, device, mac, model, serial, ip, port, reason, first_seen, last_seen, count,
                duration_secs, origin, summary, message, raised_as, audience,
            }
        }
    }

    proptest! {
        #[test]
        fn an_alert_is_written_as_serde_json_does(alert in alert()) {
            let mut written = Vec::new();
            alert.put_json(&mut written);
            prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&alert).unwrap());
        }
    }
}
