//! Fetches what did not arrive: deliveries that Mist logged as failed, and what happened while the relay was away.

use std::collections::BTreeSet;

use alarm::Fetched;
use ids::{OrgId, Timestamp};
use mist::alarms::{self, AlarmFilter};
use mist::events::{self, EventFilter};
use mist::webhooks::{self, Delivery, DeliveryFilter, DeliveryStatus, Webhook, WebhookKind};
use mist::{Client, Order, Period, Scope};
use serde_json::Value;
use tracing::{info, warn};

use crate::Inbox;
use crate::patience::{Failure, Steady};
use crate::reconcile::tell;

/// Fetches what Mist logged as not delivered between `from` and `to`; and, when the relay was `away`, also what its
/// searches have of that time.
pub(crate) async fn backfill(
    client: &Client,
    org: OrgId,
    path: &str,
    (from, to): (Timestamp, Timestamp),
    away: bool,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let period = Period::Between(from, to);
    let mut topics = BTreeSet::new();
    let mut fetched = 0_u64;
    for webhook in webhooks_here(client, org, path).await? {
        topics.extend(webhook.topics.iter().map(|topic| topic.replace('_', "-")));
        let Some(id) = &webhook.id else { continue };
        let filter = DeliveryFilter {
            period: Some(period),
            status: Some(DeliveryStatus::Failure),
            order: Some(Order::OldestFirst),
            ..DeliveryFilter::default()
        };
        let mut pages = Steady::new(client.pages(webhooks::deliveries(Scope::Org(org), id, &filter)));
        while let Some(page) = pages.next_page().await {
            for delivery in page? {
                if let Some(body) = body(&delivery) {
                    inbox.fetched(Fetched::Delivery, body).await?;
                    fetched += 1;
                }
            }
        }
    }
    if away && topics.contains("alarms") {
        let filter =
            AlarmFilter { period: Some(period), order: Some(Order::OldestFirst), ..AlarmFilter::default() };
        let mut pages = Steady::new(client.pages(alarms::search(Scope::Org(org), &filter)));
        while let Some(page) = pages.next_page().await {
            let rows = page?.into_iter().map(|alarm| Value::Object(alarm.raw.into_map())).collect();
            fetched += told(inbox, "alarms", rows).await?;
        }
    }
    if away && topics.contains("device-events") {
        let filter =
            EventFilter { period: Some(period), order: Some(Order::OldestFirst), ..EventFilter::default() };
        let mut pages = Steady::new(client.pages(events::devices(org, &filter)));
        let mut left = EVENT_PAGES;
        while let Some(page) = pages.next_page().await {
            let rows = page?.into_iter().map(|event| Value::Object(event.raw.into_map())).collect();
            fetched += told(inbox, "device-events", rows).await?;
            left -= 1;
            if left == 0 {
                warn!(
                    "more device events happened while the relay was away than are fetched; the rest is left out"
                );
                break;
            }
        }
    }
    if fetched > 0 {
        info!(fetched, %from, %to, "what had not arrived was fetched; what is known already is dropped");
    }
    Ok(())
}

async fn told(inbox: &impl Inbox, topic: &str, rows: Vec<Value>) -> Result<u64, Failure> {
    let count = rows.len() as u64;
    tell(inbox, Fetched::Rows, topic, rows).await?;
    Ok(count)
}

/// The organisation's webhooks that post to this relay: those whose URL has its path.
pub(crate) async fn webhooks_here(client: &Client, org: OrgId, path: &str) -> Result<Vec<Webhook>, Failure> {
    let mut pages = Steady::new(client.pages(webhooks::list(Scope::Org(org))));
    let mut here = Vec::new();
    while let Some(page) = pages.next_page().await {
        here.extend(page?.into_iter().filter(|webhook| {
            let posts = webhook.kind.as_ref().is_none_or(|kind| *kind == WebhookKind::HttpPost);
            posts && webhook.url.as_deref().is_some_and(|url| has_path(url, path))
        }));
    }
    Ok(here)
}

fn has_path(url: &str, path: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|url| url.path() == path)
}

/// The body that was not delivered, as it was to be posted.
///
/// In the vendor's example it is JSON inside a text inside JSON; whether that is so everywhere is not documented, so
/// that a text is unpacked as long as it holds one.
fn body(delivery: &Delivery) -> Option<Vec<u8>> {
    let mut text = match delivery.extra.get("req_payload")? {
        Value::String(text) => text.clone(),
        object @ Value::Object(_) => object.to_string(),
        _ => return None,
    };
    for _ in 0..PACKED {
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::String(inner)) => text = inner,
            Ok(Value::Object(message)) if message.contains_key("topic") => return Some(text.into_bytes()),
            _ => return None,
        }
    }
    None
}

/// How often a text may be inside a text.
const PACKED: usize = 3;

/// How many pages of device events are fetched: they are the noisy topic.
const EVENT_PAGES: u32 = 200;

#[cfg(test)]
mod tests {
    use mist::Answer as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_unpacked_however_often_it_was_escaped() {
        let message = json!({"topic": "alarms", "events": []}).to_string();
        let once = json!(message).to_string();
        for payload in [json!(message), json!(once), json!({"topic": "alarms", "events": []})] {
            let delivery = Delivery::from_json(json!({"req_payload": payload})).unwrap();
            assert_eq!(body(&delivery).as_deref(), Some(message.as_bytes()), "{payload}");
        }
        for payload in [json!("garbage"), json!("{}"), json!(7), json!(null), json!("[]")] {
            let delivery = Delivery::from_json(json!({"req_payload": payload})).unwrap();
            assert_eq!(body(&delivery), None, "{payload}");
        }
    }

    #[test]
    fn a_webhook_posts_here_when_its_url_has_the_path() {
        for (url, here) in [
            ("https://relay.example.net:8443/v1/mist", true),
            ("https://relay.example.net/v1/mist?x=1", true),
            ("https://relay.example.net/v1/mist/other", false),
            ("https://relay.example.net/", false),
            ("no url", false),
        ] {
            assert_eq!(has_path(url, "/v1/mist"), here, "{url}");
        }
    }
}
