//! Alarm templates: an alarm that is in none of them never leaves Mist.

use mist::{Client, Problem, account, sites};
use serde_json::Value;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::access::wait;

const WHAT: &str = "alarm template";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for (org, api, client) in patient.apis() {
        let Ok(client) = client else { continue };
        // that it cannot be asked was said of the API
        if let Ok(Ok(found)) = wait(look(&client, api.org_id, &org.name)) {
            all.extend(found);
        }
    }
    all
}

async fn look(client: &Client, org: ids::OrgId, name: &str) -> Result<Vec<Finding>, Problem> {
    let path = format!("/api/v1/orgs/{org}/alarmtemplates");
    let templates = client.call(http::Method::GET, &path, &[("limit", "1000")], None).await?;
    let of_org = client.send(&account::org(org)).await?.alarm_template.map(|id| id.to_string());
    let mut used: Vec<(String, usize)> = Vec::new();
    let (mut sites_in_all, mut bare) = (0, 0);
    for site in client.pages(sites::list(org)).all().await? {
        sites_in_all += 1;
        let own = site.extra.get("alarmtemplate_id").and_then(Value::as_str).map(str::to_owned);
        match own.or_else(|| of_org.clone()) {
            None => bare += 1,
            Some(id) => match used.iter_mut().find(|(known, _)| *known == id) {
                Some((_, count)) => *count += 1,
                None => used.push((id, 1)),
            },
        }
    }
    let mut found = Vec::new();
    if bare > 0 {
        found.push(Finding::warn(
            Code::TemplateNone,
            name,
            format!("{bare} of {sites_in_all} sites have no alarm template: none of their alarms leaves Mist"),
            "assign one in Mist: Monitor > Alerts > Alerts Configuration, apply it to the entire organisation",
        ));
    }
    for (id, count) in used {
        let template = templates.as_array().and_then(|all| all.iter().find(|it| it["id"] == *id));
        let Some(template) = template else { continue };
        let title = format!("\"{}\"", template["name"].as_str().unwrap_or(&id));
        let on = template["rules"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, rule)| rule["enabled"] == true)
            .count();
        found.push(match on {
            0 => Finding::warn(
                Code::TemplateSilent,
                title,
                format!(
                    "it is for {count} sites and has no alarm switched on: none of their alarms leaves Mist"
                ),
                "switch alarms on in Mist: Monitor > Alerts > Alerts Configuration",
            ),
            on => Finding::pass(WHAT, title, format!("{on} alarms are switched on, for {count} sites")),
        });
    }
    Ok(found)
}
