//! What the conductor knows.

use std::collections::BTreeMap;

use ids::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::authority::Authority;
use super::binding::{Binding, Onboarded};
use super::foreign::Waiting;
use super::ports::Knock;
use super::settings::{CertificateForm, ConductorSettings, Readings};
use super::validate::{Found, validate};
use super::{jwt, tree};
use crate::base64;
use crate::rng::Rng;

/// One call of REST, or one command.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ask {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// The account; empty when nobody was logged in.
    pub account: String,
    /// Method, path and query of a call; a command as it was typed.
    pub what: String,
    /// The body of a call that is no login, as it came.
    pub body: String,
    /// Whether it was to change something.
    pub writes: bool,
    /// The status of the answer; none of a command, and none when no answer was given.
    pub status: Option<u16>,
}

/// One commit that worked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Commit {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// Who, as in `rest`, `pcli` or `another`.
    pub by: &'static str,
    /// The running configuration before it.
    pub before: Value,
    /// The running configuration after it.
    pub after: Value,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) running: Value,
    pub(super) candidate: Value,
    pub(super) readings: Readings,
    pub(super) authority: Authority,
    /// The token of each session, and its account.
    pub(super) sessions: BTreeMap<String, String>,
    pub(super) asked: Vec<Ask>,
    pub(super) commits: Vec<Commit>,
    pub(super) bindings: Vec<Binding>,
    pub(super) onboarded: BTreeMap<String, Onboarded>,
    /// Assets whose state is set by hand, legacy ones among them.
    pub(super) statuses: BTreeMap<String, String>,
    /// Asset ids that two devices have.
    pub(super) duplicates: Vec<String>,
    /// What others do before calls to come.
    pub(super) waiting: Vec<Waiting>,
    pub(super) knocks: Vec<Knock>,
    pub(super) faults: Vec<(String, String)>,
    pub(super) ahead_secs: i64,
    /// Of each node, whether secure onboarding is in effect there.
    in_effect: Vec<bool>,
    rng: Rng,
}

impl World {
    pub(super) fn new(settings: &ConductorSettings, authority: Authority) -> Self {
        let running = first(settings);
        let mut world = Self {
            candidate: running.clone(),
            running,
            readings: settings.readings.clone(),
            authority,
            sessions: BTreeMap::new(),
            asked: Vec::new(),
            commits: Vec::new(),
            bindings: Vec::new(),
            onboarded: BTreeMap::new(),
            statuses: BTreeMap::new(),
            duplicates: Vec::new(),
            waiting: Vec::new(),
            knocks: Vec::new(),
            faults: Vec::new(),
            ahead_secs: 0,
            in_effect: vec![settings.in_effect; settings.nodes()],
            rng: Rng::new(u64::try_from(Timestamp::now().micros()).unwrap_or(1)),
        };
        if settings.in_effect {
            world.add_first();
        }
        world
    }

