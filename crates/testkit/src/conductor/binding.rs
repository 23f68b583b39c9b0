//! Which machine was taken for which node.

use std::time::Duration;

use ids::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::jwt::Jwt;
use super::settings::ConductorSettings;
use super::tree;
use super::world::World;

/// What a machine shows when it wants to be onboarded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Presented {
    /// The token that it was given.
    pub token: String,
    /// Its asset id.
    pub asset_id: String,
    /// The public endorsement key of its TPM, base64 of `SubjectPublicKeyInfo` in DER; it is proved to be its own.
    pub endorsement_key: Option<String>,
    /// The serial number in the subject of its device certificate; it is proved to be its own.
    pub device_serial: Option<String>,
    /// What it really is: only for the log.
    pub machine: String,
}

/// One attempt of a machine to be onboarded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Binding {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// What it really is.
    pub machine: String,
    /// The asset id that it showed.
    pub asset_id: String,
    /// The public endorsement key that it showed, and proved to be its own.
    pub endorsement_key: Option<String>,
    /// The serial number of the device certificate that it showed, and proved to be its own.
    pub device_serial: Option<String>,
    /// The router that it was taken for, or would have been.
    pub router: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was taken for the node.
    Bound,
    /// It was refused, for this reason.
    Refused(String),
}

impl Outcome {
    /// Whether it was taken for the node.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        *self == Self::Bound
    }
}

/// An asset that was onboarded.
#[derive(Clone, Debug)]
pub(super) struct Onboarded {
    pub(super) since: Instant,
    /// Shown as waiting, though it is onboarded.
    pub(super) forgotten: bool,
}

impl World {
    /// Judges an attempt, and writes it down.
    pub(super) fn present(&mut self, presented: &Presented) -> Outcome {
        let owner = self.owner(&presented.asset_id);
        let outcome = match self.judge(presented, owner.as_ref()) {
            Ok(()) => Outcome::Bound,
            Err(reason) => Outcome::Refused(reason),
        };
        if outcome.is_bound() {
            let onboarded = Onboarded { since: Instant::now(), forgotten: false };
            self.onboarded.insert(presented.asset_id.clone(), onboarded);
            self.statuses.remove(&presented.asset_id);
        }
        let (router, node) = owner.unzip();
        self.bindings.push(Binding {
            at: Timestamp::now(),
            machine: presented.machine.clone(),
            asset_id: presented.asset_id.clone(),
            endorsement_key: presented.endorsement_key.clone(),
            device_serial: presented.device_serial.clone(),
            router,
            node,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// As the documents have it: the token is this conductor's and good, names the asset, holds the router's secret;
    /// with `strong` the device certificate bears the asset id, or the endorsement key is that of the node.
    fn judge(&self, presented: &Presented, owner: Option<&(String, String)>) -> Result<(), String> {
        if !self.is_in_effect() {
            return Err("secure onboarding is not in effect before every node is restarted".to_owned());
        }
        let token = Jwt::read(&presented.token)?;
        let own = token.certificate("conductor-public-cert");
        if own.as_deref() != self.authority.certificate().as_deref() {
            return Err("the token names another certificate".to_owned());
        }
        let signed = own.is_some_and(|certificate| token.is_signed_by(&certificate));
        if !signed && token.algorithm == self.readings.token_algorithm && token.algorithm.starts_with("RS") {
            return Err("the token is not signed by this conductor".to_owned());
        }
        if token.algorithm != self.readings.token_algorithm {
            return Err(format!("the token is signed with {}", token.algorithm));
        }
        if token.expires().is_some_and(|expires| expires <= self.now()) {
            return Err("the token is expired".to_owned());
        }
        if !token.asset_ids().contains(&presented.asset_id.as_str()) {
            return Err("the token does not name this asset".to_owned());
        }
        let (router, node) = owner.ok_or("no node has this asset id")?;
        let secret = self.secret(router);
        if secret.is_empty() || token.text("secret") != secret {
            return Err("the token holds another secret".to_owned());
        }
        if self.readings.stale_state && self.onboarded.contains_key(&presented.asset_id) {
            return Err("the token is expired".to_owned()); // what I95-65526 makes of stale state
        }
        match self.mode(router) {
            "weak" => Ok(()),
            "strong" => self.judge_identity(presented, router, node),
            _ => Err("onboarding is off for this router".to_owned()),
        }
    }

    fn judge_identity(&self, presented: &Presented, router: &str, node: &str) -> Result<(), String> {
        if let Some(serial) = &presented.device_serial {
            let good = *serial == presented.asset_id;
            return if good {
                Ok(())
            } else {
                Err("the device certificate has another serial number".to_owned())
            };
        }
        let path =
            ["authority", "router", router, "node", node, "secure-conductor-onboarding", "endorsement-key"];
        let configured = tree::find(&self.running, &path).and_then(Value::as_str);
        match (configured, presented.endorsement_key.as_deref()) {
            (Some(configured), Some(shown)) if configured == shown => Ok(()),
            (None, _) => Err("the node has no endorsement key".to_owned()),
            _ => Err("the endorsement key is another".to_owned()),
        }
    }

    /// The auth state of an asset, and the state of the asset itself.
    pub(super) fn states(&self, asset_id: &str, settings: &ConductorSettings) -> (String, String) {
        let readings = &self.readings;
        let first = readings.asset_words.first().cloned().unwrap_or_else(|| "pending".to_owned());
        let (auth, status) = match self.onboarded.get(asset_id) {
            None => (readings.waiting_word.clone(), first),
            Some(onboarded) => {
                let since = onboarded.since.elapsed();
                let completed = since >= settings.pace.completed && !onboarded.forgotten;
                let auth = if completed { "completed" } else { &readings.waiting_word };
                (auth.to_owned(), self.status_after(since, settings))
            }
        };
        (auth, self.statuses.get(asset_id).cloned().unwrap_or(status))
    }

    fn status_after(&self, since: Duration, settings: &ConductorSettings) -> String {
        let words = &self.readings.asset_words;
        let whole = settings.pace.running;
        if since >= whole || words.is_empty() {
            return "running".to_owned();
        }
        let share = since.as_secs_f64() / whole.as_secs_f64();
        let at =
            (0..words.len()).rev().find(|&at| share * words.len() as f64 >= at as f64).unwrap_or_default();
        words[at].clone()
    }
}
