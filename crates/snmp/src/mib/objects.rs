//! The objects.

/// An object of FOGBELL-MIB, by its number there; every notification carries all of them in this order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the MIB describes them; each is named after the field of the alert")]
pub enum Object {
    Summary = 1,
    AlertId,
    AlarmKey,
    State,
    Severity,
    MistSeverity,
    Topic,
    Type,
    Group,
    Category,
    Organisation,
    SiteName,
    SiteId,
    DeviceType,
    DeviceName,
    DeviceMac,
    DeviceModel,
    DeviceSerial,
    DeviceAddress,
    Port,
    Reason,
    FirstSeen,
    LastSeen,
    Count,
    Duration,
    Origin,
    Sequence,
    Relay,
    Truncated,
}

impl Object {
    /// Every object, by number.
    pub const ALL: [Self; 29] = [
        Self::Summary,
        Self::AlertId,
        Self::AlarmKey,
        Self::State,
        Self::Severity,
        Self::MistSeverity,
        Self::Topic,
        Self::Type,
        Self::Group,
        Self::Category,
        Self::Organisation,
        Self::SiteName,
        Self::SiteId,
        Self::DeviceType,
        Self::DeviceName,
        Self::DeviceMac,
        Self::DeviceModel,
        Self::DeviceSerial,
        Self::DeviceAddress,
        Self::Port,
        Self::Reason,
        Self::FirstSeen,
        Self::LastSeen,
        Self::Count,
        Self::Duration,
        Self::Origin,
        Self::Sequence,
        Self::Relay,
        Self::Truncated,
    ];

