//! `fogbell webhook disable`.

use std::error::Error;
use std::io::{self, Write};

use mist::webhooks::{self, WebhookDraft};

use super::Which;
use super::found::{self, Found};
use super::here::Here;
use crate::access::{Access, wait};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Switches it off.
pub(super) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let access = Access::of(&args.which.access)?;
    let changed = wait(disable(&access, args.which.id.as_ref()))??;
    let (webhook, changed) = changed;
    let mut out = io::stdout().lock();
    match (args.json, changed) {
        (true, _) => writeln!(out, "{:#}", serde_json::json!({ "webhook": webhook, "changed": changed }))?,
        (false, true) => writeln!(out, "webhook {webhook} is switched off: Mist posts nothing here by it")?,
        (false, false) => writeln!(out, "webhook {webhook} was off already; nothing was changed")?,
    }
    Ok(())
}

async fn disable(access: &Access, id: Option<&mist::Id>) -> Result<(String, bool), Box<dyn Error>> {
    let one = one(access, id).await?;
    let (title, id) = (one.title(), one.id().cloned().ok_or("Mist shows the webhook without an id")?);
    let before = access.client.send(&webhooks::read(one.scope, &id)).await?;
    if before.enabled == Some(false) {
        return Ok((title, false));
    }
    // what a change leaves out may be lost, which is not documented: everything that is no secret is said again
    let draft = WebhookDraft {
        name: before.name.clone(),
        url: before.url.clone(),
        kind: before.kind.clone(),
        enabled: Some(false),
        verify_cert: before.verify_cert,
        topics: Some(before.topics.clone()),
        ..WebhookDraft::default()
    };
    access.client.send(&webhooks::update(one.scope, &id, &draft)).await?;
    let after = access.client.send(&webhooks::read(one.scope, &id)).await?;
    if after.enabled != Some(false) {
        return Err(format!("Mist took the change of webhook {title} and still shows it enabled").into());
    }
    if after.topics != before.topics || after.url != before.url {
        return Err(
            format!("webhook {title} is off, and Mist changed more than that: look at it there").into()
        );
    }
    Ok((title, true))
}

/// The one that is meant: by its id, else the organisation's that points here.
pub(super) async fn one(access: &Access, id: Option<&mist::Id>) -> Result<Found, Box<dyn Error>> {
    let here = Here::of(&access.config, access.org());
    let all = found::all(&access.client, access.org_id, id.is_some()).await?;
    let mut fitting: Vec<Found> =
        all.into_iter().filter(|it| id.map_or_else(|| it.is_here(&here), |id| it.id() == Some(id))).collect();
    match (fitting.len(), id) {
        (1, _) => Ok(fitting.remove(0)),
        (0, Some(id)) => {
            Err(format!("there is no webhook `{id}`; `fogbell webhook list --all` shows them").into())
        }
        (0, None) => {
            let url = here.url().unwrap_or_else(|| "this relay".to_owned());
            Err(format!(
                "no webhook of organisation {} posts to {url}; `fogbell webhook create` makes one",
                access.org().name
            )
            .into())
        }
        (several, _) => {
            let ids: Vec<String> =
                fitting.iter().filter_map(|it| Some(format!("{} ({})", it.id()?, it.title()))).collect();
            Err(format!("{several} webhooks post here; name one with --id: {}", ids.join(", ")).into())
        }
    }
}

/// What `--help` shows.
pub(super) const EXAMPLE: &str = "\
Example:
  $ fogbell webhook disable --ask-token
  API token of Mist:
  webhook \"fogbell\" is switched off: Mist posts nothing here by it";
