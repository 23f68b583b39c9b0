//! Has Mist send a ping, to learn whether it reaches the relay.

use ids::OrgId;
use mist::{Client, Problem, Scope, webhooks};
use thiserror::Error;

use crate::backfill::webhooks_here;
use crate::patience::Failure;

/// Why Mist sends no ping.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotPinged {
    /// No webhook of the organisation that is on posts to the relay.
    #[error("no webhook of the organisation that is on posts to path {path}")]
    NoWebhook {
        /// The path.
        path: String,
    },
    /// Mist did not do it; a token that may only read is answered 403.
    #[error("Mist did not take it")]
    Mist(#[from] Problem),
}

/// Has Mist send a ping by the first webhook of `org` that is on and posts to `path`. What it says comes as a webhook of topic
/// `ping`, some moments later.
///
/// # Errors
///
/// [`NotPinged`].
pub async fn ping(client: &Client, org: OrgId, path: &str) -> Result<(), NotPinged> {
    let here = webhooks_here(client, org, path).await.map_err(|failure| match failure {
        Failure::Mist(problem) => NotPinged::Mist(problem),
        Failure::Relay(_) => NotPinged::NoWebhook { path: path.to_owned() },
    })?;
    let on = here.into_iter().filter(|webhook| webhook.enabled != Some(false));
    let id = on.filter_map(|webhook| webhook.id).next();
    let id = id.ok_or_else(|| NotPinged::NoWebhook { path: path.to_owned() })?;
    Ok(client.send(&webhooks::ping(Scope::Org(org), &id)).await?)
}
