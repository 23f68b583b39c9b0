//! What a conductor refuses to run, as far as that is documented.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree;
use crate::base64;

/// One problem of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) message: String,
}

pub(super) fn validate(running: &Value, candidate: &Value, faults: &[(String, String)]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut say = |path: &str, message: String| found.push(Found { path: path.to_owned(), message });
    let mut owners: BTreeMap<&str, String> = BTreeMap::new();
    for router in candidate["authority"]["router"].as_array().into_iter().flatten() {
        let name = router["name"].as_str().unwrap_or_default();
        let path = format!("/authority/router/{name}");
        if !is_name(name) {
            say(&path, format!("'{name}' is not a valid name"));
        }
        let onboarding = &router["system"]["secure-conductor-onboarding"];
        if let Some(mode) = onboarding["mode"].as_str()
            && !["disabled", "weak", "strong"].contains(&mode)
        {
            say(
                &format!("{path}/system/secure-conductor-onboarding/mode"),
                format!("'{mode}' is not a valid value"),
            );
        }
        if let Some(secret) = onboarding["pre-shared-secret"].as_str()
            && base64::decode(secret).is_none_or(|bytes| bytes.len() != 48)
        {
            say(
                &format!("{path}/system/secure-conductor-onboarding/pre-shared-secret"),
                "must be 48 bytes".to_owned(),
            );
        }
        for node in router["node"].as_array().into_iter().flatten() {
            let node_name = node["name"].as_str().unwrap_or_default();
            let path = format!("{path}/node/{node_name}");
            if !is_name(node_name) {
                say(&path, format!("'{node_name}' is not a valid name"));
            }
            if let Some(asset) = node["asset-id"].as_str()
                && let Some(other) = owners.insert(asset, path.clone())
            {
                say(&format!("{path}/asset-id"), format!("asset-id '{asset}' is already that of {other}"));
            }
            let key = &node["secure-conductor-onboarding"]["endorsement-key"];
            if !key.is_null() && key.as_str().and_then(base64::decode).is_none() {
                let path = format!("{path}/secure-conductor-onboarding/endorsement-key");
                say(&path, "Must be a base64 encoded string".to_owned());
            }
        }
    }
    for (path, message) in faults {
        let segments = tree::segments(path);
        let there = tree::find(candidate, &segments);
        if there.is_some() && there != tree::find(running, &segments) {
            say(path, message.clone());
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
