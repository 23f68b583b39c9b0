//! Which token is for which router: by its asset ids, and never by order.

use std::collections::{BTreeMap, BTreeSet};

use super::{OnboardingToken, TokenFingerprint};
use crate::{AssetId, RouterName};

/// What a token is for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Binding {
    /// The one unfinished router with exactly these assets.
    Router(RouterName),
    /// The same token came before in the text.
    Repeated,
    /// It names no assets.
    NoAssets,
    /// No unfinished router has exactly these assets.
    NoRouter,
    /// Several unfinished routers have these assets: the input names an asset twice.
    SeveralRouters(Vec<RouterName>),
    /// Another token in the text is for the same router, and which of them is good cannot be told; none is taken.
    SeveralTokens(RouterName),
}

/// Binds each of `tokens` to one of the unfinished `routers`, in the order of the tokens.
#[must_use]
pub fn bind(tokens: &[&OnboardingToken], routers: &[(RouterName, BTreeSet<AssetId>)]) -> Vec<Binding> {
    let mut seen: BTreeSet<TokenFingerprint> = BTreeSet::new();
    let mut bindings: Vec<Binding> = tokens
        .iter()
        .map(|token| {
            if !seen.insert(token.fingerprint()) {
                return Binding::Repeated;
            }
            if token.asset_ids().is_empty() {
                return Binding::NoAssets;
            }
            let fitting = routers.iter().filter(|(_, asset_ids)| asset_ids == token.asset_ids());
            let mut fitting: Vec<RouterName> = fitting.map(|(router, _)| router.clone()).collect();
            match fitting.len() {
                0 => Binding::NoRouter,
                1 => Binding::Router(fitting.remove(0)),
                _ => Binding::SeveralRouters(fitting),
            }
        })
        .collect();
    let mut counts: BTreeMap<RouterName, usize> = BTreeMap::new();
    for binding in &bindings {
        if let Binding::Router(router) = binding {
            *counts.entry(router.clone()).or_default() += 1;
        }
    }
    for binding in &mut bindings {
        if let Binding::Router(router) = binding
            && counts.get(router).is_some_and(|count| *count > 1)
        {
            *binding = Binding::SeveralTokens(router.clone());
        }
    }
    bindings
}
