//! Checks before a plan is carried out; what is not known is no pass.

use std::fmt;
use std::time::Duration;

use conductor::Version;
use ids::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::{ConfigPath, Configuration};

/// How a check ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It holds, and a person should know something.
    Warn,
    /// It does not hold.
    Fail,
    /// Nobody can say; a person who knows says so with `--assume`.
    Unknown,
}

/// One check.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name, as `--assume` takes it: lower-case letters and `-`.
    pub name: Box<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen, and what to do when it did not pass.
    pub detail: Box<str>,
    /// Where that was seen.
    pub source: Box<str>,
}

/// All checks.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Preflight {
    /// In their order.
    pub checks: Vec<Check>,
}

impl Preflight {
    /// What stands in the way: what failed, and what is not known and not in `assumed`. Nothing makes a failure pass.
    pub fn in_the_way<'a>(&'a self, assumed: &'a [Box<str>]) -> impl Iterator<Item = &'a Check> {
        self.checks.iter().filter(|check| match check.outcome {
            Outcome::Pass | Outcome::Warn => false,
            Outcome::Fail => true,
            Outcome::Unknown => !assumed.contains(&check.name),
        })
    }
}

impl Check {
    fn new(name: &str, outcome: Outcome, detail: impl Into<Box<str>>, source: &str) -> Self {
        Self { name: name.into(), outcome, detail: detail.into(), source: source.into() }
    }
}

/// Whether the conductor has Secure Conductor Onboarding, and its known faults mended.
#[must_use]
pub fn version_check(version: Option<&Version>) -> Check {
    let (outcome, detail) = match version {
        None => (Outcome::Unknown, "its version could not be read; look at `show system version`".to_owned()),
        Some(version) if !version.has_onboarding() => (
            Outcome::Fail,
            format!("{version} has no Secure Conductor Onboarding; upgrade to 7.1.3 or later"),
        ),
        Some(version) if !version.is_mended() => (
            Outcome::Warn,
            format!(
                "{version}: reused node names are rejected (I95-65526), onboarded routers are shown as waiting after an upgrade \
                 (I95-65609), chains in a certificate's file are refused (I95-65719); mended in 7.2.3"
            ),
        ),
        Some(version) => (Outcome::Pass, version.to_string()),
    };
    Check::new("conductor-version", outcome, detail, "conductor")
}

/// Whether the two clocks agree: a token is judged by the conductor's.
#[must_use]
pub fn clock_check(conductor: Option<Timestamp>, here: Timestamp) -> Check {
    let (outcome, detail) = match conductor {
        None => (Outcome::Unknown, "the conductor does not tell its time; compare `date` on it".to_owned()),
        Some(conductor) => {
            let skew = conductor.since(here).max(here.since(conductor));
            let apart = skew.as_secs();
            if is_skewed(skew) {
                let detail = format!(
                    "{apart} s apart, and more than {} s is too much: tokens are judged by the conductor's clock, and would have \
                     expired there or be good for longer than is meant; set both by NTP",
                    MAX_SKEW.as_secs()
                );
                (Outcome::Fail, detail)
            } else {
                (Outcome::Pass, format!("{apart} s apart; tokens are judged by the conductor's clock"))
            }
        }
    };
    Check::new("clock", outcome, detail, "Date header of the conductor")
}

/// Whether the authority is prepared: both certificates named, and assets connected over SSH only.
#[must_use]
pub fn authority_checks(running: &Configuration) -> [Check; 2] {
    let at = |names: &[&str]| running.value(&ConfigPath::new(&[&["authority"], names].concat()));
    let certificates = ["public-certificate", "ca-certificate"];
    let missing: Vec<&str> = certificates
        .into_iter()
        .filter(|name| {
            at(&["secure-conductor-onboarding", name]).and_then(Value::as_str).is_none_or(str::is_empty)
        })
        .collect();
    let certificates = if missing.is_empty() {
        Check::new("certificates", Outcome::Pass, "public-certificate and ca-certificate are set", RUNNING)
    } else {
        let missing = missing.join(" and ");
        let detail = format!(
            "authority secure-conductor-onboarding has no {missing}, so that no token can be made; `render --conductor-setup` \
             prints the commands"
        );
        Check::new("certificates", Outcome::Fail, detail, RUNNING)
    };
    let ssh_only = at(&["asset-connection-resiliency", "ssh-only"]);
    let on = ssh_only.is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"));
    let ssh_only = if on {
        Check::new("ssh-only", Outcome::Pass, "asset-connection-resiliency ssh-only is true", RUNNING)
    } else {
        let detail = "asset-connection-resiliency ssh-only is not true, as Secure Conductor Onboarding wants it; \
                      `render --conductor-setup` prints the command";
        Check::new("ssh-only", Outcome::Fail, detail, RUNNING)
    };
    [certificates, ssh_only]
}

