//! Asks Mist whether problems that are open still are.
//!
//! What it says goes in as a message: of a device that is connected again as its connecting, of everything else as the
//! event or alarm that ended it. Whether that ends something is decided where everything is interpreted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alarm::{Catalogue, Fetched, OpenProblem};
use ids::{Mac, OrgId, Timestamp};
use mist::alarms::{self, AlarmFilter};
use mist::events::{self, EventFilter};
use mist::inventory::{self, InventoryFilter};
use mist::{Client, Order, Period, Scope};
use serde_json::{Value, json};

use crate::Inbox;
use crate::patience::{Failure, Steady};

/// Asks about the problems that are open, the oldest first, with a bounded number of calls.
pub(crate) async fn reconcile(
    client: &Client,
    org: OrgId,
    catalogue: &Catalogue,
    now: Timestamp,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let open = inbox.open().await?;
    let due: Vec<OpenProblem> =
        open.into_iter().filter(|problem| now.since(problem.heard) >= SETTLED).collect();
    if due.is_empty() {
        return Ok(());
    }
    let (down, other): (Vec<_>, Vec<_>) =
        due.into_iter().partition(|problem| problem.alert.mac.is_some() && is_down(&problem.alert.kind));
    devices(client, org, &down, now, inbox).await?;
    let (alarms, events): (Vec<_>, Vec<_>) =
        other.into_iter().partition(|problem| problem.alert.topic == "alarms");
    ended_alarms(client, org, catalogue, &alarms, now, inbox).await?;
    ended_events(client, org, catalogue, &events, now, inbox).await
}

/// Devices that were down: whether they are connected now.
async fn devices(
    client: &Client,
    org: OrgId,
    down: &[OpenProblem],
    now: Timestamp,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let macs: BTreeSet<Mac> = down.iter().filter_map(|problem| problem.alert.mac).collect();
    let macs: Vec<Mac> = macs.into_iter().collect();
    for some in macs.chunks(MACS_AT_ONCE).take(CALLS) {
        let filter = InventoryFilter { macs: some.to_vec(), ..InventoryFilter::default() };
        let mut pages = Steady::new(client.pages(inventory::list(org, &filter)));
        while let Some(page) = pages.next_page().await {
            let said: Vec<Value> = page?.iter().filter_map(|device| connection(device, now)).collect();
            tell(inbox, Fetched::Reconcile, "device-updowns", said).await?;
        }
    }
    Ok(())
}

/// What Mist says of a device's connection, as a webhook would have told it.
fn connection(device: &inventory::Device, now: Timestamp) -> Option<Value> {
    let prefix = match device.kind.as_ref()?.name() {
        "ap" => "AP",
        "switch" => "SW",
        "gateway" => "GW",
        _ => return None,
    };
    let connected = if device.connected? { "CONNECTED" } else { "DISCONNECTED" };
    let mut event = json!({
        "type": format!("{prefix}_{connected}"),
        "mac": device.mac?.to_string(),
        "device_type": device.kind.as_ref()?.name(),
        "timestamp": seconds(now),
    });
    if let Some(name) = &device.name {
        event["device_name"] = name.as_str().into();
    }
    if let Some(site) = device.site_id.filter(|site| !site.is_nil()) {
        event["site_id"] = site.to_string().into();
    }
    Some(event)
}

/// Alarms that were raised: those that Mist has as resolved, and those that end them.
async fn ended_alarms(
    client: &Client,
    org: OrgId,
    catalogue: &Catalogue,
    open: &[OpenProblem],
    now: Timestamp,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let Some(since) = oldest(open, now) else { return Ok(()) };
    let mut kinds = BTreeSet::new();
    for problem in open {
        kinds.extend(catalogue.ends(&problem.alert.kind));
        if problem.alert.group == "marvis" {
            kinds.insert(alarm::catalogue::normal(&problem.alert.kind).into_owned());
        }
    }
    if kinds.is_empty() {
        return Ok(());
    }
    let filter = AlarmFilter {
        period: Some(Period::Between(since, now)),
        kinds: kinds.into_iter().collect(),
        order: Some(Order::OldestFirst),
        ..AlarmFilter::default()
    };
    let mut pages = Steady::new(client.pages(alarms::search(Scope::Org(org), &filter)));
    for _ in 0..CALLS {
        let Some(page) = pages.next_page().await else { break };
        let rows = page?.into_iter().map(|alarm| Value::Object(alarm.raw.into_map())).collect();
        tell(inbox, Fetched::Reconcile, "alarms", rows).await?;
    }
    Ok(())
}

