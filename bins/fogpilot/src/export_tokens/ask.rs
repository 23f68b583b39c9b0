//! Mist is asked: for the inventory, then for the ID tokens in batches.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::time::Duration;

use ids::{Mac, OrgId};
use mist::inventory::{self, DeviceType, InventoryFilter};
use mist::{Client, Problem, ssr};
use sco::ek::{Export, Exported};
use sco::input::Row;
use sco::observe::Inventory;
use tokio::time::sleep;

use crate::exit::{Exit, Failure, chain};

/// What came of every row.
pub(super) struct Answers {
    /// Each row.
    pub(super) rows: Vec<Asked>,
    /// Whether Mist refused the token while tokens were exported.
    pub(super) refused: bool,
}

/// A row, its device, and what Mist said of it.
pub(super) struct Asked {
    pub(super) row: Row,
    pub(super) mac: Option<Mac>,
    /// What was exported, or what happened instead and what to do.
    pub(super) exported: Result<Exported, String>,
}

/// Asks for the tokens of `rows`, each device once.
pub(super) async fn ask(client: &Client, org: OrgId, rows: Vec<Row>) -> Result<Answers, Failure> {
    learn(client).await?;
    let inventory = inventory(client, org).await?;
    let found = find(rows, &inventory);
    let macs: Vec<Mac> = found.iter().filter_map(|(_, mac)| mac.as_ref().ok().copied()).collect();
    let mut said: HashMap<Mac, Result<Exported, String>> = HashMap::new();
    let mut refused = false;
    for batch in macs.chunks(BATCH) {
        if refused {
            let text = "it was not asked for, since Mist refused the token before; mend that and run again";
            said.extend(batch.iter().map(|mac| (*mac, Err(text.to_owned()))));
            continue;
        }
        match export(client, org, batch).await {
            Ok(answer) => {
                tell_strangers(&answer)?;
                said.extend(answer.routers.into_iter().map(|(mac, exported)| (mac, Ok(exported))));
            }
            Err(problem) => {
                refused = is_refusal(&problem);
                let text = format!("{}; then run again", chain(&problem));
                said.extend(batch.iter().map(|mac| (*mac, Err(text.clone()))));
            }
        }
    }
    let join = |(row, mac): (Row, Result<Mac, String>)| match mac {
        Ok(mac) => {
            Asked { row, mac: Some(mac), exported: said.remove(&mac).unwrap_or(Ok(Exported::Missing)) }
        }
        Err(text) => Asked { row, mac: None, exported: Err(text) },
    };
    Ok(Answers { rows: found.into_iter().map(join).collect(), refused })
}

/// The device of each row; none for rows that have one device between them, since nobody can say whose it is.
fn find(rows: Vec<Row>, inventory: &Inventory) -> Vec<(Row, Result<Mac, String>)> {
    let mut lines: HashMap<Mac, Vec<String>> = HashMap::new();
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let mac = row.device.find(inventory);
        if let Ok(mac) = mac {
            lines.entry(mac).or_default().push(row.line.to_string());
        }
        found.push((row, mac));
    }
    let alone = |mac: Mac| match lines.get(&mac).map(Vec::as_slice) {
        Some(several @ [_, _, ..]) => {
            Err(format!("the device {mac} is in lines {}; leave it in one of them", several.join(", ")))
        }
        _ => Ok(mac),
    };
    found.into_iter().map(|(row, mac)| (row, mac.and_then(alone))).collect()
}

/// Learns how much of the hour is spent, so that no call is made that is not there.
async fn learn(client: &Client) -> Result<(), Failure> {
    match client.usage().await {
        Ok(_) => Ok(()),
        Err(problem) if is_refusal(&problem) => Err(Failure::of(Exit::Auth, problem)),
        Err(problem) => {
            let text = chain(&problem);
            Ok(writeln!(io::stderr(), "fogpilot: how many calls are left this hour is not known: {text}")?)
        }
    }
}

async fn inventory(client: &Client, org: OrgId) -> Result<Inventory, Failure> {
    let filter = InventoryFilter { types: vec![DeviceType::Gateway], ..InventoryFilter::default() };
    let mut pages = client.pages(inventory::list(org, &filter));
    let mut devices = Vec::new();
    while let Some(page) = pages.next_page().await {
        let page = page.map_err(|problem| match is_refusal(&problem) {
            true => Failure::of(Exit::Auth, problem),
            false => problem.into(),
        })?;
        devices.extend(page);
    }
    Ok(Inventory::of(&devices))
}

/// Asks for one batch, again where that may help: an export changes nothing in Mist.
async fn export(client: &Client, org: OrgId, batch: &[Mac]) -> Result<Export, Problem> {
    let request = ssr::export_id_tokens(org, batch);
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match client.send(&request).await {
            Ok(answer) => return Ok(Export::account(batch, &answer)),
            Err(problem) if problem.retry_helps() && !matches!(problem, Problem::OutOfBudget { .. }) => {
                let _ = writeln!(io::stderr(), "fogpilot: {}; asking again", chain(&problem));
                sleep(pause).await;
                pause *= 2;
            }
            Err(problem) => return Err(problem),
        }
    }
    client.send(&request).await.map(|answer| Export::account(batch, &answer))
}

fn tell_strangers(answer: &Export) -> io::Result<()> {
    let strangers = answer.unasked.len() + answer.nameless;
    if strangers > 0 {
        let text = "entries of the answer are of devices that were not asked for; they are not used";
        writeln!(io::stderr(), "fogpilot: {strangers} {text}")?;
    }
    Ok(())
}

fn is_refusal(problem: &Problem) -> bool {
    problem.status().is_some_and(|status| matches!(status.as_u16(), 401 | 403))
}

/// How many Mist takes at once is not documented.
const BATCH: usize = 50;
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
