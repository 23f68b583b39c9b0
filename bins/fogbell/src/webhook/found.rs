//! Webhooks as they are found in Mist, and what is to be said of them.

use ids::OrgId;
use mist::webhooks::{self, Webhook, WebhookKind};
use mist::{Client, Id, Problem, Scope, SecretText, sites};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::here::Here;

/// A webhook, and whose it is.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) scope: Scope,
    /// Name of the site, when it is one's.
    pub(crate) site: Option<String>,
    pub(crate) webhook: Webhook,
}

/// How the secret of a webhook compares with the configured ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signed {
    /// With one that this relay knows.
    Known,
    /// With one that this relay does not know: what it posts is refused.
    Unknown,
    /// With one that Mist does not show.
    Hidden,
    /// Not at all.
    Unsigned,
}

impl Signed {
    const fn word(self) -> &'static str {
        match self {
            Self::Known => "known here",
            Self::Unknown => "NOT known here",
            Self::Hidden => "set, hidden",
            Self::Unsigned => "NONE",
        }
    }
}

/// All webhooks of the organisation, and of its sites when they are wanted.
pub(crate) async fn all(client: &Client, org: OrgId, of_sites: bool) -> Result<Vec<Found>, Problem> {
    let mut found = of(client, Scope::Org(org), None).await?;
    if of_sites {
        for site in client.pages(sites::list(org)).all().await? {
            let Some(id) = site.id else { continue };
            found.extend(
                of(client, Scope::Site(id), Some(site.name.unwrap_or_else(|| id.to_string()))).await?,
            );
        }
    }
    Ok(found)
}

async fn of(client: &Client, scope: Scope, site: Option<String>) -> Result<Vec<Found>, Problem> {
    let webhooks = client.pages(webhooks::list(scope)).all().await?;
    Ok(webhooks.into_iter().map(|webhook| Found { scope, site: site.clone(), webhook }).collect())
}

impl Found {
    pub(crate) fn is_here(&self, here: &Here) -> bool {
        let plain = matches!(self.webhook.kind, None | Some(WebhookKind::HttpPost));
        plain && self.webhook.url.as_deref().is_some_and(|url| here.is(url))
    }

    pub(crate) fn id(&self) -> Option<&Id> {
        self.webhook.id.as_ref()
    }

    /// How to call it.
    pub(crate) fn title(&self) -> String {
        let name = self.webhook.name.as_deref().unwrap_or("without a name");
        match &self.site {
            Some(site) => format!("\"{name}\" of site {site}"),
            None => format!("\"{name}\""),
        }
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.webhook.enabled != Some(false)
    }

    pub(crate) fn verifies(&self) -> bool {
        self.webhook.verify_cert != Some(false)
    }

    /// Whether it is signed with one of `known`.
    pub(crate) fn signed(&self, known: &[Zeroizing<String>]) -> Signed {
        match self.webhook.secret.as_ref().map(SecretText::expose) {
            None | Some("") => Signed::Unsigned,
            Some(secret) if known.iter().any(|known| known.as_str() == secret) => Signed::Known,
            Some(secret) if is_mask(secret) => Signed::Hidden,
            Some(_) => Signed::Unknown,
        }
    }

    /// Topics that the organisation's webhook to the same URL posts as well: those of the site arrive twice.
    pub(crate) fn doubles<'a>(&'a self, all: &'a [Self]) -> Vec<&'a str> {
        if self.site.is_none() || !self.is_enabled() {
            return Vec::new();
        }
        let beside = all.iter().filter(|it| {
            it.site.is_none()
                && it.is_enabled()
                && it.webhook.url.is_some()
                && it.webhook.url == self.webhook.url
        });
        let theirs: Vec<&String> = beside.flat_map(|it| &it.webhook.topics).collect();
        self.webhook.topics.iter().filter(|topic| theirs.contains(topic)).map(String::as_str).collect()
    }

    /// What is to be said of it.
    pub(crate) fn notes(&self, all: &[Self], here: &Here, known: &[Zeroizing<String>]) -> Vec<String> {
        let mut notes = Vec::new();
        if !self.is_enabled() {
            notes.push("switched off".to_owned());
        }
        if self.is_here(here) {
            match self.signed(known) {
                Signed::Unsigned => notes.push("not signed: what it posts is refused".to_owned()),
                Signed::Unknown => {
                    notes.push("another secret than the relay's: what it posts is refused".to_owned())
                }
                Signed::Known | Signed::Hidden => {}
            }
        }
        if !self.verifies() {
            notes.push("does not check the certificate".to_owned());
        }
        let doubles = self.doubles(all);
        if !doubles.is_empty() {
            notes.push(format!("the organisation's webhook posts {} here too", doubles.join(", ")));
        }
        notes
    }

    /// As JSON, without secrets.
    pub(crate) fn json(&self, all: &[Self], here: &Here, known: &[Zeroizing<String>]) -> Value {
        let site_id = match self.scope {
            Scope::Site(id) => json!(id.to_string()),
            Scope::Org(_) => Value::Null,
        };
        json!({
            "id": self.id().map(Id::as_str),
            "name": self.webhook.name,
            "site": self.site,
            "site_id": site_id,
            "url": self.webhook.url,
            "here": self.is_here(here),
            "enabled": self.is_enabled(),
            "verify_cert": self.verifies(),
            "secret": self.signed(known).word(),
            "topics": self.webhook.topics,
            "notes": self.notes(all, here, known),
        })
    }

    /// How its secret is, in a word.
    pub(crate) fn secret_word(&self, known: &[Zeroizing<String>]) -> &'static str {
        self.signed(known).word()
    }
}

/// Whether a text stands for a secret that is not shown. How Mist masks is not documented: stars are what masks are made
/// of.
fn is_mask(text: &str) -> bool {
    text.contains("**") || text.bytes().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-'))
}
