//! A Session Smart Router that wants to be onboarded: a third party beside cloud, conductor and operator.
//!
//! It has a key, a serial number and a clock of its own. Once it is assigned to a site it reads the site's settings,
//! judges the token with a reader of its own, and presents itself to the conductor, which writes down what it made of it.
//!
//! ```no_run
//! use fogbell_testkit::router::{FakeRouter, Fleet};
//! # async fn run(cloud: fogbell_testkit::cloud::FakeCloud, conductor: fogbell_testkit::conductor::FakeConductor,
//! #     mac: ids::Mac) -> Result<(), Box<dyn std::error::Error>> {
//! let mut fleet = Fleet::new(vec![FakeRouter::virtual_one(mac, "LR1", "MIIBIjAN…")]);
//! cloud.move_device(mac, Some(cloud.sites(cloud.organisations()[0])?[0].0))?;
//! for attempt in fleet.look(&cloud, &conductor)? {
//!     println!("{attempt:?}");
//! }
//! assert!(conductor.bindings().iter().all(|binding| binding.outcome.is_bound()));
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use ids::{Mac, SiteId, Timestamp};
use serde_json::Value;
use tokio::time::Instant;

use crate::cloud::{Conducted, FakeCloud, NoSuch};
use crate::conductor::jwt::{Jwt, is_issued_by};
use crate::conductor::{FakeConductor, Outcome, Presented};
use crate::{Missed, Switch, UnknownSwitch};

/// A router that was never there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FakeRouter {
    /// Its MAC address.
    pub mac: Mac,
    /// The asset id by which it calls itself.
    pub asset_id: String,
    /// The public endorsement key of its TPM; what it proves to have, whatever Mist says.
    pub endorsement_key: Option<String>,
    /// The serial number in its device certificate.
    pub device_serial: Option<String>,
    /// How far its clock is ahead of the machine's.
    pub ahead_secs: i64,
}

impl FakeRouter {
    /// A virtual machine with a TPM: it shows its endorsement key.
    #[must_use]
    pub fn virtual_one(mac: Mac, asset_id: &str, endorsement_key: &str) -> Self {
        Self {
            mac,
            asset_id: asset_id.to_owned(),
            endorsement_key: Some(endorsement_key.to_owned()),
            device_serial: None,
            ahead_secs: 0,
        }
    }

    /// Hardware with a device certificate: its asset id is the serial number in it.
    #[must_use]
    pub fn hardware(mac: Mac, serial: &str) -> Self {
        Self {
            mac,
            asset_id: serial.to_owned(),
            endorsement_key: None,
            device_serial: Some(serial.to_owned()),
            ahead_secs: 0,
        }
    }

    /// It was assigned, and is told `ssr` of the settings: what it does with that.
    #[must_use]
    pub fn assigned(&self, ssr: &Value, conductor: &FakeConductor) -> Attempt {
        let hosts: Vec<&str> =
            ssr["conductor_hosts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !conductor.public_hosts().iter().any(|host| hosts.contains(&host.as_str())) {
            return Attempt::NoConductor;
        }
        let token = ssr["conductor_token"].as_str().unwrap_or_default();
        if token.is_empty() {
            return Attempt::NoToken;
        }
        if let Err(reason) = self.judge(token) {
            return Attempt::TokenRefused(reason);
        }
        let presented = Presented {
            token: token.to_owned(),
            asset_id: self.asset_id.clone(),
            endorsement_key: self.endorsement_key.clone(),
            device_serial: self.device_serial.clone(),
            machine: self.mac.to_string(),
        };
        Attempt::Presented(conductor.present(&presented))
    }

    /// What a router can tell of a token: it names this asset, its authority has signed its certificate, and that
    /// certificate the token. Whether it is expired is for the conductor's clock.
    fn judge(&self, token: &str) -> Result<(), String> {
        let token = Jwt::read(token)?;
        if !token.asset_ids().contains(&self.asset_id.as_str()) {
            return Err("the token is for another asset".to_owned());
        }
        let ca = token.certificate("conductor-ca-cert").ok_or("the token has no authority")?;
        let server = token.certificate("conductor-public-cert").ok_or("the token has no certificate")?;
        let now = Timestamp::now().micros().div_euclid(1_000_000) + self.ahead_secs;
        if !is_issued_by(&server, &ca, now) {
            return Err("the certificate in the token is not good, or not of its authority".to_owned());
        }
        if token.algorithm.starts_with("RS") && !token.is_signed_by(&server) {
            return Err("the token is not signed by its certificate".to_owned());
        }
        Ok(())
    }
}

