//! Where onboarding tokens survive a crash.

use std::error::Error as StdError;

use thiserror::Error;

use crate::RouterName;
use crate::token::OnboardingToken;

/// A safe for onboarding tokens, each under the name of its router.
///
/// A token is put here before it is written to Mist and taken out when the router needs it no more. What is put must be
/// on disk, sealed, when [`put`](Self::put) returns.
pub trait Keep: Send + Sync {
    /// Keeps the token of `router` in place of one that is kept.
    ///
    /// # Errors
    ///
    /// [`KeepError`]: it is not kept, and must not be used.
    fn put(&self, router: &RouterName, token: &OnboardingToken) -> Result<(), KeepError>;

    /// The token of `router`, where one is kept.
    ///
    /// # Errors
    ///
    /// [`KeepError`] when that cannot be told.
    fn get(&self, router: &RouterName) -> Result<Option<OnboardingToken>, KeepError>;

    /// Forgets the token of `router`; it is no error when none is kept.
    ///
    /// # Errors
    ///
    /// [`KeepError`]: it may still be kept.
    fn remove(&self, router: &RouterName) -> Result<(), KeepError>;
}

/// A token could not be kept, read or forgotten.
#[derive(Debug, Error)]
#[error("the onboarding token of {router} cannot be {what}")]
pub struct KeepError {
    /// The router.
    pub router: RouterName,
    /// What was to be done with it, as in `kept`.
    pub what: &'static str,
    /// Why not.
    pub source: Box<dyn StdError + Send + Sync>,
}
