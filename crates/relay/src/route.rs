//! Which sink gets which alert.

use alarm::{Alert, Audience};
use webhook::Topic;

/// Decides whether a sink gets an alert; pure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route;

impl Route {
    /// Whether the sink gets `alert`: by default the topics a network team acts on, and all the relay says
    /// of itself.
    #[allow(clippy::unused_self, reason = "routes that name topics and sites are configured per sink")]
    pub(crate) fn takes(&self, sink: &str, alert: &Alert) -> bool {
        if let Audience::Only { sink: only } = &alert.audience {
            return only == sink;
        }
        alert.is_own() || Topic::new(&alert.topic).goes_everywhere()
    }
}

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId};
    use ids::Timestamp;

    use super::*;

    #[test]
    fn what_a_network_team_acts_on_goes_everywhere() {
        for (topic, takes) in [
            ("alarms", true),
            ("device-updowns", true),
            ("device-events", true),
            ("mxedge-events", true),
            ("audits", true),
            ("relay", true),
            ("ping", false),
            ("client-sessions", false),
            ("nac-events", false),
            ("tea-time", false),
        ] {
            let alert = Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), topic, "x", Timestamp::default());
            assert_eq!(Route.takes("noc", &alert), takes, "{topic}");
        }
    }
}
