//! What was told of a problem, told again or as its end.

use compact_str::format_compact;
use ids::Timestamp;

use crate::interpret::problems::Problem;
use crate::text::summary;
use crate::{Alert, Severity};

/// The raise of a problem in the row of the state, as it would be told now.
pub(in crate::interpret) fn told(row: &[u8], problem: &Problem) -> Option<Alert> {
    let mut raise: Alert = serde_json::from_slice(row).ok()?;
    raise.first_seen = Timestamp::from_micros(problem.first_seen);
    raise.last_seen = Timestamp::from_micros(problem.last_seen);
    raise.count = problem.count;
    raise.severity = problem.severity;
    Some(raise)
}

/// What was told, as the end of `problem`, with everything its raise said.
pub(super) fn ended(mut alert: Alert, raise: Option<&Alert>, problem: &Problem) -> Alert {
    alert.count = problem.count;
    alert.first_seen = Timestamp::from_micros(problem.first_seen);
    alert.last_seen = alert.last_seen.max(Timestamp::from_micros(problem.last_seen)).max(alert.first_seen);
    alert.duration_secs = Some(alert.last_seen.since(alert.first_seen).as_secs());
    alert.severity = problem.severity;
    alert.raised_as = problem.forms.to_vec();
    if let Some(raise) = raise {
        fill_from(&mut alert, raise);
    }
    alert
}

/// Fills in what an alert does not say and an earlier one about the same problem did.
pub(super) fn fill_from(alert: &mut Alert, earlier: &Alert) {
    for (text, known) in [
        (&mut alert.site, &earlier.site),
        (&mut alert.site_id, &earlier.site_id),
        (&mut alert.device, &earlier.device),
        (&mut alert.device_type, &earlier.device_type),
        (&mut alert.model, &earlier.model),
        (&mut alert.serial, &earlier.serial),
        (&mut alert.ip, &earlier.ip),
        (&mut alert.port, &earlier.port),
        (&mut alert.group, &earlier.group),
        (&mut alert.category, &earlier.category),
    ] {
        if text.is_empty() {
            text.clone_from(known);
        }
    }
    alert.mac = alert.mac.or(earlier.mac);
    if alert.severity == Severity::Unknown {
        alert.severity = earlier.severity;
    }
}

/// Writes the summary of an alert that was told before in other words.
pub(super) fn resummarise(alert: &mut Alert) {
    alert.summary = match alert.is_own() {
        true => format_compact!("{}: {}", alert.kind, alert.reason),
        false => summary(alert, &[]),
    };
}