/// How many routers cannot onboard again once 4505 and 4506 are closed.
#[must_use]
pub fn legacy_check(routers: usize) -> Check {
    let (outcome, detail) = if routers == 0 {
        (Outcome::Pass, "no router is connected without Secure Conductor Onboarding".to_owned())
    } else {
        (
            Outcome::Warn,
            format!(
                "{routers} routers are connected without it; they cannot onboard again once 4505 and 4506 are closed"
            ),
        )
    };
    Check::new("legacy-routers", outcome, detail, "assets and running configuration")
}

/// What a TCP connection to a port of a conductor's node came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PortProbe {
    /// It was accepted.
    Open,
    /// It was refused.
    Closed,
    /// There was no answer.
    Silent,
}

/// Whether a node was restarted since Secure Conductor Onboarding was turned on, by a `probe` of 4505 or 4506.
///
/// Open says that it is not in effect there. Closed and silent say that it is, or that something between is in the way.
/// `enabled` says whether any router has a mode other than `disabled`; before that an open port is as it should be.
#[must_use]
pub fn restart_check(node: &str, probe: PortProbe, enabled: bool) -> Check {
    let (outcome, detail) = match (probe, enabled) {
        (PortProbe::Open, true) => (
            Outcome::Fail,
            "4505 or 4506 is open, so that Secure Conductor Onboarding is not in effect here; restart the node in a change \
             window",
        ),
        (PortProbe::Open, false) => (
            Outcome::Warn,
            "4505 or 4506 is open; once a router has a mode, restart the node, and it closes for legacy routers",
        ),
        (PortProbe::Closed | PortProbe::Silent, _) => (
            Outcome::Unknown,
            "4505 and 4506 do not answer: Secure Conductor Onboarding is in effect, or a firewall is between; if you know \
             that the node was restarted since, say `--assume restart`",
        ),
    };
    Check::new("restart", outcome, format!("{}: {detail}", crate::names::shown(node)), "TCP probe")
}

/// Whether two clocks are so far apart that nothing is begun.
#[must_use]
pub fn is_skewed(skew: Duration) -> bool {
    skew > MAX_SKEW
}

/// Whether a node was restarted since a run turned Secure Conductor Onboarding on.
///
/// `legacy` is a probe of 4505 or 4506, `onboarding` one of 933; `was_open` says whether one of the former was open before the
/// first mode, and `said` whether a person says that the node was restarted. Open shows that it was not; what was open and
/// is closed while 933 is open shows that it was. All else a person must say.
#[must_use]
pub fn restarted_check(
    node: &str,
    legacy: PortProbe,
    onboarding: PortProbe,
    was_open: bool,
    said: bool,
) -> Check {
    let (outcome, detail) = match (legacy, onboarding) {
        (PortProbe::Open, _) => (
            Outcome::Fail,
            "4505 or 4506 is open: it was not restarted since this run turned Secure Conductor Onboarding on; restart it in a \
             change window, then `resume`",
        ),
        (PortProbe::Closed, PortProbe::Open) if was_open => (
            Outcome::Pass,
            "4505 or 4506 was open before this run turned Secure Conductor Onboarding on, and both are closed now: it was \
             restarted",
        ),
        _ if said => (Outcome::Pass, "somebody says that it was restarted, and 4505 and 4506 do not answer"),
        _ => (
            Outcome::Fail,
            "whether it was restarted since this run turned Secure Conductor Onboarding on cannot be seen from here: 4505 and \
             4506 did not answer before, or something is in the way. When every node was, `resume --conductor-restarted`",
        ),
    };
    Check::new("restart", outcome, format!("{}: {detail}", crate::names::shown(node)), "TCP probe")
}

/// Whether the first mode is still to come, which is what a restart is needed for.
#[must_use]
pub fn first_mode_check(enabled: bool) -> Check {
    let (outcome, detail) = if enabled {
        (Outcome::Pass, "a router has a mode already")
    } else {
        (
            Outcome::Warn,
            "no router of this conductor has a mode yet: the first commit of a run turns Secure Conductor Onboarding on, and \
             `apply` ends behind it (exit code 7) until every node of the conductor is restarted; plan a change window",
        )
    };
    Check::new("first-mode", outcome, detail, RUNNING)
}

/// More than a minute is too much.
const MAX_SKEW: Duration = Duration::from_secs(60);
const RUNNING: &str = "running configuration";

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
            Self::Unknown => "UNKNOWN",
        })
    }
}
