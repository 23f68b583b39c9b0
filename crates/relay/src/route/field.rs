//! The fields of an alert by the names they have in structured data, for routes, expressions and templates.

use std::fmt::Display;
use std::io::Write as _;

use alarm::{Alert, RaisedAs, Severity};

/// A field of an alert.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    Id,
    Key,
    State,
    Severity,
    /// 1 for info, 2 for warning, 3 for critical.
    SeverityRank,
    MistSeverity,
    Topic,
    Type,
    Group,
    Category,
    Org,
    Site,
    SiteId,
    DeviceType,
    Device,
    Mac,
    Model,
    Serial,
    Ip,
    Port,
    Reason,
    FirstSeen,
    LastSeen,
    Count,
    Duration,
    Origin,
    Summary,
    Message,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

impl Field {
    pub(crate) const ALL: [Self; 28] = [
        Self::Id,
        Self::Key,
        Self::State,
        Self::Severity,
        Self::SeverityRank,
        Self::MistSeverity,
        Self::Topic,
        Self::Type,
        Self::Group,
        Self::Category,
        Self::Org,
        Self::Site,
        Self::SiteId,
        Self::DeviceType,
        Self::Device,
        Self::Mac,
        Self::Model,
        Self::Serial,
        Self::Ip,
        Self::Port,
        Self::Reason,
        Self::FirstSeen,
        Self::LastSeen,
        Self::Count,
        Self::Duration,
        Self::Origin,
        Self::Summary,
        Self::Message,
    ];

    /// The name, as in structured data, JSON and the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Key => "key",
            Self::State => "state",
            Self::Severity => "severity",
            Self::SeverityRank => "severity_rank",
            Self::MistSeverity => "mist_severity",
            Self::Topic => "topic",
            Self::Type => "type",
            Self::Group => "group",
            Self::Category => "category",
            Self::Org => "org",
            Self::Site => "site",
            Self::SiteId => "site_id",
            Self::DeviceType => "device_type",
            Self::Device => "device",
            Self::Mac => "mac",
            Self::Model => "model",
            Self::Serial => "serial",
            Self::Ip => "ip",
            Self::Port => "port",
            Self::Reason => "reason",
            Self::FirstSeen => "first_seen",
            Self::LastSeen => "last_seen",
            Self::Count => "count",
            Self::Duration => "duration",
            Self::Origin => "origin",
            Self::Summary => "summary",
            Self::Message => "message",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::SeverityRank | Self::Count | Self::Duration)
    }

    /// Whether it holds a word or an id of Mist's, which is compared in any case and with `-` and `_` alike: how
    /// Mist spells them varies from one endpoint to the next. What people have named is compared as it is.
    pub(crate) const fn is_word(self) -> bool {
        matches!(
            self,
            Self::Id
                | Self::Key
                | Self::MistSeverity
                | Self::Topic
                | Self::Type
                | Self::Group
                | Self::Category
                | Self::SiteId
                | Self::DeviceType
                | Self::Model
                | Self::Serial
        )
    }
}

/// An alert as a route judges it: a clear as its raise was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    alert: &'a Alert,
    pub(crate) topic: &'a str,
    kind: &'a str,
    severity: Severity,
    mist_severity: &'a str,
    group: &'a str,
    category: &'a str,
}

impl<'a> Facts<'a> {
    /// What is said of `alert` itself.
    pub(crate) fn told(alert: &'a Alert) -> Self {
        Self {
            alert,
            topic: &alert.topic,
            kind: &alert.kind,
            severity: alert.severity,
            mist_severity: &alert.mist_severity,
            group: &alert.group,
            category: &alert.category,
        }
    }

    /// The same, once for each form in which its raise was told where that is known: a clear goes where any of them
    /// went.
    pub(crate) fn judged(alert: &'a Alert) -> impl Iterator<Item = Self> {
        let as_told = move |raised: &'a RaisedAs| Self {
            alert,
            topic: &raised.topic,
            kind: &raised.kind,
            severity: raised.severity,
            mist_severity: &raised.mist_severity,
            group: &raised.group,
            category: &raised.category,
        };
        let own = alert.raised_as.is_empty().then(|| Self::told(alert));
        own.into_iter().chain(alert.raised_as.iter().map(as_told))
    }

    pub(crate) const fn rank(&self) -> i64 {
        rank(self.severity)
    }

    /// The value of `field` when the alert has it as a text.
    pub(crate) fn lent(&self, field: Field) -> Option<&'a str> {
        let alert = self.alert;
        Some(match field {
            Field::State => alert.state.word(),
            Field::Severity => self.severity.word(),
            Field::MistSeverity => self.mist_severity,
            Field::Topic => self.topic,
            Field::Type => self.kind,
            Field::Group => self.group,
            Field::Category => self.category,
            Field::Org => alert.org.as_str(),
            Field::Site => alert.site.as_str(),
            Field::SiteId => alert.site_id.as_str(),
            Field::DeviceType => alert.device_type.as_str(),
            Field::Device => alert.device.as_str(),
            Field::Model => alert.model.as_str(),
            Field::Serial => alert.serial.as_str(),
            Field::Ip => alert.ip.as_str(),
            Field::Port => alert.port.as_str(),
            Field::Reason => alert.reason.as_str(),
            Field::Origin => alert.origin.word(),
            Field::Summary => alert.summary.as_str(),
            Field::Message => alert.message.as_str(),
            Field::Id
            | Field::Key
            | Field::Mac
            | Field::FirstSeen
            | Field::LastSeen
            | Field::SeverityRank
            | Field::Count
            | Field::Duration => return None,
        })
    }

    /// The value of `field`; `room` is where it is printed when it is no text by itself. An absent text is empty,
    /// an absent count 0, an absent duration -1.
    pub(crate) fn value<'b>(&self, field: Field, room: &'b mut [u8; ROOM]) -> Value<'b>
    where
        'a: 'b,
    {
        if let Some(text) = self.lent(field) {
            return Value::Text(text);
        }
        let alert = self.alert;
        let number = |number| Value::Number(i64::try_from(number).unwrap_or(i64::MAX));
        match field {
            Field::Id => Value::Text(shown(&alert.id, room)),
            Field::Key => Value::Text(shown(&alert.key, room)),
            Field::Mac => Value::Text(alert.mac.as_ref().map_or("", |mac| shown(mac, room))),
            Field::FirstSeen => Value::Text(shown(&alert.first_seen, room)),
            Field::LastSeen => Value::Text(shown(&alert.last_seen, room)),
            Field::SeverityRank => Value::Number(self.rank()),
            Field::Count => number(alert.count),
            Field::Duration => alert.duration_secs.map_or(Value::Number(-1), number),
            _ => unreachable!("every other field is lent"),
        }
    }
}

