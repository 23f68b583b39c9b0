//! What is left of onboarding in a site's settings: the token, which is taken away; never the addresses.

use std::fmt;

use ids::Timestamp;

use crate::RouterName;
use crate::observe::TokenState;
use crate::token::TokenFingerprint;

/// A site whose token may be taken away.
#[derive(Clone, Copy, Debug)]
pub struct SiteAtCleanup<'a> {
    /// What stands there now.
    pub token: TokenState,
    /// The token that this run put there last.
    pub ours: TokenFingerprint,
    /// Routers of the site that are not verified, of this run or waiting for their turn.
    pub unfinished: &'a [RouterName],
    /// The token of the organisation, which would apply when the site has none.
    pub org_token: TokenState,
    /// Whether that was accepted: `--accept-organisation-token`.
    pub accept_org_token: bool,
    /// Whether a token that cannot be read may be taken away: `--accept-unreadable-token`.
    pub accept_unreadable: bool,
    /// Whether it is the first site, or the routers of the first one stayed connected without the token.
    pub canary_passed: bool,
}

/// What is done with a site's token.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cleanup {
    /// It is taken away: the key is left out of what is written.
    Remove,
    /// There is none.
    Nothing,
    /// It is not the one of this run: it stays.
    NotOurs,
    /// It is set, not readable, so that it may be somebody else's: it stays unless that is accepted.
    Unreadable,
    /// Routers of the site are not finished: it stays until they are.
    Unfinished(Vec<RouterName>),
    /// Without it the organisation's token would apply: it stays unless that is accepted.
    OrganisationToken,
    /// The first site is not seen to be well without its token yet: it stays until then.
    AfterCanary,
}

impl fmt::Display for Cleanup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("the token is taken away"),
            Self::Nothing => f.write_str("there is no token"),
            Self::NotOurs => f.write_str("the token is not this run's; it stays, and whoever put it there takes it away"),
            Self::Unreadable => f.write_str(
                "the token is set, not readable, so that it may be somebody else's; `--accept-unreadable-token` takes it away",
            ),
            Self::Unfinished(routers) => {
                let names: Vec<&str> = routers.iter().take(5).map(RouterName::as_str).collect();
                write!(f, "the token stays until {} of the site are verified: {}", routers.len(), names.join(", "))
            }
            Self::OrganisationToken => f.write_str(
                "the token stays, since the organisation's would apply without it; `--accept-organisation-token` takes it away",
            ),
            Self::AfterCanary => f.write_str("the token stays until the first site is seen to be well without its own"),
        }
    }
}

/// Decides on the token of one site.
#[must_use]
pub fn cleanup(site: &SiteAtCleanup<'_>) -> Cleanup {
    match site.token {
        TokenState::Absent => return Cleanup::Nothing,
        TokenState::Set(found) if found != site.ours => return Cleanup::NotOurs,
        TokenState::Masked if !site.accept_unreadable => return Cleanup::Unreadable,
        TokenState::Set(_) | TokenState::Masked => {}
    }
    if !site.unfinished.is_empty() {
        return Cleanup::Unfinished(site.unfinished.to_vec());
    }
    if site.org_token != TokenState::Absent && !site.accept_org_token {
        return Cleanup::OrganisationToken;
    }
    if !site.canary_passed {
        return Cleanup::AfterCanary;
    }
    Cleanup::Remove
}

/// What became of a token that was to be taken away, by what was read back after each try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CleanupDone {
    /// It is gone.
    Removed,
    /// It is still there after it was left out: write an empty text next.
    TryEmpty,
    /// It is still there: it is good until then, by the conductor's clock.
    NotRemoved {
        /// Its end; none when it does not say.
        expires: Option<Timestamp>,
    },
}

impl CleanupDone {
    /// What `read_back` says; `tried_empty` when an empty text was written already.
    #[must_use]
    pub fn of(read_back: TokenState, tried_empty: bool, expires: Option<Timestamp>) -> Self {
        match read_back {
            TokenState::Absent => Self::Removed,
            _ if tried_empty => Self::NotRemoved { expires },
            _ => Self::TryEmpty,
        }
    }
}

impl fmt::Display for CleanupDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => f.write_str("removed"),
            Self::TryEmpty => f.write_str("still there"),
            Self::NotRemoved { expires: Some(at) } => write!(f, "not removed, expires at {at}"),
            Self::NotRemoved { expires: None } => f.write_str("not removed, and it does not expire"),
        }
    }
}
