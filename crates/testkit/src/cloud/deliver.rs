//! Deliveries: made, signed, posted, logged.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use ids::{OrgId, SiteId};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::server::Shared;
use super::settings::Payloads;
use super::webhook::Webhook;
use super::world::World;
use crate::mist::sign;
use crate::{Answer, Post, Trust};

/// How the cloud treats its next messages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Posting {
    /// Each is posted once, as it should be.
    #[default]
    Once,
    /// Each is posted twice.
    Twice,
    /// None is posted and none is logged, as if the cloud had lost it; what happened can still be searched.
    Lost,
}

/// What became of one message to one webhook.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivered {
    /// The webhook's id.
    pub webhook_id: String,
    /// The topic.
    pub topic: String,
    /// The body that was signed and posted.
    pub body: Bytes,
    /// The receiver's answer; `None` when there was none.
    pub status: Option<u16>,
    /// Why there was none, or what was wrong with it.
    pub error: Option<String>,
}

impl Delivered {
    /// Whether the receiver took it, which is what the delivery log calls `success`: a status of 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// One message to one webhook, as the webhook was when it was made.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    webhook: Webhook,
    site: Option<SiteId>,
    topic: String,
    logged: bool,
    body: Bytes,
}

impl World {
    /// The messages about `events` of one topic, one for each webhook that listens.
    pub(super) fn jobs(
        &mut self,
        org: OrgId,
        site: Option<SiteId>,
        topic: &str,
        events: &[Value],
    ) -> Vec<Job> {
        let times = match self.posting {
            Posting::Once => 1,
            Posting::Twice => 2,
            Posting::Lost => 0,
        };
        let Ok(organisation) = self.organisation(org) else { return Vec::new() };
        let webhooks: Vec<Webhook> = organisation
            .webhooks
            .iter()
            .filter(|webhook| webhook.listens(topic) && (webhook.site.is_none() || webhook.site == site))
            .cloned()
            .collect();
        let mut jobs = Vec::new();
        for webhook in webhooks {
            let mut sent: Vec<Value> =
                events.iter().filter(|event| webhook.permits(topic, event)).cloned().collect();
            for event in &mut sent {
                match (topic, webhook.site) {
                    ("alarms" | "device-updowns", Some(_)) => event["for_site"] = json!(true),
                    ("device-updowns", None) => event["for_site"] = json!(false),
                    _ => {}
                }
            }
            let single =
                webhook.single_event_per_message() && self.has(topic, "allows_single_event_per_message");
            let size = if single { 1 } else { sent.len().max(1) };
            for message in sent.chunks(size) {
                let job = self.job(webhook.clone(), site, topic, message);
                jobs.extend(std::iter::repeat_n(job, times));
            }
        }
        jobs
    }

    /// A ping of this webhook.
    pub(super) fn ping(&mut self, webhook: &Webhook) -> Job {
        let first = self.organisation(webhook.org).ok().and_then(|org| org.sites.first().map(|site| site.id));
        let site = webhook.site.or(first);
        let event = json!({
            "id": self.uuid(),
            "name": webhook.text("name"),
            "site_id": site,
            "timestamp": float(self.now()),
        });
        self.job(webhook.clone(), webhook.site, "ping", &[event])
    }

