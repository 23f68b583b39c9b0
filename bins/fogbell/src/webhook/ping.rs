//! `fogbell webhook ping`: Mist's own ping, from its cloud to every sink.

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use ids::Timestamp;
use mist::webhooks::{self, DeliveryFilter, DeliveryStatus};
use mist::{Id, Scope};
use relay::{PING_FOLLOW, PING_WATCH};
use serde_json::{Value, json};

use super::{Lost, Which, disable};
use crate::access::{Access, wait};
use crate::alerts::ask;
use crate::table::table;

mod lost;
mod stage;

use stage::Stage;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Seconds to wait for the ping to arrive
    #[arg(short, long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=300))]
    wait: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Has Mist ping, and says where the ping was when.
pub(super) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let access = Access::of(&args.which.access)?;
    let stages = wait(follow(&access, args))??;
    let mut out = io::stdout().lock();
    match args.json {
        true => {
            let lost = stages.iter().find(|stage| !stage.passed).map(|stage| stage.name.clone());
            writeln!(out, "{:#}", json!({ "stages": stages, "lost_at": lost }))?;
        }
        false => {
            let mut rows = vec![["STAGE", "RESULT", "AFTER", "DETAILS"].map(str::to_owned)];
            rows.extend(stages.iter().map(Stage::row));
            out.write_all(table(&rows).as_bytes())?;
        }
    }
    if stages.iter().all(|stage| stage.passed) { Ok(()) } else { Err(Lost.into()) }
}

async fn follow(access: &Access, args: &Args) -> Result<Vec<Stage>, Box<dyn Error>> {
    let one = disable::one(access, args.which.id.as_ref()).await?;
    let id = one.id().cloned().ok_or("Mist shows the webhook without an id")?;
    if !one.is_enabled() {
        let text = format!(
            "webhook {} is switched off, and Mist posts nothing by it: `fogbell webhook create` switches it on",
            one.title()
        );
        return Ok(vec![Stage::lost("mist", text)]);
    }
    let config = &access.config;
    let mark = ask(config, &json!({ "command": PING_WATCH }))?["mark"].clone();
    let began = Timestamp::now();
    if let Err(problem) = access.client.send(&webhooks::ping(one.scope, &id)).await {
        return Ok(vec![Stage::lost(
            "mist",
            format!("Mist was asked to ping and did not: {}", relay::Chain(&problem)),
        )]);
    }
    let mut stages = vec![Stage::passed(
        "mist",
        began,
        Timestamp::now(),
        format!("took the order to ping {}", one.title()),
    )];
    let deadline = Instant::now() + Duration::from_secs(args.wait);
    let mut log = Value::Null;
    let told = loop {
        let asked = json!({
            "command": PING_FOLLOW, "org": access.org().name, "mark": mark, "wait_secs": LOOK_SECS, "sinks_secs": SINKS_SECS,
        });
        let told = ask(config, &asked)?;
        if !told["stored_at"].is_null() {
            break told;
        }
        log = logged(access, one.scope, &id, began).await;
        if Instant::now() >= deadline || log["status"] == "failure" {
            break told;
        }
    };
    match told["stored_at"].as_i64() {
        Some(at) => stages.extend(stage::arrived(&told, began, at)),
        None => stages.push(lost::why(
            &told,
            &log,
            access,
            one.webhook.url.as_deref().unwrap_or_default(),
            args.wait,
        )),
    }
    Ok(stages)
}

/// What Mist itself says of the ping; null while it says nothing.
async fn logged(access: &Access, scope: Scope, id: &Id, began: Timestamp) -> Value {
    let filter = DeliveryFilter { topic: Some("ping".to_owned()), ..DeliveryFilter::default() };
    let mut pages = access.client.pages(webhooks::deliveries(scope, id, &filter).limit(ROWS));
    let Some(Ok(rows)) = pages.next_page().await else { return Value::Null };
    // the clocks of Mist and of this machine may differ a little
    let since = began.micros() - CLOCKS_MICROS;
    let newest = rows
        .iter()
        .filter(|row| row.timestamp.is_some_and(|at| at.micros() >= since))
        .max_by_key(|row| row.timestamp);
    newest.map_or(Value::Null, |row| {
        json!({
            "status": row.status.as_ref().map(DeliveryStatus::name),
            "status_code": row.status_code,
            "error": row.error,
        })
    })
}

/// How long the relay waits for the ping before Mist's log is looked at.
const LOOK_SECS: u64 = 3;

/// How long the sinks have.
const SINKS_SECS: u64 = 15;

/// How many of the newest deliveries are looked at.
const ROWS: u32 = 20;

/// How far the clocks may be apart.
const CLOCKS_MICROS: i64 = 30_000_000;

/// What `--help` shows.
pub(super) const EXAMPLE: &str = "\
Example:
  $ fogbell webhook ping
  STAGE      RESULT  AFTER    DETAILS
  mist       passed  180 ms   took the order to ping \"fogbell\"
  listener   passed  612 ms   from 54.193.71.17: address, TLS and signature hold, and it is on disk
  rules      passed  618 ms   alert 1c5e0f0a…: ping
  sink noc   passed  631 ms   inform to 192.0.2.50:162 acknowledged";
