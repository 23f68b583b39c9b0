//! What an operator decides about interpretation.

use std::collections::BTreeSet;
use std::time::Duration;

use ids::Timestamp;

use crate::catalogue::normal;
use crate::{Alert, Severity};

/// What an operator decides about interpretation; the default is what the documentation says.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Severities that replace Mist's; the first that matches counts.
    pub severities: Vec<SeverityRule>,
    /// Types whose raises wait or are damped; the first that matches counts.
    pub dampings: Vec<DampingRule>,
    /// Maintenance windows; the first that matches counts.
    pub windows: Vec<Window>,
    /// After how long without a word an open problem expires.
    pub expire_after: Duration,
    /// How many problems are remembered at most.
    pub max_open: usize,
    /// After how many seconds sinks want to be told again of what is still there.
    pub repeats: BTreeSet<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            severities: Vec::new(),
            dampings: Vec::new(),
            windows: Vec::new(),
            expire_after: Duration::from_secs(7 * 86_400),
            max_open: 100_000,
            repeats: BTreeSet::new(),
        }
    }
}

/// A severity that replaces Mist's.
#[derive(Clone, Debug)]
pub struct SeverityRule {
    /// What it is about.
    pub about: About,
    /// The severity.
    pub severity: Severity,
}

/// When raises wait or are damped.
#[derive(Clone, Debug, Default)]
pub struct DampingRule {
    /// What it is about.
    pub about: About,
    /// How long a raise waits; when it is cleared meanwhile, neither is told.
    pub hold_down: Option<Duration>,
    /// How many raises in how long are flapping: then one raise is told, and the end once it is calm for as long.
    pub flapping: Option<(u32, Duration)>,
}

/// A maintenance window.
#[derive(Clone, Debug)]
pub struct Window {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: About,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// What a rule is about: each list that is not empty must have the alert's.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Types, in any case; a clear is judged by the type of its raise.
    pub types: Vec<String>,
    /// Sites, by name or id.
    pub sites: Vec<String>,
    /// Devices, by name or MAC address.
    pub devices: Vec<String>,
    /// `ap`, `switch`, `gateway`, `mxedge`.
    pub device_types: Vec<String>,
}

impl About {
    fn takes(&self, alert: &Alert) -> bool {
        let any =
            |list: &[String], same: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|it| same(it));
        let is_kind = |it: &str| {
            let it = normal(it);
            match alert.raised_as.as_slice() {
                [] => it == normal(&alert.kind),
                raised => raised.iter().any(|raised| it == normal(&raised.kind)),
            }
        };
        any(&self.types, &is_kind)
            && any(&self.sites, &|it| it == alert.site || it == alert.site_id)
            && any(&self.devices, &|it| {
                it == alert.device
                    || alert.mac.is_some_and(|mac| it.parse().is_ok_and(|it: ids::Mac| it == mac))
            })
            && any(&self.device_types, &|it| it.eq_ignore_ascii_case(&alert.device_type))
    }
}

impl Rules {
    pub(crate) fn severity(&self, alert: &Alert) -> Option<Severity> {
        self.severities.iter().find(|rule| rule.about.takes(alert)).map(|rule| rule.severity)
    }

    pub(crate) fn damping(&self, alert: &Alert) -> Option<&DampingRule> {
        self.dampings.iter().find(|rule| rule.about.takes(alert))
    }

    /// The window that mutes `alert` at this time.
    pub(crate) fn window(&self, alert: &Alert, at: Timestamp) -> Option<&Window> {
        let open = |window: &&Window| window.from <= at && at < window.until;
        self.windows.iter().filter(open).find(|window| window.about.takes(alert))
    }

    /// When the window of this name ends; one that is not configured any more has ended.
    pub(crate) fn window_end(&self, name: &str) -> Timestamp {
        let ends = self.windows.iter().filter(|window| window.name == name).map(|window| window.until);
        ends.max().unwrap_or_default()
    }
}