/// What a router did after it was assigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Attempt {
    /// The settings name no conductor, or another.
    NoConductor,
    /// The settings have no token.
    NoToken,
    /// It does not take the token, for this reason.
    TokenRefused(String),
    /// It presented itself, with this outcome.
    Presented(Outcome),
}

/// When a router that was not taken tries again (U8); what it does in between is not documented.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TriesAgain {
    /// Only when it is assigned anew.
    #[default]
    Never,
    /// Whenever the site says something else.
    WhenToldOtherwise,
}

/// Routers that wait to be assigned.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// The routers.
    pub routers: Vec<FakeRouter>,
    /// When one that was not taken tries again.
    pub tries_again: TriesAgain,
    /// How long one that was taken is gone from Mist, while it starts again.
    pub away: Duration,
    /// Where each was seen last, and what it was told.
    seen: BTreeMap<Mac, Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    site: Option<SiteId>,
    told: Value,
    bound: bool,
    /// When Mist has it again.
    back: Option<Instant>,
}

impl Fleet {
    /// These routers, none of them assigned.
    #[must_use]
    pub fn new(routers: Vec<FakeRouter>) -> Self {
        Self { routers, ..Self::default() }
    }

    /// Every switch with its values, the usual one first.
    pub const SWITCHES: &[Switch] = &[("tries-again", &["never", "when-told-otherwise"])];

    /// Sets a switch by name.
    ///
    /// # Errors
    ///
    /// [`UnknownSwitch`] for what is not among the [`SWITCHES`](Self::SWITCHES).
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownSwitch> {
        self.tries_again = match (name, value) {
            ("tries-again", "never") => TriesAgain::Never,
            ("tries-again", "when-told-otherwise") => TriesAgain::WhenToldOtherwise,
            _ => return Err(UnknownSwitch::new(name, value)),
        };
        Ok(())
    }

    /// Looks where each router is: one that came to a site since it was looked at last does what a router then does. What
    /// the site says goes before what the organisation says. Once it is bound, the cloud shows its conductor. One that the
    /// cloud does not have does nothing.
    ///
    /// # Errors
    ///
    /// [`NoSuch`] for what was taken away meanwhile.
    pub fn look(
        &mut self,
        cloud: &FakeCloud,
        conductor: &FakeConductor,
    ) -> Result<Vec<(Mac, Attempt)>, NoSuch> {
        let mut attempts = Vec::new();
        for router in &self.routers {
            let Ok(device) = cloud.device(router.mac) else { continue };
            let seen = self.seen.entry(router.mac).or_default();
            if seen.back.is_some_and(|back| back <= Instant::now()) {
                seen.back = None;
                cloud.set_connected(router.mac, true)?;
            }
            let Some(site) = device.site else {
                *seen = Seen { back: seen.back, ..Seen::default() };
                continue;
            };
            let told = cloud.ssr_setting(site)?;
            let again = self.tries_again == TriesAgain::WhenToldOtherwise && !seen.bound && seen.told != told;
            if seen.site == Some(site) && !again {
                continue;
            }
            let attempt = router.assigned(&told, conductor);
            let bound = attempt == Attempt::Presented(Outcome::Bound);
            *seen = Seen { site: Some(site), told, bound, back: None };
            if bound {
                if !self.away.is_zero() {
                    seen.back = Some(Instant::now() + self.away);
                    cloud.set_connected(router.mac, false)?;
                }
                let bound = conductor.bindings().pop().and_then(|binding| binding.router).unwrap_or_default();
                let conducted = Conducted { router_name: bound.into(), conductor_name: "conductor".into() };
                cloud.set_conducted(router.mac, Some(conducted))?;
            }
            attempts.push((router.mac, attempt));
        }
        Ok(attempts)
    }

    /// Looks after every call to the cloud until `until` says so of what happened so far.
    ///
    /// # Errors
    ///
    /// [`Missed`] when it does not within the time.
    ///
    /// # Panics
    ///
    /// When the cloud loses a router or a site while it is looked at.
    pub async fn live(
        &mut self,
        cloud: &FakeCloud,
        conductor: &FakeConductor,
        within: Duration,
        mut until: impl FnMut(&[(Mac, Attempt)]) -> bool,
    ) -> Result<Vec<(Mac, Attempt)>, Missed> {
        let deadline = Instant::now() + within;
        let mut all = Vec::new();
        loop {
            let seen = cloud.call_count();
            all.extend(self.look(cloud, conductor).expect("nothing is taken away meanwhile"));
            if until(&all) {
                return Ok(all);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            cloud.wait_for_calls(seen + 1, left).await?;
        }
    }
}
