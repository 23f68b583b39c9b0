//! Webhooks, of an organisation or of a site, and what became of their messages.

use std::collections::BTreeMap;

use http::Method;
use ids::{OrgId, SiteId, Timestamp};
use serde_json::{Map, Value};

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::open::open_enum;
use crate::request::Call;
use crate::{Id, Listing, Order, Period, Request, Scope, SecretText};

/// The webhooks of an organisation or a site.
///
/// `GET /api/v1/orgs/{org_id}/webhooks`, operation `listOrgWebhooks`; of a site `listSiteWebhooks`.
pub fn list(scope: Scope) -> Listing<Webhook> {
    Listing::numbered(all(scope, Method::GET, ["listOrgWebhooks", "listSiteWebhooks"]))
}

/// Makes a webhook. Where the organisation and the site have one for the same URL, everything arrives twice.
///
/// `POST /api/v1/orgs/{org_id}/webhooks`, operation `createOrgWebhook`; of a site `createSiteWebhook`. It is not
/// repeated: a second try could make a second one.
pub fn create(scope: Scope, draft: &WebhookDraft) -> Request<Webhook> {
    let call = all(scope, Method::POST, ["createOrgWebhook", "createSiteWebhook"]);
    Request::new(call.with_body(&draft.to_json()))
}

/// One webhook.
///
/// `GET /api/v1/orgs/{org_id}/webhooks/{webhook_id}`, operation `getOrgWebhook`; of a site `getSiteWebhook`.
pub fn read(scope: Scope, webhook: &Id) -> Request<Webhook> {
    Request::new(one(scope, webhook, Method::GET, ["getOrgWebhook", "getSiteWebhook"]))
}

/// Changes a webhook. Whether what the draft leaves out stays as it is, is not documented: read back.
///
/// `PUT /api/v1/orgs/{org_id}/webhooks/{webhook_id}`, operation `updateOrgWebhook`; of a site `updateSiteWebhook`.
pub fn update(scope: Scope, webhook: &Id, draft: &WebhookDraft) -> Request<Webhook> {
    let call = one(scope, webhook, Method::PUT, ["updateOrgWebhook", "updateSiteWebhook"]);
    Request::new(call.with_body(&draft.to_json()))
}

/// Deletes a webhook. When the connection broke after Mist had done it, the second try says 404.
///
/// `DELETE /api/v1/orgs/{org_id}/webhooks/{webhook_id}`, operation `deleteOrgWebhook`; of a site `deleteSiteWebhook`.
pub fn delete(scope: Scope, webhook: &Id) -> Request<()> {
    Request::new(one(scope, webhook, Method::DELETE, ["deleteOrgWebhook", "deleteSiteWebhook"]))
}

/// Makes Mist send a message of topic `ping`.
///
/// `POST /api/v1/orgs/{org_id}/webhooks/{webhook_id}/ping`, operation `pingOrgWebhook`; of a site `pingSiteWebhook`. It
/// is not repeated.
pub fn ping(scope: Scope, webhook: &Id) -> Request<()> {
    Request::new(scope.call(
        Method::POST,
        ("pingOrgWebhook", "/api/v1/orgs/{org_id}/webhooks/{webhook_id}/ping"),
        ("pingSiteWebhook", "/api/v1/sites/{site_id}/webhooks/{webhook_id}/ping"),
        &[webhook],
    ))
}

/// What became of the messages of a webhook, where the topic [has](crate::definitions::WebhookTopic) results: not for
/// `device-events` and `mxedge-events`.
///
/// `GET /api/v1/orgs/{org_id}/webhooks/{webhook_id}/events/search`, operation `searchOrgWebhooksDeliveries`; of a site
/// `searchSiteWebhooksDeliveries`.
pub fn deliveries(scope: Scope, webhook: &Id, filter: &DeliveryFilter) -> Listing<Delivery> {
    let mut call = scope.call(
        Method::GET,
        ("searchOrgWebhooksDeliveries", "/api/v1/orgs/{org_id}/webhooks/{webhook_id}/events/search"),
        ("searchSiteWebhooksDeliveries", "/api/v1/sites/{site_id}/webhooks/{webhook_id}/events/search"),
        &[webhook],
    );
    let query = &mut call.query;
    query.add_some("status", filter.status.as_ref());
    query.add_some("topic", filter.topic.as_deref());
    query.add_some("sort", filter.order);
    if let Some(period) = filter.period {
        period.add_to(query);
    }
    Listing::chained(call)
}

