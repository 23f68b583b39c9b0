//! Reads the directory: whole, or what changed.

use std::collections::{BTreeMap, HashSet};

use alarm::Catalogue;
use alarm::catalogue::{Definition, Kind};
use alarm::directory::{Device, Lesson, Site};
use ids::{Mac, OrgId, Timestamp};
use mist::inventory::{self, InventoryFilter};
use mist::{Client, definitions, sites};
use tracing::info;

use crate::Inbox;
use crate::patience::{Failure, Steady};

/// Reads all sites, devices and definitions, and tells which devices are gone.
pub(crate) async fn read_all(
    client: &Client,
    org: OrgId,
    catalogue: &mut Catalogue,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    let known = inbox.devices().await?;
    read_sites(client, org, inbox).await?;
    let found = read_devices(client, org, None, inbox).await?;
    let gone: Vec<Mac> = known.difference(&found).copied().collect();
    for some in gone.chunks(ROWS) {
        let devices = some.iter().map(|mac| (*mac, None)).collect();
        inbox.learned(&Lesson { devices, ..Lesson::default() }).await?;
    }
    let definitions = read_definitions(client).await?;
    for (kind, definitions) in &definitions {
        for definition in definitions {
            catalogue.define(*kind, definition.clone());
        }
    }
    let lesson = Lesson { definitions, complete: true, ..Lesson::default() };
    inbox.learned(&lesson).await?;
    info!(devices = found.len(), gone = gone.len(), "the directory was read");
    Ok(())
}

/// Reads the sites, and the devices that changed since.
pub(crate) async fn read_changes(
    client: &Client,
    org: OrgId,
    since: Timestamp,
    inbox: &impl Inbox,
) -> Result<(), Failure> {
    read_sites(client, org, inbox).await?;
    read_devices(client, org, Some(since), inbox).await?;
    Ok(())
}

async fn read_sites(client: &Client, org: OrgId, inbox: &impl Inbox) -> Result<(), Failure> {
    let mut pages = Steady::new(client.pages(sites::list(org).limit(PAGE)));
    while let Some(page) = pages.next_page().await {
        let page = page?;
        for some in page.chunks(ROWS) {
            let sites = some.iter().filter_map(named_site).collect();
            inbox.learned(&Lesson { sites, ..Lesson::default() }).await?;
        }
    }
    Ok(())
}

/// A site as the directory has it.
pub(crate) fn named_site(site: &sites::Site) -> Option<(String, Site)> {
    Some((site.id?.to_string(), Site { name: site.name.clone()? }))
}

/// The addresses that were read; on the way, every page is told as soon as it is there.
async fn read_devices(
    client: &Client,
    org: OrgId,
    modified_after: Option<Timestamp>,
    inbox: &impl Inbox,
) -> Result<HashSet<Mac>, Failure> {
    let filter = InventoryFilter { modified_after, ..InventoryFilter::default() };
    let mut pages = Steady::new(client.pages(inventory::list(org, &filter).limit(PAGE)));
    let mut found = HashSet::new();
    while let Some(page) = pages.next_page().await {
        let page = page?;
        for some in page.chunks(ROWS) {
            let devices = some.iter().filter_map(named_device);
            let devices = devices.inspect(|(mac, _)| found.extend([*mac])).collect();
            inbox.learned(&Lesson { devices, ..Lesson::default() }).await?;
        }
    }
    Ok(found)
}

/// A device as the directory has it.
pub(crate) fn named_device(device: &inventory::Device) -> Option<(Mac, Option<Device>)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let name = match text(&device.name) {
        none if none.is_empty() => text(&device.hostname),
        name => name,
    };
    let site_id = device.site_id.filter(|id| !id.is_nil()).map(|id| id.to_string()).unwrap_or_default();
    let known = Device {
        name,
        site_id,
        kind: device.kind.as_ref().map(|kind| kind.name().to_owned()).unwrap_or_default(),
        model: text(&device.model),
        serial: text(&device.serial),
        ip: device.extra.get("ip").and_then(|ip| ip.as_str()).unwrap_or_default().to_owned(),
    };
    Some((device.mac?, Some(known)))
}

async fn read_definitions(client: &Client) -> Result<BTreeMap<Kind, Vec<Definition>>, Failure> {
    let alarms = client.send(&definitions::alarms()).await?;
    let alarms = alarms.into_iter().filter_map(|it| {
        Some(Definition {
            key: it.key?,
            display: it.display.unwrap_or_default(),
            group: it.group.unwrap_or_default(),
            severity: it.severity.unwrap_or_default(),
            fields: it.fields,
        })
    });
    let event = |it: definitions::EventDefinition| {
        // the group of an event is another word than that of an alarm
        Some(Definition { key: it.key?, display: it.display.unwrap_or_default(), ..Definition::default() })
    };
    let mut all = BTreeMap::from([(Kind::Alarm, alarms.collect())]);
    let devices = client.send(&definitions::device_events()).await?;
    all.insert(Kind::Device, devices.into_iter().filter_map(event).collect());
    let edges = client.send(&definitions::mxedge_events()).await?;
    all.insert(Kind::MxEdge, edges.into_iter().filter_map(event).collect());
    let mut other = Vec::new();
    for request in
        [definitions::nac_events(), definitions::other_device_events(), definitions::system_events()]
    {
        other.extend(client.send(&request).await?.into_iter().filter_map(event));
    }
    all.insert(Kind::Other, other);
    Ok(all)
}

/// Rows of a page; Mist gives 1,000 at most.
const PAGE: u32 = 1000;

/// Rows of one lesson, so that what the relay writes at once stays small.
const ROWS: usize = 250;