/// How bad, as a number; what is not known leaves as a warning, and counts as one.
pub(crate) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 1,
        Severity::Unknown | Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

/// Prints `what` into `room`.
fn shown<'b>(what: &dyn Display, room: &'b mut [u8; ROOM]) -> &'b str {
    let mut rest = room.as_mut_slice();
    let printed = write!(rest, "{what}").is_ok();
    let left = rest.len();
    let end = if printed { ROOM - left } else { 0 };
    std::str::from_utf8(&room[..end]).expect("ids, MACs and times are ASCII")
}

/// The longest of what is printed: an id or key.
pub(crate) const ROOM: usize = 32;

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId, RaisedAs};
    use ids::Timestamp;

    use super::*;

    fn text(facts: &Facts<'_>, field: Field) -> String {
        match facts.value(field, &mut [0; ROOM]) {
            Value::Text(text) => text.to_owned(),
            Value::Number(number) => number.to_string(),
        }
    }

    #[test]
    fn every_field_has_the_name_and_the_value_it_has_in_json() {
        let time = Timestamp::from_micros(1_629_753_888_250_000);
        let mut alert = Alert::new(AlertId::of(&[b"a"]), AlarmKey::of(&[b"b"]), "alarms", "x", time);
        alert.mac = Some("5C:5B:35:1E:13:B5".parse().unwrap());
        for (field, value) in [
            ("mist_severity", &mut alert.mist_severity),
            ("group", &mut alert.group),
            ("category", &mut alert.category),
            ("org", &mut alert.org),
            ("site", &mut alert.site),
            ("site_id", &mut alert.site_id),
            ("device_type", &mut alert.device_type),
            ("device", &mut alert.device),
            ("model", &mut alert.model),
            ("serial", &mut alert.serial),
            ("ip", &mut alert.ip),
            ("port", &mut alert.port),
            ("reason", &mut alert.reason),
            ("summary", &mut alert.summary),
            ("message", &mut alert.message),
        ] {
            *value = format!("the {field}").into();
        }
        alert.count = 3;
        alert.duration_secs = Some(240);
        let facts = Facts::told(&alert);
        let json = serde_json::to_value(&alert).unwrap();

        for field in Field::ALL {
            assert_eq!(Field::named(field.name()), Some(field));
            let expect = match field {
                Field::SeverityRank => "2".to_owned(),
                Field::Severity => "warning".to_owned(),
                Field::FirstSeen | Field::LastSeen => "2021-08-23T21:24:48.250Z".to_owned(),
                Field::Duration => "240".to_owned(),
                _ => json[field.name()].to_string().trim_matches('"').to_owned(),
            };
            assert_eq!(text(&facts, field), expect, "{}", field.name());
        }
        assert_eq!(Field::named("nope"), None);
    }

    #[test]
    fn what_is_absent_is_empty_zero_or_minus_one() {
        let alert = Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "x", Timestamp::default());
        let facts = Facts::told(&alert);

        assert_eq!(text(&facts, Field::Mac), "");
        assert_eq!(text(&facts, Field::Count), "0");
        assert_eq!(text(&facts, Field::Duration), "-1");
    }

    #[test]
    fn a_clear_is_judged_as_its_raise_was_told() {
        let mut alert =
            Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "device-events", "up", Timestamp::default());
        alert.raised_as.push(RaisedAs {
            topic: "alarms".into(),
            kind: "down".into(),
            severity: Severity::Critical,
            mist_severity: "critical".into(),
            group: "infrastructure".into(),
            category: "switch".into(),
        });
        let fields = [Field::Topic, Field::Type, Field::MistSeverity, Field::Group, Field::Category];

        let told = Facts::told(&alert);
        assert_eq!(fields.map(|field| text(&told, field)), ["device-events", "up", "", "", ""]);
        let judged = Facts::judged(&alert).next().unwrap();
        assert_eq!(text(&judged, Field::Severity), "critical");
        let expect = ["alarms", "down", "critical", "infrastructure", "switch"];
        assert_eq!(fields.map(|field| text(&judged, field)), expect);
    }
}
