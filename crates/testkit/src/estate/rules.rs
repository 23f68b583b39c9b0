//! What may never happen, whatever is ordered, disturbed or interrupted.

use std::collections::BTreeSet;

use http::Method;
use ids::Mac;
use serde_json::Value;

use super::WholeEstate;
use crate::cloud::Call;
use crate::conductor::Commit;

impl WholeEstate {
    /// The rules of safety that were broken, a sentence each. Must be empty after every run.
    ///
    /// Broken is: a machine that was taken for what it is not; a device assigned while it was at a site,
    /// or without `mist_configured: false`; a mask written as a token; settings of the organisation written; `force`; a
    /// pre-shared secret written; anything asked of the conductor that no onboarding needs, as a restart of a node or a change of
    /// the authority outside of its routers; a commit that changed a router that is none of the [`places`](Self::places); a
    /// legacy router that does not run any more.
    #[must_use]
    pub fn broken_rules(&self) -> Vec<String> {
        let mut broken: Vec<String> = self
            .wrong_bindings()
            .iter()
            .map(|binding| format!("{} was taken for {}", binding.machine, binding.asset_id))
            .collect();
        broken.extend(self.broken_in_the_cloud());
        broken.extend(self.broken_on_the_conductor());
        broken.sort();
        broken.dedup();
        broken
    }

    fn broken_in_the_cloud(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for call in self.cloud.calls().iter().filter(|call| call.method == Method::PUT) {
            let Ok(body) = serde_json::from_slice::<Value>(&call.body) else { continue };
            let token = body.pointer("/ssr/conductor_token").and_then(Value::as_str).unwrap_or_default();
            if !token.is_empty() && token.bytes().all(|byte| byte == b'*') {
                broken.push(format!("a mask was written as a token: {}", call.path));
            }
            if call.path.starts_with("/api/v1/orgs/") && call.path.ends_with("/setting") {
                broken.push(format!("settings of the organisation were written: {}", call.path));
            }
            for mac in macs(call, &body) {
                if body["op"] == "assign" && body["mist_configured"] != false {
                    broken.push(format!("{mac} was assigned without mist_configured: false"));
                }
            }
        }
        let twice = self.cloud.reassigned().into_iter();
        broken.extend(twice.map(|mac| format!("{mac} was assigned while it was at a site")));
        broken
    }

    fn broken_on_the_conductor(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for ask in self.conductor.writes() {
            let forced =
                ask.what.split_whitespace().any(|word| word == "force") || ask.body.contains("\"force\"");
            if forced {
                broken.push(format!("forced: {}", ask.what));
            }
            if ask.what.contains("pre-shared-secret") || ask.body.contains("pre-shared-secret") {
                broken.push("a pre-shared secret was written".to_owned());
            }
        }
        let asked = self.conductor.asked();
        let strange = asked.iter().filter(|ask| !is_of_onboarding(&ask.what));
        broken.extend(strange.map(|ask| format!("no onboarding needs this: {}", ask.what)));
        let own: BTreeSet<&str> = self.places.iter().map(|place| place.router.as_str()).collect();
        for commit in self.conductor.commits().iter().filter(|commit| commit.by != "another") {
            if without_routers(&commit.before) != without_routers(&commit.after) {
                broken.push("a commit changed the authority outside of its routers".to_owned());
            }
            let changed = changed_routers(commit);
            let foreign = changed.iter().filter(|name| !own.contains(name.as_str()));
            broken
                .extend(foreign.map(|name| format!("a commit changed {name}, which is not to be onboarded")));
        }
        for place in &self.legacy {
            let status = self.conductor.asset_status(&place.asset_id);
            if status != "running" {
                broken.push(format!("{}, which ran in the legacy way, is {status}", place.router));
            }
        }
        broken
    }
}

/// Whether a call or a command is one with which routers are onboarded: reading, the candidate of routers, tokens.
fn is_of_onboarding(what: &str) -> bool {
    const CALLS: [&str; 5] =
        ["login", "graphql", "config/validate", "config/commit", "config/revertToRunning"];
    const COMMANDS: [&str; 6] =
        ["show", "compare", "validate", "commit", "create", "configure authority router"];
    let Some((_, path)) = what.split_once(" /api/v1/") else {
        return what.is_empty() || COMMANDS.iter().any(|command| what.trim_start().starts_with(command));
    };
    what.starts_with("GET ") || CALLS.contains(&path) || path.starts_with("config/candidate/authority/router")
}

fn macs(call: &Call, body: &Value) -> Vec<Mac> {
    let listed = body["macs"].as_array().filter(|_| call.path.ends_with("/inventory"));
    listed.into_iter().flatten().filter_map(|mac| mac.as_str()?.parse().ok()).collect()
}

fn without_routers(tree: &Value) -> Value {
    let mut tree = tree.clone();
    if let Some(authority) = tree["authority"].as_object_mut() {
        authority.remove("router");
    }
    tree
}

/// The names of the routers that a commit made, changed or took away.
fn changed_routers(commit: &Commit) -> BTreeSet<String> {
    let routers = |tree: &Value| tree["authority"]["router"].as_array().cloned().unwrap_or_default();
    let (before, after) = (routers(&commit.before), routers(&commit.after));
    let gone = before.iter().filter(|router| !after.contains(router));
    let new = after.iter().filter(|router| !before.contains(router));
    gone.chain(new).filter_map(|router| Some(router["name"].as_str()?.to_owned())).collect()
}