    /// The name in the MIB (`fbSummary`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.definition().name
    }

    /// What it says, for people: the description in the MIB.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.definition().about
    }

    /// The names of its numbers, where the MIB names them: those of the state and of the severity.
    #[must_use]
    pub const fn values(self) -> &'static [(&'static str, i32)] {
        self.definition().syntax.values()
    }

    pub(crate) const fn syntax(self) -> Syntax {
        self.definition().syntax
    }

    /// One table for the MIB's text and for the encoder, so that a size in one is the cap in the other.
    pub(super) const fn definition(self) -> Definition {
        use Syntax::Text;
        let (name, syntax, about) = match self {
            Self::Summary => (
                "fbSummary",
                Text(160),
                "One readable line that says what happened, for people and for receivers without this module.",
            ),
            Self::AlertId => (
                "fbAlertId",
                Text(32),
                "The identity of this alert, 32 hexadecimal digits. It is the same in every delivery of the same \
                 fact, so a receiver can tell a repeat.",
            ),
            Self::AlarmKey => (
                "fbAlarmKey",
                Text(32),
                "The identity of the problem, 32 hexadecimal digits: the same in its raise, its repeats and its \
                 clear, whatever the severity, the time or the way it was learned.",
            ),
            Self::State => (
                "fbState",
                Syntax::State,
                "Whether the problem is there (raised), is gone (cleared), or nothing will end it (event).",
            ),
            Self::Severity => (
                "fbSeverity",
                Syntax::Severity,
                "How bad it is. Mist's critical is critical(3), its warn is minor(5), its info is warning(6) while \
                 a problem is raised and otherwise indeterminate(2); a clear is cleared(1); audits and what is \
                 not known are indeterminate(2).",
            ),
            Self::MistSeverity => (
                "fbMistSeverity",
                Text(16),
                "The word for the severity as Mist wrote it, such as critical, warn or info; empty when it wrote \
                 none.",
            ),
            Self::Topic => (
                "fbTopic",
                Text(32),
                "The webhook topic that told it, such as alarms or device-events; relay when the relay speaks of \
                 itself.",
            ),
            Self::Type => (
                "fbType",
                Text(64),
                "What kind of thing happened, spelt as Mist wrote it, such as AP_DISCONNECTED or device_down.",
            ),
            Self::Group => (
                "fbGroup",
                Text(32),
                "Mist's group, such as infrastructure, marvis or security; may be empty.",
            ),
            Self::Category => {
                ("fbCategory", Text(32), "Mist's category, such as switch or connectivity; may be empty.")
            }
            Self::Organisation => (
                "fbOrganisation",
                Text(48),
                "The organisation, by the name that the relay's configuration gives it.",
            ),
            Self::SiteName => ("fbSiteName", Text(48), "The name of the site; empty when not known."),
            Self::SiteId => {
                ("fbSiteId", Text(36), "The identifier of the site in Mist; empty when there is none.")
            }
            Self::DeviceType => (
                "fbDeviceType",
                Text(16),
                "What the device is, such as ap, switch, gateway or mxedge; empty when not known.",
            ),
            Self::DeviceName => ("fbDeviceName", Text(48), "The name of the device; empty when not known."),
            Self::DeviceMac => (
                "fbDeviceMac",
                Text(17),
                "The MAC address of the device, 12 hexadecimal digits in lower case; empty when not known.",
            ),
            Self::DeviceModel => {
                ("fbDeviceModel", Text(32), "The model of the device; empty when not known.")
            }
            Self::DeviceSerial => {
                ("fbDeviceSerial", Text(32), "The serial number of the device; empty when not known.")
            }
            Self::DeviceAddress => (
                "fbDeviceAddress",
                Text(45),
                "The IP address of the device as text; empty when not known. When it is an IPv4 address, \
                 snmpTrapAddress.0 follows the objects of the notification and says the same.",
            ),
            Self::Port => {
                ("fbPort", Text(48), "The port of the device that it is about; empty when it is about none.")
            }
            Self::Reason => ("fbReason", Text(128), "Why, in Mist's words; empty when it gave none."),
            Self::FirstSeen => (
                "fbFirstSeen",
                Text(32),
                "When the problem was first seen, or the event happened: RFC 3339 in UTC, such as \
                 2026-11-22T14:07:31.002Z.",
            ),
            Self::LastSeen => ("fbLastSeen", Text(32), "When it was last seen: RFC 3339 in UTC."),
            Self::Count => (
                "fbCount",
                Syntax::Count,
                "How often it happened, as far as known; 0 when not known. It stops at its largest value.",
            ),
            Self::Duration => (
                "fbDuration",
                Syntax::Duration,
                "How long the problem lasted; -1 while that is not known. It stops at its largest value.",
            ),
            Self::Origin => (
                "fbOrigin",
                Text(16),
                "How the relay learned of it: webhook (Mist posted it), reconcile (found by asking Mist), backfill \
                 (fetched after an outage), expired (an open problem that nothing confirmed any more) or relay \
                 (about the relay itself).",
            ),
            Self::Sequence => (
                "fbSequence",
                Syntax::Sequence,
                "The position of the alert in the relay's outbox. It grows from alert to alert, by one or more; a \
                 smaller or equal one is a repeat.",
            ),
            Self::Relay => ("fbRelay", Text(48), "The name of the relay that sent it."),
            Self::Truncated => (
                "fbTruncated",
                Syntax::Truth,
                "Whether a text in this notification was shortened to fit; a shortened text ends in three dots.",
            ),
        };
        Definition { name, syntax, about }
    }
}

/// What the MIB says of one object.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) syntax: Syntax,
    pub(super) about: &'static str,
}

/// The type of an object.
#[derive(Clone, Copy)]
pub(crate) enum Syntax {
    /// `FbText` of at most this many bytes.
    Text(u8),
    State,
    Severity,
    Count,
    Duration,
    Sequence,
    Truth,
}

impl Syntax {
    pub(super) const fn values(self) -> &'static [(&'static str, i32)] {
        match self {
            Self::State => &[("raised", 1), ("cleared", 2), ("event", 3)],
            // ItuPerceivedSeverity of RFC 3877
            Self::Severity => &[
                ("cleared", 1),
                ("indeterminate", 2),
                ("critical", 3),
                ("major", 4),
                ("minor", 5),
                ("warning", 6),
            ],
            _ => &[],
        }
    }

    /// As the module writes it.
    pub(super) fn clause(self) -> String {
        match self {
            Self::Text(max) => format!("FbText (SIZE (0..{max}))"),
            Self::State => {
                let named: Vec<String> =
                    self.values().iter().map(|(name, number)| format!("{name}({number})")).collect();
                format!("INTEGER {{ {} }}", named.join(", "))
            }
            Self::Severity => "FbPerceivedSeverity".to_owned(),
            Self::Count => "Gauge32".to_owned(),
            Self::Duration => "Integer32 (-1..2147483647)".to_owned(),
            Self::Sequence => "Counter64".to_owned(),
            Self::Truth => "TruthValue".to_owned(),
        }
    }
}
