//! Alarm templates.

use ids::OrgId;
use serde_json::{Map, Value, json};

use super::Scope;
use crate::cloud::ask::wrong;
use crate::cloud::reply::Reply;
use crate::cloud::search::page;

impl Scope<'_> {
    pub(super) fn templates(&mut self, method: &str, org: OrgId, rest: &[&str]) -> Result<Reply, Reply> {
        let now = self.seconds();
        match (method, rest) {
            ("GET", []) => page(self.ask, self.settings, &self.org(org)?.templates, 0, Value::clone),
            ("POST", []) => {
                let fields = checked(self.ask.object()?)?;
                let mut template =
                    json!({ "id": self.world.uuid(), "org_id": org, "name": "alarm template" });
                fill(&mut template, fields, now);
                template["created_time"] = json!(now);
                self.org_mut(org)?.templates.push(template.clone());
                Ok(Reply::ok(&template))
            }
            ("GET" | "PUT" | "DELETE", [id]) => {
                let templates =
                    &mut self.world.organisation_mut(org).map_err(|_| Reply::not_found(id))?.templates;
                let place = templates.iter().position(|template| template["id"] == **id);
                let place = place.ok_or_else(|| Reply::not_found(id))?;
                match method {
                    "PUT" => fill(&mut templates[place], checked(self.ask.object()?)?, now),
                    "DELETE" => {
                        templates.remove(place);
                        return Ok(Reply::empty());
                    }
                    _ => {}
                }
                Ok(Reply::ok(&templates[place]))
            }
            _ => Err(Reply::not_found("")),
        }
    }
}

fn fill(template: &mut Value, fields: Map<String, Value>, now: i64) {
    for (field, value) in fields {
        if !["id", "org_id", "created_time"].contains(&field.as_str()) {
            template[field] = value;
        }
    }
    template["modified_time"] = json!(now);
}

/// `delivery` with `enabled`, and `rules`, are required.
fn checked(fields: Map<String, Value>) -> Result<Map<String, Value>, Reply> {
    if !fields.get("delivery").is_some_and(|delivery| delivery["enabled"].is_boolean()) {
        return Err(wrong("delivery"));
    }
    let rules = fields.get("rules").and_then(Value::as_object).ok_or_else(|| wrong("rules"))?;
    if rules.values().any(|rule| !rule.is_object()) {
        return Err(wrong("rules"));
    }
    Ok(fields)
}
