//! Every operation once, whatever it answers.

#![allow(dead_code, reason = "each of the tests that include this uses a part of it")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use fogbell_mist::inventory::{self, Assignment, DeviceType, InventoryFilter};
use fogbell_mist::stats::{self, StatsFilter};
use fogbell_mist::webhooks::{self, DeliveryFilter, DeliveryStatus, WebhookDraft, WebhookKind};
use fogbell_mist::{
    Answer, Client, Extra, Host, Id, Listing, Order, Period, Problem, Request, Scope, SecretText, account,
    alarms, definitions, events, sites, ssr,
};
use http::StatusCode;
use ids::{Mac, OrgId, SiteId, Timestamp};
use serde_json::{Map, json};

/// An operation with its parameters.
pub(crate) struct Operation {
    /// The vendor's name.
    pub(crate) name: &'static str,
    /// Method and path template.
    pub(crate) endpoint: String,
    /// The request, or that for the first page.
    pub(crate) http: http::Request<Bytes>,
    /// Reads an answer and prints what was read.
    pub(crate) read: Box<Read>,
    /// Sends it, or asks for the first page.
    pub(crate) send: Box<dyn Fn(Client) -> Sending + Sync + Send>,
}

type Read = dyn Fn(StatusCode, &[u8]) -> Result<String, Problem> + Sync + Send;

type Sending = Pin<Box<dyn Future<Output = Result<(), Problem>> + Send>>;

/// All of them, most with every parameter they have.
pub(crate) fn all() -> Vec<Operation> {
    let (org, site) = (Scope::Org(org()), Scope::Site(site()));
    let mut all = vec![
        request(account::whoami),
        request(account::usage),
        request(|| account::org(self::org())),
        listing(|| sites::list(self::org())),
        request(|| sites::info(self::site())),
        listing(|| sites::maps(self::site())),
        listing(|| inventory::list(self::org(), &InventoryFilter::default())),
        listing(|| inventory::list(self::org(), &devices()).limit(50)),
        request(|| inventory::assign(self::org(), &assignment())),
        request(|| inventory::unassign(self::org(), &[mac()])),
        listing(|| stats::devices(self::org(), &StatsFilter::default())),
        listing(|| stats::devices(self::org(), &gateway())),
        request(definitions::alarms),
        request(definitions::device_events),
        request(definitions::mxedge_events),
        request(definitions::nac_events),
        request(definitions::other_device_events),
        request(definitions::system_events),
        request(definitions::webhook_topics),
        listing(|| alarms::templates(self::org())),
        listing(|| events::devices(self::org(), &events::EventFilter::default())),
        listing(|| events::devices(self::org(), &happened())),
        listing(|| events::audits(self::org(), &audited())),
        request(|| ssr::derived_setting(self::site())),
        request(|| ssr::export_id_tokens(self::org(), &[mac(), mac()])),
    ];
    for scope in [org, site] {
        all.extend([
            listing(move || webhooks::list(scope)),
            request(move || webhooks::create(scope, &draft())),
            request(move || webhooks::read(scope, &id())),
            request(move || webhooks::update(scope, &id(), &draft())),
            request(move || webhooks::delete(scope, &id())),
            request(move || webhooks::ping(scope, &id())),
            listing(move || webhooks::deliveries(scope, &id(), &delivered())),
            listing(move || alarms::search(scope, &alarming())),
            request(move || ssr::setting(scope)),
            request(move || ssr::write_setting(scope, &conductor())),
        ]);
    }
    all
}

fn request<T: Answer + Debug + 'static>(
    make: impl Fn() -> Request<T> + Sync + Send + Clone + 'static,
) -> Operation {
    let (reader, sender) = (make.clone(), make.clone());
    Operation {
        name: make().operation(),
        endpoint: make().endpoint().to_string(),
        http: make().to_http(&host()),
        read: Box::new(move |status, body| reader().read(status, body).map(|answer| format!("{answer:?}"))),
        send: Box::new(move |client| {
            let request = sender();
            Box::pin(async move { client.send(&request).await.map(drop) })
        }),
    }
}

