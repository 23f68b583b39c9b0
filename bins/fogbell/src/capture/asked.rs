//! The shape of what Mist answers.

use http::Method;
use ids::{OrgId, Timestamp};
use mist::shape::Shape;
use mist::{Client, Problem};
use serde_json::{Value, json};

/// Asks for what settles something; what is refused is a finding too.
pub(super) async fn all(client: &Client, org: OrgId) -> Value {
    let since = (Timestamp::now().micros() / 1_000_000 - WEEK_SECS).to_string();
    let search = [("limit", "1000"), ("start", &*since)];
    let asking = Asking { client, org: org.to_string() };
    let mut answers = Vec::new();
    for (template, query) in [
        ("/api/v1/self", &[][..]),
        ("/api/v1/self/usage", &[]),
        ("/api/v1/const/webhook_topics", &[]),
        ("/api/v1/orgs/{org_id}/apitokens", &[]),
        ("/api/v1/orgs/{org_id}/alarmtemplates", &[]),
        ("/api/v1/orgs/{org_id}/inventory", &[("limit", "1000"), ("vc", "true")]),
        ("/api/v1/orgs/{org_id}/alarms/search", &search),
    ] {
        answers.push(asking.ask(template, "", query).await.0);
    }
    let (told, webhooks) = asking.ask("/api/v1/orgs/{org_id}/webhooks", "", &[]).await;
    answers.push(told);
    // the log of one webhook is as good as that of another
    let all = webhooks.as_ref().and_then(Value::as_array);
    if let Some(id) = all.and_then(|all| all.iter().find_map(|one| one["id"].as_str())) {
        let template = "/api/v1/orgs/{org_id}/webhooks/{webhook_id}/events/search";
        answers.push(asking.ask(template, id, &search).await.0);
    }
    answers.into()
}

/// Whom is asked about what.
struct Asking<'a> {
    client: &'a Client,
    org: String,
}

impl Asking<'_> {
    /// One answer: what is told of it, its shape or how it was refused, and itself.
    async fn ask(&self, template: &str, webhook: &str, query: &[(&str, &str)]) -> (Value, Option<Value>) {
        let path = template.replace("{org_id}", &self.org).replace("{webhook_id}", webhook);
        let limit = query.iter().find(|(key, _)| *key == "limit").map(|(_, limit)| *limit);
        let told = match self.client.call(Method::GET, &path, query, None).await {
            Ok(answer) => {
                let items = answer.as_array().or_else(|| answer["results"].as_array());
                let times = items.into_iter().flatten().filter_map(|item| item["timestamp"].as_f64());
                let now = Timestamp::now().micros() as f64 / 1e6;
                let oldest = times.reduce(f64::min).map(|oldest| (now - oldest) as i64);
                let mut shape = Shape::default();
                shape.add(&answer);
                let told = json!({
                    "call": template, "limit": limit, "items": items.map(Vec::len), "oldest_secs": oldest,
                    "shape": shape.to_json(),
                });
                return (told, Some(answer));
            }
            Err(Problem::Api { status, .. }) => json!({ "call": template, "refused": status.as_u16() }),
            Err(Problem::Timeout { .. }) => json!({ "call": template, "failed": "no answer in time" }),
            Err(Problem::NotJson { .. }) => {
                json!({ "call": template, "failed": "an answer that is not JSON" })
            }
            Err(_) => json!({ "call": template, "failed": "no answer" }),
        };
        (told, None)
    }
}

const WEEK_SECS: i64 = 7 * 86_400;
