//! What somebody else does in the cloud while the one that is tested works there.

use ids::{Mac, OrgId, SiteId};
use serde_json::Value;

use super::world::World;

/// What somebody else does, by the portal or with a token of his own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Foreign {
    /// Sets a key of a site's setting, as in `ssr`.
    SiteSetting(SiteId, String, Value),
    /// Sets a key of the organisation's setting.
    OrgSetting(OrgId, String, Value),
    /// Moves a device to a site, or to none.
    Move(Mac, Option<SiteId>),
    /// Takes a device out of the inventory.
    Remove(Mac),
    /// A device comes or goes.
    Connected(Mac, bool),
    /// Revokes the token with this key.
    Revoke(String),
}

/// What is wrong with the assignment of a device, inside an answer of 200.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AssignmentFault {
    /// It is not done, and the answer says so with this reason.
    Refused(String),
    /// It is not done, and the answer says that it is.
    SaidButNotDone,
    /// It is done, and the answer says that it is not.
    DoneButRefused(String),
    /// It is done, and the answer does not mention the device.
    DoneUnsaid,
}

/// What somebody else does right before a call.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) part: String,
    pub(super) calls_left: u64,
    pub(super) what: Foreign,
}

impl World {
    /// Somebody does this now; what is not there is not changed.
    pub(super) fn foreign(&mut self, what: Foreign) {
        let now = self.seconds();
        match what {
            Foreign::SiteSetting(site, key, value) => {
                let place = self.organisations.iter_mut().find_map(|org| org.site_mut(site));
                if let Some(place) = place {
                    place.setting.insert(key, value);
                    place.modified = now;
                }
            }
            Foreign::OrgSetting(org, key, value) => {
                if let Ok(organisation) = self.organisation_mut(org) {
                    organisation.setting.insert(key, value);
                }
            }
            Foreign::Move(mac, site) => {
                if let Ok(device) = self.device_mut(mac) {
                    device.site = site;
                    device.touch(now);
                }
            }
            Foreign::Remove(mac) => {
                self.organisations.iter_mut().for_each(|org| drop(org.devices.remove(mac)));
            }
            Foreign::Connected(mac, connected) => {
                if let Ok(device) = self.device_mut(mac) {
                    device.connected = connected;
                }
            }
            Foreign::Revoke(key) => {
                self.tokens
                    .iter_mut()
                    .filter(|token| token.key == key)
                    .for_each(|token| token.revoked = true);
            }
        }
    }

    /// Somebody does what was to be done before this call (`GET /api/v1/…?…`).
    pub(super) fn before(&mut self, call: &str) {
        let mut due = Vec::new();
        self.waiting.retain_mut(|waiting| {
            if !call.contains(&waiting.part) {
                return true;
            }
            waiting.calls_left = waiting.calls_left.saturating_sub(1);
            if waiting.calls_left == 0 {
                due.push(waiting.what.clone());
            }
            waiting.calls_left > 0
        });
        due.into_iter().for_each(|what| self.foreign(what));
    }
}
