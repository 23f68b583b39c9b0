//! The organisation and its webhook, in Mist.

use std::error::Error;
use std::fs;

use ids::OrgId;
use mist::{ApiToken, Client, Host, Settings, account};
use relay::Config;
use zeroize::Zeroizing;

use super::answers::Answers;
use super::draft::Draft;
use crate::access::{role, wait};
use crate::webhook::create::{self, TOPICS, Wish};
use crate::webhook::found::{self, Found};
use crate::webhook::here::Here;

/// The organisation that the token is for.
#[derive(Debug)]
pub(super) struct Organisation {
    pub(super) id: OrgId,
    pub(super) client: Client,
    pub(super) token: Zeroizing<Vec<u8>>,
    /// What was found.
    pub(super) said: String,
}

/// Asks Mist who the token is.
pub(super) fn organisation(
    answers: &Answers,
    (token, kept): (ApiToken, Zeroizing<Vec<u8>>),
) -> Result<Organisation, Box<dyn Error>> {
    let host: Host = answers.api_host.as_deref().unwrap_or_else(|| answers.cloud.api_host()).parse()?;
    let mut settings = Settings::new(host, token);
    if let Some(ca) = &answers.api_ca {
        settings.ca = Some(fs::read(ca).map_err(|error| format!("cannot read `{}`: {error}", ca.display()))?);
    }
    let client = Client::new(settings)?;
    let (account, usage) = wait(async {
        Ok::<_, mist::Problem>((client.send(&account::whoami()).await?, client.usage().await?))
    })??;
    let mut ids: Vec<OrgId> = account.privileges.iter().filter_map(|privilege| privilege.org_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let id = match (&answers.org_id, ids.as_slice()) {
        (Some(id), _) => id.parse().map_err(|_| format!("`{id}` is no id of an organisation"))?,
        (None, [id]) => *id,
        (None, []) => {
            return Err("Mist does not say which organisation the token is for: give --org-id".into());
        }
        (None, several) => {
            let all: Vec<String> = several.iter().map(ToString::to_string).collect();
            return Err(format!(
                "the token is for several organisations: give one with --org-id: {}",
                all.join(", ")
            )
            .into());
        }
    };
    let Some(role) = role(&account, id) else {
        return Err(format!("the token may do nothing in organisation {id}").into());
    };
    let org = wait(client.send(&account::org(id)))??;
    let left = usage.requests.map_or_else(String::new, |spent| {
        let limit = usage.limit.unwrap_or(mist::Budget::MIST);
        format!(", {} of {limit} calls left this hour", limit.saturating_sub(spent))
    });
    let said = format!(
        "ok: token \"{}\", organisation {} ({id}), role {}{left}",
        account.name.as_deref().or(account.email.as_deref()).unwrap_or("without a name"),
        org.name.as_deref().unwrap_or("without a name"),
        role.name()
    );
    Ok(Organisation { id, client, token: kept, said })
}

/// The webhook that is to post here.
#[derive(Debug)]
pub(super) struct Webhook {
    wish: Wish,
    here: Here,
    all: Vec<Found>,
    known: Vec<Zeroizing<String>>,
    lines: Vec<String>,
    changes: bool,
}

impl Webhook {
    /// Looks what there is; nothing is changed.
    pub(super) fn look(
        organisation: &Organisation,
        draft: &Draft,
        config: &Config,
    ) -> Result<Self, Box<dyn Error>> {
        if !config.tls.self_signed.is_empty() {
            return Err(create::SELF_SIGNED.into());
        }
        let here = Here::of(config, &config.org[0]);
        let wish = Wish {
            url: here.url().ok_or("nothing says where Mist is to post")?,
            name: "fogbell".to_owned(),
            topics: TOPICS.map(str::to_owned).to_vec(),
            verify: true,
            set_secret: false,
        };
        let known = vec![secret(draft)?];
        let all = wait(found::all(&organisation.client, organisation.id, true))??;
        let step = create::plan(&wish, &here, &all, &known)?;
        let changes = !matches!(step, create::Step::Nothing { .. });
        let mark = if changes { "~" } else { "=" };
        let mut lines: Vec<String> =
            step.lines(&wish).iter().map(|line| format!("{mark} Mist: {line}")).collect();
        lines.extend(create::doubles(&all, &here).iter().map(|line| format!("! Mist: {line}")));
        Ok(Self { wish, here, all, known, lines, changes })
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    pub(super) const fn changes(&self) -> bool {
        self.changes
    }

    /// Makes it, or mends it.
    pub(super) fn carry_out(&self, organisation: &Organisation, draft: &Draft) -> Result<(), Box<dyn Error>> {
        let step = create::plan(&self.wish, &self.here, &self.all, &self.known)?;
        wait(create::carry_out(&organisation.client, organisation.id, &step, &self.wish, &secret(draft)?))?
    }
}

fn secret(draft: &Draft) -> Result<Zeroizing<String>, Box<dyn Error>> {
    Ok(Zeroizing::new(
        str::from_utf8(draft.webhook()).map_err(|_| "the webhook's secret is no text")?.to_owned(),
    ))
}