fn listing<T: Answer + Debug + Send + 'static>(
    make: impl Fn() -> Listing<T> + Sync + Send + Clone + 'static,
) -> Operation {
    let (reader, sender) = (make.clone(), make.clone());
    Operation {
        name: make().operation(),
        endpoint: make().endpoint().to_string(),
        http: make().to_http(&host()),
        read: Box::new(move |status, body| reader().read(status, body).map(|rows| format!("{rows:?}"))),
        send: Box::new(move |client| {
            let mut pages = client.pages(sender());
            Box::pin(async move { pages.next_page().await.map_or(Ok(()), |page| page.map(drop)) })
        }),
    }
}

pub(crate) fn host() -> Host {
    "api.example.net".parse().unwrap()
}

pub(crate) fn org() -> OrgId {
    "a40f5d1f-d889-42e9-94ea-b9b33585fc6b".parse().unwrap()
}

pub(crate) fn site() -> SiteId {
    "4ac1dcf4-9d8b-7211-65c4-057819f0862b".parse().unwrap()
}

pub(crate) fn id() -> Id {
    "b069b358-4c97-5319-1f8c-7c5ca64d6ab1".parse().unwrap()
}

pub(crate) fn mac() -> Mac {
    "683b679ac024".parse().unwrap()
}

pub(crate) fn devices() -> InventoryFilter {
    InventoryFilter {
        macs: vec![mac(), "5c5b350e0001".parse().unwrap()],
        site: Some(site()),
        unassigned: Some(true),
        modified_after: Some(Timestamp::from_micros(1_703_003_296_900_000)),
        ..InventoryFilter::default()
    }
}

pub(crate) fn assignment() -> Assignment {
    Assignment { site: site(), macs: vec![mac()], no_reassign: false, mist_configured: Some(true) }
}

fn gateway() -> StatsFilter {
    StatsFilter {
        kind: Some(DeviceType::Gateway),
        site: Some(site()),
        mac: Some(mac()),
        fields: Some("*".to_owned()),
    }
}

pub(crate) fn alarming() -> alarms::AlarmFilter {
    alarms::AlarmFilter {
        period: Some(Period::Between(
            Timestamp::from_micros(1_700_000_000_500_000),
            Timestamp::from_micros(1_700_003_600_500_000),
        )),
        group: Some("infrastructure".to_owned()),
        severity: Some("critical".to_owned()),
        kinds: vec!["device_down".to_owned(), "rogue_client".to_owned()],
        acked: Some(false),
        order: Some(Order::OldestFirst),
    }
}

pub(crate) fn delivered() -> DeliveryFilter {
    DeliveryFilter {
        period: two_hours(),
        status: Some(DeliveryStatus::Failure),
        topic: Some("alarms".to_owned()),
        order: Some(Order::NewestFirst),
    }
}

fn happened() -> events::EventFilter {
    events::EventFilter {
        period: two_hours(),
        device: Some(DeviceType::Gateway),
        macs: vec![mac()],
        kinds: vec!["GW_CONFIGURED".to_owned()],
        order: Some(Order::OldestFirst),
    }
}

fn audited() -> events::AuditFilter {
    events::AuditFilter { period: two_hours(), site: Some(site()), order: Some(Order::OldestFirst) }
}

fn two_hours() -> Option<Period> {
    Some(Period::Last(Duration::from_secs(7_200)))
}

pub(crate) fn draft() -> WebhookDraft {
    WebhookDraft {
        name: Some("fogbell".to_owned()),
        url: Some("https://relay.example.net/v1/mist".to_owned()),
        kind: Some(WebhookKind::HttpPost),
        enabled: Some(true),
        verify_cert: Some(true),
        secret: Some(SecretText::new("FAKE-WEBHOOK-SECRET")),
        headers: Some(BTreeMap::from([("X-Example".to_owned(), SecretText::new("fogbell"))])),
        topics: Some(
            ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"]
                .map(str::to_owned)
                .to_vec(),
        ),
        single_event_per_message: Some(false),
        extra: Extra::default(),
    }
}

pub(crate) fn conductor() -> ssr::SsrSetting {
    ssr::SsrSetting {
        conductor_hosts: ["192.0.2.10", "192.0.2.11"].map(str::to_owned).to_vec(),
        conductor_token: Some(SecretText::new("TOKEN-FROM-CONDUCTOR")),
        extra: Extra::from(Map::from_iter([("disable_stats".to_owned(), json!(false))])),
    }
}
