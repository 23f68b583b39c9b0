//! What the configuration says of interpretation, as the interpreter wants it.

use std::time::Duration;

use alarm::{About, DampingRule, Rules, SeverityRule, Window};

use crate::config::Config;

/// The rules of a configuration that was checked.
pub(crate) fn rules(config: &Config) -> Rules {
    let severities = config.severity.iter().map(|rule| SeverityRule {
        about: About {
            types: rule.types.clone(),
            sites: rule.sites.clone(),
            device_types: rule.device_types.clone(),
            ..About::default()
        },
        severity: rule.severity,
    });
    let dampings = config.damping.iter().map(|damping| DampingRule {
        about: About { types: damping.types.clone(), ..About::default() },
        hold_down: damping.hold_down_secs.map(Duration::from_secs),
        flapping: damping.flap_count.zip(damping.flap_secs.map(Duration::from_secs)),
    });
    let windows = config.maintenance.iter().map(|window| Window {
        name: window.name.clone(),
        about: About {
            types: window.types.clone(),
            sites: window.sites.clone(),
            devices: window.devices.clone(),
            ..About::default()
        },
        from: window.from,
        until: window.until,
    });
    let repeats = config.snmp.iter().map(|sink| sink.repeat_while_active_secs);
    let repeats = repeats.chain(config.syslog.iter().map(|sink| sink.repeat_while_active_secs));
    Rules {
        severities: severities.collect(),
        dampings: dampings.collect(),
        windows: windows.collect(),
        expire_after: Duration::from_secs(config.alarms.expire_after_secs),
        max_open: config.alarms.max_open as usize,
        repeats: repeats.flatten().collect(),
    }
}
