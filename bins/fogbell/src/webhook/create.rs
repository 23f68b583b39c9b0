//! `fogbell webhook create`: what there is is compared first, and mended; only where there is none is one made.

use std::error::Error;
use std::io::{self, Write};

use mist::webhooks::{self, Webhook, WebhookDraft, WebhookKind};
use mist::{Client, Id, Scope, SecretText};
use serde_json::json;
use zeroize::Zeroizing;

use super::found::{self, Found, Signed};
use super::here::Here;
use super::secret;
use crate::access::{Access, AccessArgs, plain, wait};
use crate::secret::at_hand;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    access: AccessArgs,
    /// Topics that it posts; those that a webhook has beside them stay
    #[arg(long, value_delimiter = ',', default_values_t = TOPICS.map(str::to_owned))]
    topics: Vec<String>,
    /// Its name, when it is made
    #[arg(long, default_value = "fogbell")]
    name: String,
    /// Weakens: have Mist not check the relay's certificate, as a self-signed one needs
    #[arg(long)]
    danger_no_verify: bool,
    /// Write the secret even where Mist hides the one that is there
    #[arg(long)]
    set_secret: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How a webhook is to be.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) topics: Vec<String>,
    pub(crate) verify: bool,
    pub(crate) set_secret: bool,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// Nothing.
    Nothing { title: String },
    /// Make one.
    Make,
    /// Change the one that is there.
    Change { id: Id, found: &'a Found, changes: Vec<String>, secret: bool },
}

/// Makes it, or mends what is there.
pub(super) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let access = Access::of(&args.access)?;
    let here = Here::of(&access.config, access.org());
    let url = here.url().ok_or(
        "nothing says where Mist is to post: set `public_url` of [listen] to the relay's URL as Mist reaches it",
    )?;
    if !access.config.tls.self_signed.is_empty() && !args.danger_no_verify {
        return Err(SELF_SIGNED.into());
    }
    let wish = Wish {
        url,
        name: args.name.clone(),
        topics: args.topics.clone(),
        verify: !args.danger_no_verify,
        set_secret: args.set_secret,
    };
    // a plan needs no secret: nothing is made for it
    let (secret, made) = match args.dry_run {
        true => (Zeroizing::new(String::new()), false),
        false => secret::kept_or_made(&access.config, access.org()).map_err(plain)?,
    };
    let (known, _) = secret::known(&crate::secrets::Secrets::of(&access.config), access.org());
    let all = wait(found::all(&access.client, access.org_id, true))??;
    let step = plan(&wish, &here, &all, &known)?;
    let mut lines = step.lines(&wish);
    lines.extend(doubles(&all, &here));
    if made {
        lines.insert(
            0,
            "the webhook's secret was missing: it was made, and is kept where the configuration says"
                .to_owned(),
        );
    }
    let mut out = io::stdout().lock();
    if !args.json {
        for line in &lines {
            writeln!(out, "{line}")?;
        }
    }
    let changes = !matches!(step, Step::Nothing { .. });
    if changes && !args.dry_run {
        confirm(args.yes)?;
        wait(carry_out(&access.client, access.org_id, &step, &wish, &secret))??;
    }
    let done = changes && !args.dry_run;
    match args.json {
        true => writeln!(out, "{:#}", json!({ "url": wish.url, "steps": lines, "changed": done }))?,
        false if done => writeln!(out, "done, and read back; `fogbell webhook ping` proves the whole way")?,
        false => {}
    }
    Ok(())
}

fn confirm(yes: bool) -> Result<(), Box<dyn Error>> {
    if yes {
        return Ok(());
    }
    let Ok(terminal) = at_hand::terminal() else {
        return Err("there is no terminal to ask at; --yes changes Mist without asking".into());
    };
    match terminal.confirm("Do this in Mist?")? {
        true => Ok(()),
        false => Err("nothing was changed in Mist".into()),
    }
}

/// What has to be done so that there is one webhook as `wish` has it.
pub(crate) fn plan<'a>(
    wish: &Wish,
    here: &Here,
    all: &'a [Found],
    known: &[Zeroizing<String>],
) -> Result<Step<'a>, Box<dyn Error>> {
    let mine: Vec<&Found> = all.iter().filter(|it| it.site.is_none() && it.is_here(here)).collect();
    let one = match mine.as_slice() {
        [] => return Ok(Step::Make),
        [one] => *one,
        several => {
            let titles: Vec<String> = several.iter().map(|it| it.title()).collect();
            return Err(format!(
                "{} webhooks of the organisation post here, so everything comes as often: keep one, and remove the others \
                 in Mist: {}",
                several.len(),
                titles.join(", ")
            )
            .into());
        }
    };
    let mut changes = Vec::new();
    if !one.is_enabled() {
        changes.push("switch it on".to_owned());
    }
    if one.verifies() != wish.verify {
        let what = if wish.verify { "have Mist check" } else { "DANGER: have Mist not check" };
        changes.push(format!("{what} the relay's certificate"));
    }
    let missing = missing_topics(&one.webhook, wish);
    if !missing.is_empty() {
        changes.push(format!("add the topics {}", missing.join(", ")));
    }
    let secret = match one.signed(known) {
        Signed::Known => false,
        Signed::Hidden => wish.set_secret,
        Signed::Unknown | Signed::Unsigned => true,
    };
    if secret {
        changes.push("set the secret".to_owned());
    }
    if changes.is_empty() {
        return Ok(Step::Nothing { title: one.title() });
    }
    let id = one.id().cloned().ok_or("Mist shows the webhook without an id")?;
    Ok(Step::Change { id, found: one, changes, secret })
}

