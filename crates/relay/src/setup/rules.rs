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
        expire_after: match config.alarms.expire_after_secs {
            0 => Duration::MAX,
            secs => Duration::from_secs(secs),
        },
        max_open: config.alarms.max_open as usize,
        repeats: repeats.flatten().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use alarm::{Entry, Interpreter, Known, Own, OwnKind, State};
    use ids::Timestamp;

    use super::*;

    #[test]
    fn nothing_expires_when_problems_never_do() {
        let text = "[alarms]\nexpire_after_secs = 0\n".to_owned();
        let config = Config::parse(Path::new("fogbell.toml"), text).unwrap();
        let mut interpreter = Interpreter::new(rules(&config));
        let own = Own {
            kind: OwnKind::SinkBehind,
            resource: "noc".into(),
            state: State::Raised,
            text: "t".into(),
            count: 0,
            severity: None,
            duration_secs: None,
        };

        let read = interpreter.read(Entry::Own { at: Timestamp::from_micros(1_000_000), own });
        assert_eq!(interpreter.step(&Known::new(), read).alerts.len(), 1);

        let ten_years = Timestamp::from_micros(10 * 365 * 86_400_000_000);
        assert!(interpreter.due().is_none_or(|due| due > ten_years), "{:?}", interpreter.due());
    }
}