    /// The conductor's clock, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        Timestamp::now().micros().div_euclid(1_000_000) + self.ahead_secs
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.candidate != self.running
    }

    /// A session's token in the form of a JWT.
    pub(super) fn log_in(&mut self, user: &str) -> String {
        let payload = json!({ "name": user, "scopes": ["configure", "show-commands"], "n": self.rng.bits() });
        let part = |text: &str| jwt::url(text.as_bytes());
        let token = format!("{}.{}.FAKE", part(r#"{"alg":"RS256"}"#), part(&payload.to_string()));
        self.sessions.insert(token.clone(), user.to_owned());
        token
    }

    pub(super) fn validate(&self) -> Vec<Found> {
        validate(&self.running, &self.candidate, &self.faults)
    }

    pub(super) fn commit(&mut self, by: &'static str) -> Result<(), Vec<Found>> {
        let found = self.validate();
        if !found.is_empty() {
            return Err(found);
        }
        self.make_secrets();
        let before = std::mem::replace(&mut self.running, self.candidate.clone());
        self.commits.push(Commit { at: Timestamp::now(), by, before, after: self.running.clone() });
        Ok(())
    }

    /// Every router with onboarding gets a pre-shared secret, when it has none.
    fn make_secrets(&mut self) {
        let Self { candidate, rng, .. } = self;
        let routers = candidate["authority"]["router"].as_array_mut();
        for router in routers.into_iter().flatten() {
            let Some(onboarding) = router.pointer_mut("/system/secure-conductor-onboarding") else {
                continue;
            };
            let on = onboarding["mode"].as_str().is_some_and(|mode| mode != "disabled");
            if on && !onboarding["pre-shared-secret"].is_string() {
                let bytes: Vec<u8> = (0..6).flat_map(|_| rng.bits().to_be_bytes()).collect();
                onboarding["pre-shared-secret"] = json!(base64::encode(&bytes));
            }
        }
    }

    pub(super) fn add_router(&mut self, name: &str, nodes: &[(&str, &str)]) {
        let nodes: Vec<Value> = nodes
            .iter()
            .map(|(node, asset)| json!({ "name": node, "asset-id": asset, "role": "combo" }))
            .collect();
        let fields = json!({ "inter-node-security": "internal", "node": nodes });
        for tree in [&mut self.running, &mut self.candidate] {
            tree::merge(tree, &["authority", "router", name], fields.clone());
        }
    }

    /// Router and node of an asset id in the running configuration.
    pub(super) fn owner(&self, asset_id: &str) -> Option<(String, String)> {
        let routers = self.running["authority"]["router"].as_array()?;
        routers.iter().find_map(|router| {
            let node = router["node"].as_array()?.iter().find(|node| node["asset-id"] == *asset_id)?;
            Some((router["name"].as_str()?.to_owned(), node["name"].as_str()?.to_owned()))
        })
    }

    /// Every asset id of the running configuration, and those that were set by hand.
    pub(super) fn asset_ids(&self) -> Vec<String> {
        let routers = self.running["authority"]["router"].as_array().into_iter().flatten();
        let nodes = routers.flat_map(|router| router["node"].as_array().into_iter().flatten());
        let mut ids: Vec<String> =
            nodes.filter_map(|node| node["asset-id"].as_str().map(str::to_owned)).collect();
        ids.extend(self.statuses.keys().cloned());
        ids.sort();
        ids.dedup();
        ids
    }

    pub(super) fn add_legacy_asset(&mut self, asset_id: &str) {
        self.set_asset_status(asset_id, "running");
    }

    pub(super) fn set_asset_status(&mut self, asset_id: &str, status: &str) {
        self.statuses.insert(asset_id.to_owned(), status.to_owned());
    }

    /// Somebody's router that was onboarded before anybody looked.
    fn add_first(&mut self) {
        self.add_router("first-0001", &[("node0", FIRST_ASSET)]);
        let path = ["authority", "router", "first-0001", "system", "secure-conductor-onboarding"];
        tree::merge(&mut self.candidate, &path, json!({ "mode": "strong" }));
        self.make_secrets();
        self.running = self.candidate.clone();
        let onboarded = Onboarded { since: Instant::now(), forgotten: false };
        self.onboarded.insert(FIRST_ASSET.to_owned(), onboarded);
    }

    /// Nodes start again, 0 or 1 or both: secure onboarding comes into effect there once any router has it. Where it is in
    /// effect on all of them, assets that were onboarded in the legacy way are cut off. Whether it is in effect there.
    pub(super) fn restart(&mut self, nodes: &[usize]) -> bool {
        self.sessions.clear();
        let routers = self.running["authority"]["router"].as_array().into_iter().flatten();
        let names: Vec<&str> = routers.filter_map(|router| router["name"].as_str()).collect();
        let in_effect = names.iter().any(|name| self.mode(name) != "disabled");
        for node in nodes {
            self.in_effect[*node] = in_effect;
        }
        if self.is_in_effect() {
            self.statuses.values_mut().for_each(|status| "disconnected".clone_into(status));
        }
        in_effect
    }

    /// Whether every node was restarted since the first router got secure onboarding.
    pub(super) fn is_in_effect(&self) -> bool {
        self.in_effect.iter().all(|in_effect| *in_effect)
    }

    pub(super) fn forget_onboarded(&mut self) {
        self.onboarded.values_mut().for_each(|onboarded| onboarded.forgotten = true);
    }

    /// The mode of a router in the running configuration.
    pub(super) fn mode(&self, router: &str) -> &str {
        let path = ["authority", "router", router, "system", "secure-conductor-onboarding", "mode"];
        tree::find(&self.running, &path).and_then(Value::as_str).unwrap_or("disabled")
    }

    pub(super) fn secret(&self, router: &str) -> &str {
        let path =
            ["authority", "router", router, "system", "secure-conductor-onboarding", "pre-shared-secret"];
        tree::find(&self.running, &path).and_then(Value::as_str).unwrap_or_default()
    }

    /// A token for a router, or what is wrong with the conductor.
    pub(super) fn token(
        &self,
        router: &str,
        seconds: i64,
        settings: &ConductorSettings,
    ) -> Result<String, String> {
        if !settings.version_has_onboarding() {
            return Err("unknown command".to_owned());
        }
        let place = tree::find(&self.running, &["authority", "router", router]);
        let place = place.ok_or_else(|| format!("router '{router}' is not in the running configuration"))?;
        let nodes = place["node"].as_array().map(Vec::as_slice).unwrap_or_default();
        let ids: Vec<&str> = nodes.iter().filter_map(|node| node["asset-id"].as_str()).collect();
        if ids.is_empty() {
            return Err(format!("router '{router}' has no node with an asset-id"));
        }
        if self.mode(router) == "disabled" {
            return Err(format!("secure-conductor-onboarding is not enabled on router '{router}'"));
        }
        let certificates = &self.running["authority"]["secure-conductor-onboarding"];
        if !certificates["public-certificate"].is_string() || !certificates["ca-certificate"].is_string() {
            return Err("authority secure-conductor-onboarding has no public-certificate and ca-certificate"
                .to_owned());
        }
        let form = |pem: &str| match self.readings.certificate_form {
            CertificateForm::Pem => base64::encode(pem.as_bytes()),
            CertificateForm::Der => pem.lines().filter(|line| !line.starts_with('-')).collect(),
        };
        let mut payload = json!({
            "conductor-public-cert": form(&self.authority.server_pem),
            "conductor-ca-cert": form(&self.authority.ca_pem),
            "secret": self.secret(router),
            "asset-id": ids,
        });
        if self.readings.token_expires {
            payload["exp"] = json!(self.now() + seconds);
        }
        let secret = self.secret(router).as_bytes().to_vec();
        let signed = self.authority.sign(&self.readings.token_algorithm, &payload.to_string(), &secret);
        signed.map_err(|error| error.to_string())
    }
}

impl ConductorSettings {
    fn version_has_onboarding(&self) -> bool {
        let mut numbers = self.version.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or_default());
        let mut next = || numbers.next().unwrap_or_default();
        [next(), next(), next()] >= [7, 1, 3]
    }
}

/// A conductor that is prepared for onboarding, and no router.
fn first(settings: &ConductorSettings) -> Value {
    let node = |number: usize| {
        json!({
            "name": format!("node{number}"), "asset-id": format!("{}-{number}", settings.name), "role": "conductor",
        })
    };
    let nodes: Vec<Value> = (0..settings.nodes()).map(node).collect();
    json!({ "authority": {
        "name": "Authority",
        "asset-connection-resiliency": { "enabled": true, "ssh-only": true },
        "client-certificate": [{ "name": "server", "file": "server" }],
        "trusted-ca-certificate": [{ "name": "onboarding-ca", "file": "onboarding-ca" }],
        "secure-conductor-onboarding": { "public-certificate": "server", "ca-certificate": "onboarding-ca" },
        "router": [{ "name": settings.name, "inter-node-security": "internal", "node": nodes }],
    }})
}

/// The serial number of the router that was onboarded before.
const FIRST_ASSET: &str = "SSR440000001";