    fn job(&mut self, webhook: Webhook, site: Option<SiteId>, topic: &str, events: &[Value]) -> Job {
        let events = Value::Array(events.to_vec());
        let name = Value::from(topic);
        // Mist's own examples have either order.
        let body = if self.rng.percent(50) {
            format!(r#"{{"topic":{name},"events":{events}}}"#)
        } else {
            format!(r#"{{"events":{events},"topic":{name}}}"#)
        };
        let logged = topic == "ping" || self.has(topic, "has_delivery_results");
        Job { webhook, site, topic: topic.to_owned(), logged, body: body.into() }
    }

    fn has(&self, topic: &str, flag: &str) -> bool {
        self.definitions.entry("webhook_topics", topic).is_some_and(|entry| entry[flag] == true)
    }

    fn log(&mut self, job: &Job, delivered: &Delivered, answer: Option<&Answer>, payloads: Payloads) {
        let at = self.now();
        let written = |text: String| match payloads {
            Payloads::Exact => text,
            Payloads::Escaped => text.replace('"', "\\\""),
        };
        let mut row = json!({
            "id": self.uuid(),
            "webhook_id": job.webhook.id,
            "org_id": job.webhook.org,
            "topic": job.topic,
            "status": if delivered.is_success() { "success" } else { "failure" },
            "timestamp": float(at),
            "req_url": job.webhook.text("url"),
            "req_headers": written(Value::Object(logged_headers(&headers(&job.webhook))).to_string()),
            "req_payload": written(String::from_utf8_lossy(&job.body).into_owned()),
        });
        if let Some(site) = job.site {
            row["site_id"] = json!(site);
        }
        if let Some(error) = &delivered.error {
            row["error"] = json!(error);
        }
        if let Some(answer) = answer {
            row["status_code"] = json!(answer.status.as_u16());
            row["resp_headers"] = json!(written(Value::Object(logged_headers(&answer.headers)).to_string()));
            row["resp_body"] = json!(String::from_utf8_lossy(&answer.body));
        }
        if let Ok(organisation) = self.organisation_mut(job.webhook.org) {
            organisation.deliveries.push(at, job.site, row);
        }
    }
}

/// Seconds since 1970 with microseconds, as most topics have them.
pub(super) fn float(at: ids::Timestamp) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a time in seconds needs 51 bits")]
    let seconds = at.micros() as f64 / 1e6;
    seconds
}

/// Posts the jobs: those of one webhook one after another, different webhooks at the same time.
pub(super) async fn deliver(shared: &Arc<Shared>, jobs: Vec<Job>) -> Vec<Delivered> {
    let mut webhooks: Vec<String> = Vec::new();
    let mut queues: HashMap<String, Vec<(usize, Job)>> = HashMap::new();
    let count = jobs.len();
    for (place, job) in jobs.into_iter().enumerate() {
        if !queues.contains_key(&job.webhook.id) {
            webhooks.push(job.webhook.id.clone());
        }
        queues.entry(job.webhook.id.clone()).or_default().push((place, job));
    }
    let mut tasks = JoinSet::new();
    for webhook in webhooks {
        let queue = queues.remove(&webhook).unwrap_or_default();
        let shared = Arc::clone(shared);
        tasks.spawn(async move {
            let mut done = Vec::with_capacity(queue.len());
            for (place, job) in queue {
                let permit = shared.posts.acquire().await;
                done.push((place, post(&shared, &job).await));
                drop(permit);
            }
            done
        });
    }
    let mut all = Vec::with_capacity(count);
    while let Some(done) = tasks.join_next().await {
        all.extend(done.unwrap_or_default());
    }
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, delivered)| delivered).collect()
}

async fn post(shared: &Shared, job: &Job) -> Delivered {
    let url = job.webhook.text("url");
    let trust = if job.webhook.verify_cert() {
        shared.settings.trust.clone().unwrap_or_else(Trust::nobody)
    } else {
        Trust::danger_any()
    };
    let mut headers = headers(&job.webhook);
    if let Some(secret) = job.webhook.secret() {
        sign(secret.as_bytes(), &job.body).apply(&mut headers);
    }
    let result = match Post::new(url, &trust) {
        Ok(post) => {
            let mut post = post.deadline(shared.settings.delivery_deadline);
            post.post(headers, job.body.clone()).await
        }
        Err(error) => Err(error),
    };
    let (status, error) = match &result {
        Ok(answer) if answer.status.is_success() => (Some(answer.status.as_u16()), None),
        Ok(answer) => {
            (Some(answer.status.as_u16()), Some(format!("the receiver answered {}", answer.status)))
        }
        Err(error) => (None, Some(chain(error))),
    };
    let delivered = Delivered {
        webhook_id: job.webhook.id.clone(),
        topic: job.topic.clone(),
        body: job.body.clone(),
        status,
        error,
    };
    if job.logged {
        shared.world().log(job, &delivered, result.as_ref().ok(), shared.settings.payloads);
    }
    delivered
}

/// Mist's headers and the webhook's own, without signatures; a wrong one does not stop the delivery, it is left
/// out.
fn headers(webhook: &Webhook) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in webhook.fields.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value.as_str().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
    headers.extend(Post::headers());
    headers
}

/// Headers as the log has them: each name with a list of values.
fn logged_headers(headers: &HeaderMap) -> Map<String, Value> {
    let mut shown = Map::new();
    for (name, value) in headers {
        let value = json!(String::from_utf8_lossy(value.as_bytes()));
        if let Value::Array(list) = shown.entry(title(name.as_str())).or_insert_with(|| json!([])) {
            list.push(value);
        }
    }
    shown
}

/// `content-type` as `Content-Type`.
fn title(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    words.collect::<Vec<_>>().join("-")
}

/// An error and everything behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