/// Events that began something: those that end it.
async fn ended_events(
    client: &Client,
    org: OrgId,
    catalogue: &Catalogue,
    open: &[OpenProblem],
    now: Timestamp,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let mut by_kind: BTreeMap<Vec<String>, Vec<&OpenProblem>> = BTreeMap::new();
    for problem in open.iter().filter(|problem| problem.alert.topic != "mxedge-events") {
        by_kind.entry(catalogue.ends(&problem.alert.kind)).or_default().push(problem);
    }
    by_kind.remove(&Vec::new());
    let mut calls = 0;
    for (kinds, open) in by_kind {
        let macs: BTreeSet<Mac> = open.iter().filter_map(|problem| problem.alert.mac).collect();
        let Some(since) = oldest(open, now) else { continue };
        // the types of events are upper case, and those that end something were written down in lower case
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.to_ascii_uppercase()).collect();
        for some in macs.into_iter().collect::<Vec<_>>().chunks(MACS_AT_ONCE) {
            let filter = EventFilter {
                period: Some(Period::Between(since, now)),
                macs: some.to_vec(),
                kinds: kinds.clone(),
                order: Some(Order::OldestFirst),
                ..EventFilter::default()
            };
            let mut pages = Steady::new(client.pages(events::devices(org, &filter)));
            while let Some(page) = pages.next_page().await {
                calls += 1;
                let rows = page?.into_iter().map(|event| Value::Object(event.raw.into_map())).collect();
                tell(inbox, Fetched::Reconcile, "device-events", rows).await?;
                if calls >= CALLS {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Stores rows as messages of a bounded size.
pub(crate) async fn tell(
    inbox: &impl Inbox,
    fetched: Fetched,
    topic: &str,
    rows: Vec<Value>,
) -> Result<(), Failure> {
    for some in rows.chunks(ROWS) {
        let body = json!({ "topic": topic, "events": some });
        inbox.fetched(fetched, body.to_string().into_bytes()).await?;
    }
    Ok(())
}

/// When the oldest problem began, no longer ago than Mist keeps events.
fn oldest<'a>(open: impl IntoIterator<Item = &'a OpenProblem>, now: Timestamp) -> Option<Timestamp> {
    let oldest = open.into_iter().map(|problem| problem.alert.first_seen).min()?;
    let earliest = now.micros() - i64::try_from(LOOK_BACK.as_micros()).unwrap_or(0);
    Some(Timestamp::from_micros(oldest.micros().clamp(earliest, now.micros())))
}

/// Whether a type says that a device is not reached.
fn is_down(kind: &str) -> bool {
    let kind = alarm::catalogue::normal(kind);
    DOWN.contains(&&*kind)
}

#[allow(clippy::cast_precision_loss, reason = "a time in this century has room in a float")]
fn seconds(time: Timestamp) -> f64 {
    time.micros() as f64 / 1e6
}

const DOWN: [&str; 6] =
    ["ap_disconnected", "sw_disconnected", "gw_disconnected", "device_down", "switch_down", "gateway_down"];

/// How long nothing must have been heard of a problem: what Mist says of a device lags behind what it posts.
const SETTLED: Duration = Duration::from_secs(300);

/// How far back events are searched.
const LOOK_BACK: Duration = Duration::from_secs(7 * 86_400);

const MACS_AT_ONCE: usize = 100;
const ROWS: usize = 100;

/// How many calls one kind of question may take each time.
const CALLS: usize = 50;
