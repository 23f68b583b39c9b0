//! The API tokens: whose they are, what they may do, how old they are, and what is left of the hour.

use ids::{OrgId, Timestamp};
use mist::account::{self, Account};
use mist::{Budget, Client, Problem};
use relay::config::Org;
use serde_json::Value;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::access::{role, wait};

const WHAT: &str = "mist api";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for org in patient.config.org.iter().filter(|org| org.api.is_none()) {
        found.push(Finding::warn(
            Code::ApiNone,
            &org.name,
            "the relay may not ask Mist about it: no names, nothing is caught up with after an outage, and nothing of it is \
             checked here",
            "add `api` with `org_id` and `token` to its [[org]]",
        ));
    }
    for (org, api, client) in patient.apis() {
        let asked = client.and_then(|client| {
            let asked = wait(ask(&client, org, api.org_id)).map_err(|error| error.to_string())?;
            asked.map_err(|problem| relay::Chain(&problem).to_string())
        });
        found.push(asked.unwrap_or_else(|why| {
            Finding::fail(
                Code::TokenRefused,
                &org.name,
                why,
                format!(
                    "make a token for the organisation in Mist (Organization > Settings > API Token, role Observer or more) and \
                     put it where `token` of [[org]] says ({} `{}`)",
                    api.token.key(),
                    home(&api.token)
                ),
            )
        }));
    }
    found
}

/// Where a secret lives, without what it is.
fn home(home: &relay::config::SecretHome) -> String {
    match home {
        relay::config::SecretHome::File(path) => path.display().to_string(),
        relay::config::SecretHome::Credential(name) | relay::config::SecretHome::Secret(name) => {
            name.to_string()
        }
    }
}

async fn ask(client: &Client, org: &Org, id: OrgId) -> Result<Finding, Problem> {
    let account = client.send(&account::whoami()).await?;
    let usage = client.usage().await?;
    let Some(role) = role(&account, id) else {
        return Ok(Finding::fail(
            Code::TokenPowerless,
            &org.name,
            format!("the token may do nothing in organisation {id}"),
            "correct `org_id` of [[org]], or make a token for this organisation",
        ));
    };
    let name = account.name.as_deref().or(account.email.as_deref()).unwrap_or("without a name");
    let limit = usage.limit.unwrap_or(Budget::MIST);
    let left = usage.requests.map(|requests| limit.saturating_sub(requests));
    let left_text =
        left.map_or_else(|| "unknown calls".to_owned(), |left| format!("{left} of {limit} calls"));
    let age =
        age(client, &account, id).await.map_or_else(String::new, |days| format!(", made {days} days ago"));
    let text = format!("token \"{name}\", role {}{age}, {left_text} left this hour", role.name());
    if left.is_some_and(|left| left < limit / 10) {
        let mend = "look who else uses this token, or lower `budget_percent` of the [[org]]'s api; give the relay a token of its own";
        return Ok(Finding::warn(Code::CallsShort, &org.name, text, mend));
    }
    if account.email.is_some() {
        let text =
            format!("{text}; it is a person's, and dies with the account or after 90 days without use");
        let mend = "make a token for the organisation in Mist (Organization > Settings > API Token)";
        return Ok(Finding::warn(Code::TokenPersonal, &org.name, text, mend));
    }
    Ok(Finding::pass(WHAT, &org.name, text))
}

/// How many days ago the token was made, where it may look that up.
async fn age(client: &Client, account: &Account, org: OrgId) -> Option<i64> {
    let path = format!("/api/v1/orgs/{org}/apitokens");
    let tokens = client.call(http::Method::GET, &path, &[], None).await.ok()?;
    let mine: Vec<&Value> =
        tokens.as_array()?.iter().filter(|token| token["name"].as_str() == account.name.as_deref()).collect();
    // a name that several have tells nothing
    let [mine] = mine.as_slice() else { return None };
    let made = mine["created_time"].as_f64()?;
    let now = Timestamp::now().micros() / 1_000_000;
    Some((now - made as i64).div_euclid(86_400))
}
