//! The webhooks of an organisation.

use std::collections::HashSet;

use ids::{OrgId, SiteId};
use serde_json::{Map, Value, json};

use super::definitions::Definitions;
use super::reply::Reply;

#[derive(Clone, Debug)]
pub(super) struct Webhook {
    pub(super) id: String,
    pub(super) org: OrgId,
    /// The site that it is for; `None` when it is the organisation's.
    pub(super) site: Option<SiteId>,
    /// Seconds since 1970.
    pub(super) created: f64,
    /// Seconds since 1970.
    pub(super) modified: f64,
    /// What its maker said of it.
    pub(super) fields: Map<String, Value>,
}

impl Webhook {
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn flag(&self, field: &str, default: bool) -> bool {
        self.fields.get(field).and_then(Value::as_bool).unwrap_or(default)
    }

    pub(super) fn secret(&self) -> Option<&str> {
        Some(self.text("secret")).filter(|secret| !secret.is_empty())
    }

    pub(super) fn verify_cert(&self) -> bool {
        self.flag("verify_cert", true)
    }

    pub(super) fn single_event_per_message(&self) -> bool {
        self.flag("single_event_per_message", false)
    }

    /// Whether anything is sent about `topic`: only to webhooks that are enabled and plain HTTP.
    pub(super) fn listens(&self, topic: &str) -> bool {
        let plain = matches!(self.text("type"), "" | "http-post");
        plain && self.flag("enabled", true) && topics(&self.fields).any(|name| name == topic)
    }

    /// Whether the rules let this event through: the first rule that matches decides, else `default_action`.
    pub(super) fn permits(&self, topic: &str, event: &Value) -> bool {
        let rules = self.fields.get("rules").and_then(Value::as_array);
        let rule = rules.into_iter().flatten().find(|rule| {
            let matching = rule["matching"].as_object();
            rule["topic"] == topic
                && matching.into_iter().flatten().all(|(field, values)| {
                    values.as_array().is_some_and(|values| values.contains(&event[field]))
                })
        });
        let action = match rule {
            Some(rule) => rule["action"].as_str(),
            None => self.fields.get("default_action").and_then(Value::as_str),
        };
        action != Some("block")
    }

    /// As the API shows it; `mask` stands for the secrets when there is one.
    pub(super) fn shown(&self, mask: Option<&str>) -> Value {
        let mut shown = json!({
            "name": null,
            "type": "http-post",
            "enabled": true,
            "verify_cert": true,
            "secret": null,
            "headers": null,
            "single_event_per_message": false,
        });
        for (field, value) in &self.fields {
            shown[field] = value.clone();
        }
        for field in SECRETS {
            if let Some(mask) = mask
                && shown[*field].is_string()
            {
                shown[*field] = json!(mask);
            }
        }
        shown["id"] = json!(self.id);
        shown["org_id"] = json!(self.org);
        shown["for_site"] = json!(self.site.is_some());
        if let Some(site) = self.site {
            shown["site_id"] = json!(site);
        }
        shown["created_time"] = json!(self.created);
        shown["modified_time"] = json!(self.modified);
        shown
    }
}

/// Takes out what only the cloud may write.
pub(super) fn writable(mut fields: Map<String, Value>) -> Map<String, Value> {
    for field in ["id", "org_id", "site_id", "for_site", "created_time", "modified_time"] {
        fields.remove(field);
    }
    fields
}

fn topics(fields: &Map<String, Value>) -> impl Iterator<Item = &str> {
    fields.get("topics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Refuses what Mist refuses; `others` are the webhooks beside this one.
pub(super) fn check<'a>(
    fields: &Map<String, Value>,
    site: Option<SiteId>,
    definitions: &Definitions,
    others: impl Iterator<Item = &'a Webhook>,
) -> Result<(), Reply> {
    let invalid = |field: &str| Reply::bad(&format!("invalid field: {field}"));
    let text = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(invalid(field)),
    };
    let url = text("url")?.unwrap_or_default();
    if !(url.is_empty() || url.starts_with("https://") || url.starts_with("http://")) {
        return Err(invalid("url"));
    }
    text("secret")?;
    text("name")?;
    if text("type")?.is_some_and(|kind| !TYPES.contains(&kind)) {
        return Err(invalid("type"));
    }
    for field in ["enabled", "verify_cert", "single_event_per_message"] {
        if fields.get(field).is_some_and(|value| !value.is_boolean()) {
            return Err(invalid(field));
        }
    }
    headers(fields)?;
    match fields.get("topics") {
        None => {}
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {}
        Some(_) => return Err(invalid("topics")),
    }
    if let Some(filters) = fields.get("assetfilter_ids") {
        asset_filters(filters)?;
        if site.is_none() {
            return Err(Reply::bad_because(
                "invalid field: topics",
                "filtered asset webhooks must be associated with a site",
            ));
        }
    }
    for topic in topics(fields) {
        let known = definitions.entry("webhook_topics", topic);
        let allowed = known.is_some_and(|known| site.is_some() || known["for_org"] == true);
        if !allowed {
            return Err(invalid("topics"));
        }
    }
    raw_data(fields, url, others)
}

fn headers(fields: &Map<String, Value>) -> Result<(), Reply> {
    let invalid = || Reply::bad("invalid field: headers");
    match fields.get("headers") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(headers)) => {
            let mut bytes = 0;
            for (name, value) in headers {
                bytes += name.len() + value.as_str().ok_or_else(invalid)?.len();
            }
            if bytes < MAX_HEADER_BYTES { Ok(()) } else { Err(invalid()) }
        }
        Some(_) => Err(invalid()),
    }
}

fn asset_filters(filters: &Value) -> Result<(), Reply> {
    let invalid = || Reply::bad("invalid field: assetfilter_ids");
    let mut seen = HashSet::new();
    for id in filters.as_array().ok_or_else(invalid)? {
        // any UUID will do; a site's id is one
        let id: SiteId = id.as_str().and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
        if !seen.insert(id) {
            return Err(Reply::bad_because("invalid field: assetfilter_ids", "contains duplicate uuids"));
        }
    }
    Ok(())
}

/// Raw data goes to a URL of its own, one topic each.
fn raw_data<'a>(
    fields: &Map<String, Value>,
    url: &str,
    mut others: impl Iterator<Item = &'a Webhook>,
) -> Result<(), Reply> {
    let raw = |fields| topics(fields).filter(|topic| RAW_TOPICS.contains(topic)).count();
    match raw(fields) {
        0 => Ok(()),
        1 if others.any(|other| other.text("url") == url && raw(&other.fields) > 0) => {
            Err(Reply::bad("Webhook already configured for special location topic"))
        }
        1 => Ok(()),
        _ => Err(Reply::bad("Only one location topic can be configured per URL")),
    }
}

const TYPES: &[&str] = &["http-post", "oauth2", "splunk", "aws-sns", "google-pubsub"];
const RAW_TOPICS: &[&str] = &["asset-raw-rssi", "discovered-raw-rssi", "wifi-conn-raw", "wifi-unconn-raw"];
const SECRETS: &[&str] = &["secret", "splunk_token", "oauth2_client_secret", "oauth2_password"];
const MAX_HEADER_BYTES: usize = 1_000;
