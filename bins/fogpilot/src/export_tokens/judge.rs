//! What was exported is judged: each key by itself, against the list, and all together.

use std::sync::LazyLock;

use ids::Mac;
use sco::NodeName;
use sco::ek::{AllowFormats, EndorsementKey, Exported, Holder, Reading, Screen, judge_batch};

use super::ask::Asked;

/// A row and what became of it.
pub(super) struct Router {
    pub(super) line: u64,
    pub(super) holder: Holder,
    pub(super) mac: Option<Mac>,
    pub(super) outcome: Outcome,
}

/// What became of a row.
pub(super) enum Outcome {
    /// Its key is good.
    Exported {
        key: EndorsementKey,
        /// Whether the list has the same key.
        confirmed: bool,
        warnings: Vec<String>,
    },
    /// What happened instead, and what to do.
    Failed(String),
}

impl Router {
    /// Judges what Mist said of a row.
    pub(super) fn judge(asked: Asked) -> Self {
        let Asked { row, mac, exported } = asked;
        let outcome = match exported.and_then(|exported| read(&exported)) {
            Ok(reading) => compare(reading, row.ek.as_ref()),
            Err(text) => Outcome::Failed(text),
        };
        let node = row.node.unwrap_or_else(|| FIRST_NODE.clone());
        Self { line: row.line, holder: Holder { router: row.name, node }, mac, outcome }
    }

    /// Its key, when it was exported.
    pub(super) const fn key(&self) -> Option<&EndorsementKey> {
        match &self.outcome {
            Outcome::Exported { key, .. } => Some(key),
            Outcome::Failed(_) => None,
        }
    }
}

fn read(exported: &Exported) -> Result<Reading, String> {
    let text = match exported {
        Exported::Token(text) => text,
        Exported::Ambiguous => {
            return Err("Mist gave several ID tokens for it that differ, and none is used; export it again"
                .to_owned());
        }
        _ => {
            return Err(
                "Mist gave no ID token for it; check that it is a Session Smart Router with a TPM, then export it again"
                    .to_owned(),
            );
        }
    };
    let refused = |error: &dyn std::fmt::Display| format!("its ID token is refused: {error}");
    let reading = EndorsementKey::read(text.expose().as_bytes(), &AllowFormats::none());
    let reading = reading.map_err(|error| refused(&error))?;
    SCREEN.judge(&reading.key).map_err(|weakness| refused(&weakness))?;
    Ok(reading)
}

fn compare(reading: Reading, witness: Option<&EndorsementKey>) -> Outcome {
    let key = reading.key;
    match witness {
        Some(other) if *other != key => Outcome::Failed(format!(
            "Mist's key is {:.16}, and that of the column `ek` is {:.16}: one of them is of another machine; find out \
             which before either is used",
            key.fingerprint(),
            other.fingerprint()
        )),
        witness => Outcome::Exported {
            key,
            confirmed: witness.is_some(),
            warnings: reading.warnings.iter().map(ToString::to_string).collect(),
        },
    }
}

/// Refuses keys that two of `routers` share, whole or in part.
pub(super) fn judge_together(routers: &mut [Router]) {
    let keys = routers.iter().filter_map(|router| Some((&router.holder, router.key()?)));
    for fault in judge_batch(keys) {
        for router in routers.iter_mut().filter(|router| fault.holders().contains(&router.holder)) {
            router.outcome = Outcome::Failed(fault.to_string());
        }
    }
}

static SCREEN: LazyLock<Screen> = LazyLock::new(Screen::new);
/// The node of a router with one.
static FIRST_NODE: LazyLock<NodeName> = LazyLock::new(|| "node0".parse().expect("it is a node's name"));
