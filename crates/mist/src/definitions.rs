//! What Mist says its alarms, events and topics are.
//!
//! None of these lists is whole in the vendor's document: they are to be asked for at run time, and what they do not
//! have passes through.

use serde_json::Value;

use crate::Request;
use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::request::Call;

/// The types of alarms.
///
/// `GET /api/v1/const/alarm_defs`, operation `listAlarmDefinitions`.
pub fn alarms() -> Request<Vec<AlarmDefinition>> {
    list("listAlarmDefinitions", "/api/v1/const/alarm_defs")
}

/// The types of device events.
///
/// `GET /api/v1/const/device_events`, operation `listDeviceEventsDefinitions`.
pub fn device_events() -> Request<Vec<EventDefinition>> {
    list("listDeviceEventsDefinitions", "/api/v1/const/device_events")
}

/// The types of Mist Edge events.
///
/// `GET /api/v1/const/mxedge_events`, operation `listMxEdgeEventsDefinitions`.
pub fn mxedge_events() -> Request<Vec<EventDefinition>> {
    list("listMxEdgeEventsDefinitions", "/api/v1/const/mxedge_events")
}

/// The types of network access events. The vendor's example is an event and no definition, without `key`.
///
/// `GET /api/v1/const/nac_events`, operation `listNacEventsDefinitions`.
pub fn nac_events() -> Request<Vec<EventDefinition>> {
    list("listNacEventsDefinitions", "/api/v1/const/nac_events")
}

/// The types of events of devices of other vendors.
///
/// `GET /api/v1/const/otherdevice_events`, operation `listOtherDeviceEventsDefinitions`.
pub fn other_device_events() -> Request<Vec<EventDefinition>> {
    list("listOtherDeviceEventsDefinitions", "/api/v1/const/otherdevice_events")
}

/// The types of system events.
///
/// `GET /api/v1/const/system_events`, operation `listSystemEventsDefinitions`.
pub fn system_events() -> Request<Vec<EventDefinition>> {
    list("listSystemEventsDefinitions", "/api/v1/const/system_events")
}

/// The topics of webhooks.
///
/// `GET /api/v1/const/webhook_topics`, operation `listWebhookTopics`.
pub fn webhook_topics() -> Request<Vec<WebhookTopic>> {
    list("listWebhookTopics", "/api/v1/const/webhook_topics")
}

fn list<T: Answer>(operation: &'static str, template: &'static str) -> Request<Vec<T>> {
    Request::new(Call::get(operation, template, &[]))
}

/// A type of alarms.
#[derive(Debug)]
#[non_exhaustive]
pub struct AlarmDefinition {
    /// The type, as `device_down`.
    pub key: Option<String>,
    /// What it is called.
    pub display: Option<String>,
    /// `infrastructure`, `marvis`, `security`, `certificate_expiry` or another.
    pub group: Option<String>,
    /// `critical`, `warn`, `info` or another.
    pub severity: Option<String>,
    /// Fields that such an alarm has beside the usual ones.
    pub fields: Vec<String>,
    /// The rest, with an `example`.
    pub extra: Extra,
}

impl Answer for AlarmDefinition {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            key: fields.text("key"),
            display: fields.text("display"),
            group: fields.text("group"),
            severity: fields.text("severity"),
            fields: fields.texts("fields"),
            extra: fields.rest(),
        })
    }
}

/// A type of events.
#[derive(Debug)]
#[non_exhaustive]
pub struct EventDefinition {
    /// The type, as `AP_ASSIGNED`.
    pub key: Option<String>,
    /// What it is called.
    pub display: Option<String>,
    /// A sentence about it.
    pub description: Option<String>,
    /// Its group, as `ap_health`.
    pub group: Option<String>,
    /// The rest, with an `example`.
    pub extra: Extra,
}

impl Answer for EventDefinition {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            key: fields.text("key"),
            display: fields.text("display"),
            description: fields.text("description"),
            group: fields.text("group"),
            extra: fields.rest(),
        })
    }
}

/// A topic of webhooks.
#[derive(Debug)]
#[non_exhaustive]
pub struct WebhookTopic {
    /// Its name, as `device-updowns`.
    pub key: Option<String>,
    /// Whether a webhook of an organisation can have it; those of sites can have every one.
    pub for_org: bool,
    /// Whether there are [deliveries](crate::webhooks::deliveries) to look at.
    pub has_delivery_results: bool,
    /// Whether it can be told to send a message for every event.
    pub allows_single_event: bool,
    /// Whether it is for the vendor's own use.
    pub internal: bool,
    /// The rest.
    pub extra: Extra,
}

impl Answer for WebhookTopic {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let mut flag = |key| fields.flag(key).unwrap_or(false);
        Ok(Self {
            for_org: flag("for_org"),
            has_delivery_results: flag("has_delivery_results"),
            allows_single_event: flag("allows_single_event_per_message"),
            internal: flag("internal"),
            key: fields.text("key"),
            extra: fields.rest(),
        })
    }
}