impl Step<'_> {
    /// What it does, for people.
    pub(crate) fn lines(&self, wish: &Wish) -> Vec<String> {
        match self {
            Self::Nothing { title } => {
                vec![format!("webhook {title} posts to {} and is as it should be", wish.url)]
            }
            Self::Make => {
                let check = if wish.verify { "checked" } else { "NOT checked" };
                vec![format!(
                    "make webhook \"{}\" to {}: signed, certificate {check}, topics {}",
                    wish.name,
                    wish.url,
                    wish.topics.join(", ")
                )]
            }
            Self::Change { found, changes, .. } => {
                changes.iter().map(|change| format!("webhook {}: {change}", found.title())).collect()
            }
        }
    }
}

/// Webhooks of sites that post what the organisation's posts too.
pub(crate) fn doubles(all: &[Found], here: &Here) -> Vec<String> {
    let of_sites = all.iter().filter(|it| it.site.is_some() && it.is_here(here) && it.is_enabled());
    of_sites
        .map(|it| {
            let id = it.id().map_or("-", Id::as_str);
            format!(
                "webhook {} posts here too: what both post arrives twice, and one copy is dropped; `fogbell webhook disable \
                 --id {id}` ends that",
                it.title()
            )
        })
        .collect()
}

fn missing_topics(webhook: &Webhook, wish: &Wish) -> Vec<String> {
    wish.topics.iter().filter(|topic| !webhook.topics.contains(topic)).cloned().collect()
}

/// Does it, and reads back.
pub(crate) async fn carry_out(
    client: &Client,
    org: ids::OrgId,
    step: &Step<'_>,
    wish: &Wish,
    secret: &str,
) -> Result<(), Box<dyn Error>> {
    let (scope, id, wrote_secret) = match step {
        Step::Nothing { .. } => return Ok(()),
        Step::Make => {
            let scope = Scope::Org(org);
            let made = client.send(&webhooks::create(scope, &draft(None, wish, Some(secret)))).await?;
            (
                scope,
                made.id.ok_or(
                    "Mist made the webhook and does not say its id; look with `fogbell webhook list`",
                )?,
                true,
            )
        }
        Step::Change { id, found, secret: with_secret, .. } => {
            let secret = with_secret.then_some(secret);
            // it may have changed since it was looked at: then it is not overwritten
            let now = client.send(&webhooks::read(found.scope, id)).await?;
            if now.topics != found.webhook.topics
                || now.url != found.webhook.url
                || now.enabled != found.webhook.enabled
            {
                return Err("somebody else changed the webhook just now; run this again".into());
            }
            client.send(&webhooks::update(found.scope, id, &draft(Some(&now), wish, secret))).await?;
            (found.scope, id.clone(), *with_secret)
        }
    };
    let after = client.send(&webhooks::read(scope, &id)).await?;
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    expect(after.url.as_deref() == Some(wish.url.as_str()) || !matches!(step, Step::Make), "its URL");
    expect(after.enabled != Some(false), "whether it is on");
    expect((after.verify_cert != Some(false)) == wish.verify, "whether the certificate is checked");
    expect(missing_topics(&after, wish).is_empty(), "its topics");
    let unsigned = after.secret.as_ref().is_none_or(|secret| secret.expose().is_empty());
    expect(!wrote_secret || !unsigned, "its secret");
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("Mist took the webhook and shows it otherwise: {}", wrong.join(", ")).into()),
    }
}

/// What Mist is told. What a change leaves out may be lost, which is not documented: everything that is no secret is said
/// again.
fn draft(now: Option<&Webhook>, wish: &Wish, secret: Option<&str>) -> WebhookDraft {
    let mut topics = now.map(|now| now.topics.clone()).unwrap_or_default();
    let missing = wish.topics.iter().filter(|topic| !topics.contains(topic)).cloned().collect::<Vec<_>>();
    topics.extend(missing);
    WebhookDraft {
        name: now.map_or_else(|| Some(wish.name.clone()), |now| now.name.clone()),
        url: now.map_or_else(|| Some(wish.url.clone()), |now| now.url.clone()),
        kind: Some(WebhookKind::HttpPost),
        enabled: Some(true),
        verify_cert: Some(wish.verify),
        secret: secret.map(SecretText::new),
        topics: Some(topics),
        ..WebhookDraft::default()
    }
}

/// Why no webhook that checks can be made for a self-signed certificate, and none that does not by itself.
pub(crate) const SELF_SIGNED: &str = "the relay's certificate is self-signed, and Mist accepts it only unchecked: have a \
                                      public authority issue one, or weaken the webhook by `fogbell webhook create \
                                      --danger-no-verify`";

/// What goes to every sink without a route.
pub(crate) const TOPICS: [&str; 5] = ["alarms", "audits", "device-events", "device-updowns", "mxedge-events"];

/// What `--help` shows.
pub(super) const EXAMPLE: &str = "\
Example:
  $ fogbell webhook create --ask-token
  API token of Mist:
  make webhook \"fogbell\" to https://mist-relay.example.net/v1/mist: signed, certificate checked, topics alarms, …
  Do this in Mist? [y/N] y
  done, and read back; `fogbell webhook ping` proves the whole way";
