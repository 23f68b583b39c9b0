//! How alarms are graded, held back and ended; maintenance windows.

use super::Checks;
use crate::Error;
use crate::config::{MAX_HOLD_DOWN, MIN_FLAPS};

impl Checks<'_> {
    pub(super) fn alarms(&self) -> Result<(), Error> {
        if self.config.alarms.max_open == 0 {
            return Err(self.wrong(
                "alarms.max_open",
                "0 would keep no problem in mind; use at least 1",
                None,
            ));
        }
        self.severities()?;
        self.damping()?;
        self.maintenance()
    }

    fn severities(&self) -> Result<(), Error> {
        for (i, rule) in self.config.severity.iter().enumerate() {
            let keys = format!("severity[{i}]");
            let lists =
                [("types", &rule.types), ("sites", &rule.sites), ("device_types", &rule.device_types)];
            self.lists(&keys, &lists)?;
            if lists.iter().all(|(_, list)| list.is_empty()) {
                let what = "this would grade everything alike; set `types`, `sites` or `device_types`";
                return Err(self.wrong(&keys, what, None));
            }
        }
        Ok(())
    }

    fn damping(&self) -> Result<(), Error> {
        for (i, damping) in self.config.damping.iter().enumerate() {
            let keys = format!("damping[{i}]");
            self.lists(&keys, &[("types", &damping.types)])?;
            if damping.types.is_empty() {
                let what = "this holds back nothing; name the types";
                return Err(self.wrong(&format!("{keys}.types"), what, None));
            }
            for (key, value) in [("hold_down_secs", damping.hold_down_secs), ("flap_secs", damping.flap_secs)]
            {
                if value.is_some_and(|secs| !(1..=MAX_HOLD_DOWN).contains(&secs)) {
                    let what = format!("use 1 to {MAX_HOLD_DOWN} seconds, or leave it out");
                    return Err(self.wrong(&format!("{keys}.{key}"), &what, None));
                }
            }
            if damping.flap_count.is_some_and(|count| count < MIN_FLAPS) {
                let what = format!("what comes back fewer than {MIN_FLAPS} times does not flap");
                return Err(self.wrong(&format!("{keys}.flap_count"), &what, None));
            }
            let what = match (damping.hold_down_secs, damping.flap_count, damping.flap_secs) {
                (None, None, None) => {
                    "this does nothing; set `hold_down_secs`, or `flap_count` and `flap_secs`"
                }
                (_, Some(_), None) => "`flap_count` needs `flap_secs`: so often in which time?",
                (_, None, Some(_)) => "`flap_secs` needs `flap_count`: how often in this time?",
                _ => continue,
            };
            return Err(self.wrong(&keys, what, None));
        }
        Ok(())
    }

    fn maintenance(&self) -> Result<(), Error> {
        let windows = &self.config.maintenance;
        for (i, window) in windows.iter().enumerate() {
            let keys = format!("maintenance[{i}]");
            let lists = [("sites", &window.sites), ("devices", &window.devices), ("types", &window.types)];
            for (key, text) in [("name", &window.name), ("who", &window.who), ("why", &window.why)] {
                if text.trim().is_empty() {
                    let what = format!("a maintenance window needs `{key}`");
                    return Err(self.wrong(&format!("{keys}.{key}"), &what, None));
                }
            }
            if windows[..i].iter().any(|other| other.name == window.name) {
                let what = format!("another maintenance window is called `{}`", window.name);
                return Err(self.wrong(&format!("{keys}.name"), &what, None));
            }
            if window.until <= window.from {
                let what = "a maintenance window ends after it begins (`from`)";
                return Err(self.wrong(&format!("{keys}.until"), what, None));
            }
            self.lists(&keys, &lists)?;
            if lists.iter().all(|(_, list)| list.is_empty()) {
                let what = "this window is for nothing; set `sites`, `devices` or `types`";
                return Err(self.wrong(&keys, what, None));
            }
        }
        Ok(())
    }

    /// Refuses an empty text in a list of names.
    fn lists(&self, keys: &str, lists: &[(&str, &Vec<String>)]) -> Result<(), Error> {
        for (key, list) in lists {
            if let Some(j) = list.iter().position(|text| text.trim().is_empty()) {
                return Err(self.wrong(&format!("{keys}.{key}[{j}]"), "an empty name is nobody's", None));
            }
        }
        Ok(())
    }
}
