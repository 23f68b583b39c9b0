//! What a person gave of `show secure-conductor-onboarding`, kept beside the record of a run.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use ids::Timestamp;
use sco::AssetId;
use sco::observe::AuthState;

use crate::exit::Failure;
use crate::runs::Run;

/// When each state was handed over, and what it is.
pub(crate) type Given = BTreeMap<AssetId, (Timestamp, AuthState)>;

/// What was given for `run` so far.
pub(crate) fn load(run: &Run) -> Result<Given, Failure> {
    let path = run.folder.join(FILE);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Given::new()),
        Err(error) => Err(format!("cannot read `{}`: {error}", path.display()).into()),
        Ok(text) => Ok(serde_json::from_str(&text).map_err(|error| {
            format!("`{}` is damaged: {error}; remove it, and give the output again", path.display())
        })?),
    }
}

/// Keeps what was given for `run`.
pub(crate) fn save(run: &Run, given: &Given) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(given)?;
    Ok(pki::write_durably(&run.folder.join(FILE), text.as_bytes(), 0o600)?)
}

/// The states in `text` of those of `assets` that it names: a state is of the asset that the nearest line before it names,
/// alone, or that its own line does.
pub(crate) fn find(text: &str, assets: &[&AssetId]) -> BTreeMap<AssetId, AuthState> {
    let mut blocks: BTreeMap<AssetId, String> = BTreeMap::new();
    let mut here: Option<AssetId> = None;
    for line in text.lines() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let words: Vec<&str> = line.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
        let mut named = assets.iter().filter(|asset| words.contains(&asset.as_str()));
        match (named.next(), named.next()) {
            (Some(one), None) => here = Some((*one).clone()),
            // several in one line: whose the next state is nobody can say
            (Some(_), Some(_)) => here = None,
            _ => {}
        }
        if let Some(asset) = &here {
            let block = blocks.entry(asset.clone()).or_default();
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks.into_iter().filter_map(|(asset, block)| Some((asset, AuthState::find(&block)?))).collect()
}

const FILE: &str = "given.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_of_the_asset_that_is_named_before_it() {
        let ids: Vec<AssetId> = ["A1", "A10", "B2"].iter().map(|id| id.parse().unwrap()).collect();
        let assets: Vec<&AssetId> = ids.iter().collect();
        let found = |text: &str| {
            find(text, &assets).into_iter().map(|(id, state)| format!("{id} {state}")).collect::<Vec<_>>()
        };
        for (text, expect) in [
            (
                "admin@c# show secure-conductor-onboarding A1\nAuth State: completed\n",
                vec!["A1 auth completed"],
            ),
            (
                "Asset ID: A10\n  Auth State: waiting\nAsset ID: B2\n  Auth State: completed",
                vec!["A10 auth waiting", "B2 auth completed"],
            ),
            ("Auth State: completed\nAsset A1", vec![]),
            ("Assets: A1 B2\nAuth State: completed", vec![]),
            ("A1\nAuth State: completed\nAuth State: waiting", vec![]),
            ("A100\nAuth State: completed", vec![]),
        ] {
            assert_eq!(found(text), expect, "{text}");
        }
    }
}