fn all(scope: Scope, method: Method, [org, site]: [&'static str; 2]) -> Call {
    scope.call(
        method,
        (org, "/api/v1/orgs/{org_id}/webhooks"),
        (site, "/api/v1/sites/{site_id}/webhooks"),
        &[],
    )
}

fn one(scope: Scope, webhook: &Id, method: Method, [org, site]: [&'static str; 2]) -> Call {
    scope.call(
        method,
        (org, "/api/v1/orgs/{org_id}/webhooks/{webhook_id}"),
        (site, "/api/v1/sites/{site_id}/webhooks/{webhook_id}"),
        &[webhook],
    )
}

/// A webhook.
#[derive(Debug)]
#[non_exhaustive]
pub struct Webhook {
    /// Its id.
    pub id: Option<Id>,
    /// Its name.
    pub name: Option<String>,
    /// Where messages go.
    pub url: Option<String>,
    /// How they go there.
    pub kind: Option<WebhookKind>,
    /// Whether it is on; it is when Mist does not say.
    pub enabled: Option<bool>,
    /// Whether Mist checks the receiver's certificate; it does when it does not say.
    pub verify_cert: Option<bool>,
    /// What it signs with. Hidden by Mist for tokens that may only read, and by a policy of the organisation: what was
    /// read must not be written back.
    pub secret: Option<SecretText>,
    /// Headers that Mist adds, which are often secrets.
    pub headers: BTreeMap<String, SecretText>,
    /// What it sends.
    pub topics: Vec<String>,
    /// Whether every event is a message of its own.
    pub single_event_per_message: Option<bool>,
    /// The organisation it is of.
    pub org_id: Option<OrgId>,
    /// The site it is of, where it is of one.
    pub site_id: Option<SiteId>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
    /// The rest, with tokens and passwords of other kinds of webhooks.
    pub extra: Extra,
}

impl Answer for Webhook {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            name: fields.text("name"),
            url: fields.text("url"),
            kind: fields.named("type", WebhookKind::new),
            enabled: fields.flag("enabled"),
            verify_cert: fields.flag("verify_cert"),
            secret: fields.secret("secret"),
            headers: fields.secrets("headers"),
            topics: fields.texts("topics"),
            single_event_per_message: fields.flag("single_event_per_message"),
            org_id: fields.parsed("org_id"),
            site_id: fields.parsed("site_id"),
            modified: fields.time("modified_time"),
            extra: fields.rest(),
        })
    }
}

open_enum! {
    /// How messages leave Mist.
    WebhookKind {
        /// By HTTP.
        HttpPost = "http-post",
        /// By HTTP with OAuth 2.
        Oauth2 = "oauth2",
        /// To Splunk.
        Splunk = "splunk",
        /// To Amazon SNS.
        AwsSns = "aws-sns",
        /// To Google Pub/Sub.
        GooglePubsub = "google-pubsub",
    }
}

/// What a webhook is to be; what is `None` is not said.
#[derive(Debug, Default)]
pub struct WebhookDraft {
    /// Its name.
    pub name: Option<String>,
    /// Where messages go.
    pub url: Option<String>,
    /// How they go there; [`HttpPost`](WebhookKind::HttpPost) when it is not said.
    pub kind: Option<WebhookKind>,
    /// Whether it is on.
    pub enabled: Option<bool>,
    /// Whether Mist checks the receiver's certificate.
    pub verify_cert: Option<bool>,
    /// What it signs with.
    pub secret: Option<SecretText>,
    /// Headers that Mist adds; names and values together less than 1,000 bytes.
    pub headers: Option<BTreeMap<String, SecretText>>,
    /// What it sends.
    pub topics: Option<Vec<String>>,
    /// Whether every event is a message of its own.
    pub single_event_per_message: Option<bool>,
    /// Whatever else the API knows.
    pub extra: Extra,
}

impl WebhookDraft {
    fn to_json(&self) -> Value {
        let mut map: Map<String, Value> = self.extra.clone().into_map();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(key.to_owned(), value);
            }
        };
        set("name", self.name.clone().map(Value::from));
        set("url", self.url.clone().map(Value::from));
        set("type", self.kind.as_ref().map(|kind| kind.name().into()));
        set("enabled", self.enabled.map(Value::from));
        set("verify_cert", self.verify_cert.map(Value::from));
        set("secret", self.secret.as_ref().map(SecretText::to_json));
        set(
            "headers",
            self.headers.as_ref().map(|headers| {
                headers.iter().map(|(name, value)| (name.clone(), value.to_json())).collect::<Value>()
            }),
        );
        set("topics", self.topics.clone().map(Value::from));
        set("single_event_per_message", self.single_event_per_message.map(Value::from));
        Value::Object(map)
    }
}

/// Which deliveries are looked at.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// From when to when; the last day when it is not said.
    pub period: Option<Period>,
    /// With this end.
    pub status: Option<DeliveryStatus>,
    /// Of this topic; one that has results.
    pub topic: Option<String>,
    /// In which order.
    pub order: Option<Order>,
}

open_enum! {
    /// How a delivery ended.
    DeliveryStatus {
        /// The receiver said so.
        Success = "success",
        /// It did not.
        Failure = "failure",
    }
}

/// A message that Mist sent, or tried to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// Its id.
    pub id: Option<Id>,
    /// The webhook.
    pub webhook_id: Option<Id>,
    /// The topic.
    pub topic: Option<String>,
    /// How it ended.
    pub status: Option<DeliveryStatus>,
    /// The HTTP status that the receiver answered with.
    pub status_code: Option<u64>,
    /// What went wrong, in Mist's words.
    pub error: Option<String>,
    /// When.
    pub timestamp: Option<Timestamp>,
    /// The rest, with request and answer as `req_headers`, `req_payload`, `resp_headers` and `resp_body`: texts, which
    /// in the vendor's example are JSON that was escaped twice.
    pub extra: Extra,
}

impl Answer for Delivery {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            webhook_id: fields.parsed("webhook_id"),
            topic: fields.text("topic"),
            status: fields.named("status", DeliveryStatus::new),
            status_code: fields.count("status_code"),
            error: fields.text("error"),
            timestamp: fields.time("timestamp"),
            extra: fields.rest(),
        })
    }
}
