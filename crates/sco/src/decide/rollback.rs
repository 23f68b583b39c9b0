//! Taking back what a run wrote, where nothing was built on it.

use std::fmt;

use ids::{Mac, SiteId};

use crate::config::{ConfigPath, Configuration};
use crate::observe::{Device, SsrState};
use crate::token::TokenFingerprint;
use crate::{ConductorHost, RouterName};

/// What a run wrote for one router, by its record.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The devices it assigned, and to which site.
    pub assigned: Vec<(Mac, SiteId)>,
    /// The settings it wrote, and what the addresses were before.
    pub settings: Option<WrittenSettings>,
    /// The values it wrote into the conductor's configuration, and what stood there before.
    pub config: Vec<WrittenValue>,
    /// Whether the authentication was ever seen completed.
    pub ever_completed: bool,
    /// Whether an asset was seen connected after the assignment.
    pub ever_connected: bool,
}

/// The settings of a site that a run wrote.
#[derive(Clone, Debug)]
pub struct WrittenSettings {
    /// The site.
    pub site: SiteId,
    /// The addresses it wrote.
    pub hosts: Vec<ConductorHost>,
    /// What they were before.
    pub hosts_before: Vec<Box<str>>,
    /// The token it wrote.
    pub token: TokenFingerprint,
}

/// One value in the configuration that a run wrote.
#[derive(Clone, Debug)]
pub struct WrittenValue {
    /// Where.
    pub path: ConfigPath,
    /// What.
    pub value: String,
    /// What stood there before; none when nothing did.
    pub before: Option<String>,
}

/// What holds now.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The devices.
    pub devices: &'a [Device],
    /// The settings of the site that was written.
    pub settings: Option<&'a SsrState>,
    /// The running configuration.
    pub running: &'a Configuration,
    /// Whether the router was named: `--force-router`.
    pub force: bool,
}

/// One step back; they are in the order in which they are made.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RollbackStep {
    /// A device is taken from its site.
    Unassign {
        /// The device.
        mac: Mac,
    },
    /// A site's addresses become what they were, and its token is taken away.
    Settings {
        /// The site.
        site: SiteId,
        /// The addresses.
        hosts: Vec<Box<str>>,
    },
    /// A value becomes what it was, or is deleted.
    Config {
        /// Where.
        path: ConfigPath,
        /// What it was.
        value: Option<String>,
    },
    /// Something holds another value than this run wrote, and stays.
    Kept {
        /// What.
        what: String,
    },
}

/// The way back for one router.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rollback {
    /// These steps.
    Steps(Vec<RollbackStep>),
    /// None: it was onboarded, or may have been.
    LeftAlone {
        /// Its name.
        router: RouterName,
    },
}

impl fmt::Display for Rollback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{} steps", steps.len()),
            Self::LeftAlone { router } => write!(
                f,
                "{router} is left alone: its authentication was completed, or its asset connected after it was assigned; \
                 `--force-router {router}` takes it back all the same, and cuts it off"
            ),
        }
    }
}

/// The way back for `router`: a value is touched only where it still is what this run wrote.
#[must_use]
pub fn rollback(router: &RouterName, written: &Written, held: &Held<'_>) -> Rollback {
    if (written.ever_completed || written.ever_connected) && !held.force {
        return Rollback::LeftAlone { router: router.clone() };
    }
    let mut steps = Vec::new();
    for (mac, site) in &written.assigned {
        let device = held.devices.iter().find(|device| device.mac == *mac);
        match device.map(|device| device.site) {
            Some(Some(found)) if found == *site => steps.push(RollbackStep::Unassign { mac: *mac }),
            Some(None) => {}
            _ => steps.push(RollbackStep::Kept { what: format!("the site of {mac}") }),
        }
    }
    if let Some(settings) = &written.settings {
        // what cannot be read may be somebody else's
        let ours = held.settings.is_some_and(|found| {
            super::settings::same_hosts(found, &settings.hosts)
                && found.token.is(settings.token) == Some(true)
        });
        steps.push(if ours {
            RollbackStep::Settings { site: settings.site, hosts: settings.hosts_before.clone() }
        } else {
            RollbackStep::Kept { what: format!("the settings of site {}", settings.site) }
        });
    }
    for WrittenValue { path, value, before } in &written.config {
        match held.running.value(path).map(|found| found.as_str()) {
            Some(Some(found)) if found == value => {
                steps.push(RollbackStep::Config { path: path.clone(), value: before.clone() });
            }
            None if before.is_none() => {}
            _ => steps.push(RollbackStep::Kept { what: path.to_string() }),
        }
    }
    Rollback::Steps(steps)
}
