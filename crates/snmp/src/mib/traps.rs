//! The notifications.

use alarm::{Alert, State};

/// A notification of FOGBELL-MIB, by its number there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Trap {
    /// `fbAlarmRaised`: a problem is there.
    AlarmRaised = 1,
    /// `fbAlarmCleared`: a problem is gone.
    AlarmCleared,
    /// `fbEvent`: something happened that nothing will end.
    Event,
    /// `fbAudit`: somebody changed something.
    Audit,
    /// `fbHeartbeat`: the relay is alive.
    Heartbeat,
    /// `fbRelayRaised`: the relay itself has a problem.
    RelayRaised,
    /// `fbRelayCleared`: a problem of the relay itself is gone.
    RelayCleared,
    /// `fbDeviceDown`: a device lost its connection to the cloud.
    DeviceDown,
    /// `fbDeviceUp`: a device has its connection back.
    DeviceUp,
}

impl Trap {
    /// Every notification, by number.
    pub const ALL: [Self; 9] = [
        Self::AlarmRaised,
        Self::AlarmCleared,
        Self::Event,
        Self::Audit,
        Self::Heartbeat,
        Self::RelayRaised,
        Self::RelayCleared,
        Self::DeviceDown,
        Self::DeviceUp,
    ];

    /// The name in the MIB (`fbAlarmRaised`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AlarmRaised => "fbAlarmRaised",
            Self::AlarmCleared => "fbAlarmCleared",
            Self::Event => "fbEvent",
            Self::Audit => "fbAudit",
            Self::Heartbeat => "fbHeartbeat",
            Self::RelayRaised => "fbRelayRaised",
            Self::RelayCleared => "fbRelayCleared",
            Self::DeviceDown => "fbDeviceDown",
            Self::DeviceUp => "fbDeviceUp",
        }
    }

    /// The notification that carries `alert`.
    #[must_use]
    pub fn of(alert: &Alert) -> Self {
        if alert.is_own() {
            return match alert.state {
                _ if alert.kind == HEARTBEAT => Self::Heartbeat,
                State::Raised => Self::RelayRaised,
                State::Cleared => Self::RelayCleared,
                State::Event => Self::Event,
            };
        }
        if alert.is_audit() {
            return Self::Audit;
        }
        let connectivity = CONNECTIVITY.iter().any(|known| alert.kind.eq_ignore_ascii_case(known));
        match (alert.state, connectivity) {
            (State::Raised, false) => Self::AlarmRaised,
            (State::Raised, true) => Self::DeviceDown,
            (State::Cleared, false) => Self::AlarmCleared,
            (State::Cleared, true) => Self::DeviceUp,
            (State::Event, _) => Self::Event,
        }
    }

    /// The state of the alerts that it carries; audits are events.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::AlarmRaised | Self::RelayRaised | Self::DeviceDown => State::Raised,
            Self::AlarmCleared | Self::RelayCleared | Self::DeviceUp => State::Cleared,
            Self::Event | Self::Audit | Self::Heartbeat => State::Event,
        }
    }

    /// What it is for, for people: the description in the MIB.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::AlarmRaised => {
                "A problem is there. fbAlarmKey names the problem: the fbAlarmCleared that ends it carries the \
                 same key, and a later fbAlarmRaised with the same key repeats it. Severity hint: as in \
                 fbSeverity, critical(3) to warning(6)."
            }
            Self::AlarmCleared => {
                "The problem with this fbAlarmKey is gone. fbFirstSeen, fbLastSeen, fbCount and fbDuration tell \
                 how it went. Severity hint: cleared(1)."
            }
            Self::Event => {
                "Something happened that nothing will end. Severity hint: as in fbSeverity, mostly \
                 indeterminate(2)."
            }
            Self::Audit => {
                "Somebody or something changed the configuration in the cloud. Severity hint: \
                 indeterminate(2), informational."
            }
            Self::Heartbeat => {
                "The relay is alive. When none comes for a while, the relay or the way from it is broken. \
                 Severity hint: indeterminate(2), informational."
            }
            Self::RelayRaised => {
                "The relay itself has a problem; fbType says which. The fbRelayCleared that ends it carries the \
                 same fbAlarmKey. Severity hint: as in fbSeverity, critical(3) to warning(6)."
            }
            Self::RelayCleared => {
                "The relay's own problem with this fbAlarmKey is gone. Severity hint: cleared(1)."
            }
            Self::DeviceDown => {
                "An access point, switch, gateway or edge lost its connection to the cloud. It is sent in place \
                 of fbAlarmRaised, for receivers that look at the notification alone. Severity hint: as in \
                 fbSeverity, critical(3) to warning(6)."
            }
            Self::DeviceUp => {
                "An access point, switch, gateway or edge has its connection to the cloud back. It is sent in \
                 place of fbAlarmCleared, with the fbAlarmKey of the fbDeviceDown that it ends. Severity hint: \
                 cleared(1)."
            }
        }
    }
}

/// The type of the relay's own sign of life.
const HEARTBEAT: &str = "heartbeat";

/// Types that tell whether a device reaches the cloud, whatever topic they come by; the state says which.
const CONNECTIVITY: &[&str] = &[
    "AP_DISCONNECTED",
    "AP_CONNECTED",
    "SW_DISCONNECTED",
    "SW_CONNECTED",
    "GW_DISCONNECTED",
    "GW_CONNECTED",
    "ME_DISCONNECTED",
    "ME_CONNECTED",
    "device_down",
    "device_reconnected",
    "switch_down",
    "switch_reconnected",
    "gateway_down",
    "gateway_reconnected",
    "mist_edge_disconnected",
    "mist_edge_connected",
];

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId};
    use ids::Timestamp;

    use super::*;

    #[test]
    fn the_notification_follows_from_topic_type_and_state() {
        use State::{Cleared, Event, Raised};
        for (topic, kind, state, trap) in [
            ("alarms", "infra_dhcp_failure", Raised, Trap::AlarmRaised),
            ("alarms", "infra_dhcp_failure", Cleared, Trap::AlarmCleared),
            ("device-events", "SW_CONFIGURED", Event, Trap::Event),
            ("audits", "", Event, Trap::Audit),
            ("audits", "", Raised, Trap::Audit),
            ("relay", "heartbeat", Event, Trap::Heartbeat),
            ("relay", "sink_behind", Raised, Trap::RelayRaised),
            ("relay", "sink_behind", Cleared, Trap::RelayCleared),
            ("relay", "test", Event, Trap::Event),
            ("alarms", "heartbeat", Raised, Trap::AlarmRaised),
            ("device-updowns", "AP_DISCONNECTED", Raised, Trap::DeviceDown),
            ("device-updowns", "ap_connected", Cleared, Trap::DeviceUp),
            ("alarms", "switch_down", Raised, Trap::DeviceDown),
            ("alarms", "gateway_reconnected", Cleared, Trap::DeviceUp),
            ("device-events", "SW_DISCONNECTED", Event, Trap::Event),
            ("alarms", "SW_PORT_DOWN", Raised, Trap::AlarmRaised),
        ] {
            let now = Timestamp::from_micros(0);
            let mut alert = Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), topic, kind, now);
            alert.state = state;

            assert_eq!(Trap::of(&alert), trap, "{topic} {kind} {state:?}");
            assert!(trap == Trap::Audit || trap.state() == state, "{topic} {kind} {state:?}");
        }
    }
}
