//! `fogpilot capture`: what Mist and the conductor answer, without what they say.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use conductor::{Asset, Assets, Judged, Line, Word};
use http::Method;
use ids::{Mac, Timestamp};
use mist::shape::{Shape, is_word};
use sco::ek::{AllowFormats, EndorsementKey};
use sco::run::World;
use serde_json::{Value, json};

use crate::asking::ask;
use crate::exit::{Done, Exit, Failure};
use crate::output::VERSION;
use crate::profile::Which;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot capture --profile prod --router 020000000001 > capture.json")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Also export the ID token of this router, by its MAC, and say of what kind it is; once for each
    #[arg(long, value_name = "MAC")]
    router: Vec<Mac>,
}

/// Asks, changes nothing, and prints JSON.
pub(crate) fn run(args: &Args) -> Done {
    let session = args.which.open()?;
    let captured = ask(all(&session.world, &args.router))?;
    writeln!(io::stdout().lock(), "{captured:#}")?;
    Ok(Exit::Ok)
}

async fn all(world: &World, routers: &[Mac]) -> Result<Value, Failure> {
    let assets = world.conductor.assets(&[]).await;
    let first = assets.as_ref().ok().and_then(|judged| judged.value.assets.first());
    Ok(json!({
        "version": VERSION,
        "captured": Timestamp::now().to_string(),
        "note": NOTE,
        "mist": from_mist(world).await,
        "id_tokens": id_tokens(world, routers).await,
        "conductor": from_conductor(world, &assets).await,
        "command_line": from_command_line(world, first).await,
    }))
}

/// Settings and inventory as Mist answers them; what is refused is a finding too.
async fn from_mist(world: &World) -> Value {
    let org = world.org;
    let inventory = ("/api/v1/orgs/{org_id}/inventory", format!("/api/v1/orgs/{org}/inventory"));
    let query = [("type", "gateway"), ("limit", "1000")];
    let (told, devices) = asked(world, inventory, &query, None).await;
    let mut answers = vec![told];
    let setting = ("/api/v1/orgs/{org_id}/setting", format!("/api/v1/orgs/{org}/setting"));
    answers.push(asked(world, setting, &[], Some("ssr")).await.0);
    let devices = devices.as_ref().and_then(Value::as_array).into_iter().flatten();
    let mut sites: Vec<&str> = devices.filter_map(|device| device["site_id"].as_str()).collect();
    sites.sort_unstable();
    sites.dedup();
    for site in sites.into_iter().take(MOST_SITES) {
        let setting = ("/api/v1/sites/{site_id}/setting", format!("/api/v1/sites/{site}/setting"));
        answers.push(asked(world, setting, &[], Some("ssr")).await.0);
    }
    answers.into()
}

/// What is told of one answer, or of a part of it, and the answer.
async fn asked(
    world: &World,
    (template, path): (&str, String),
    query: &[(&str, &str)],
    part: Option<&str>,
) -> (Value, Option<Value>) {
    match world.mist.call(Method::GET, &path, query, None).await {
        Ok(answer) => {
            let mut shape = Shape::default();
            shape.add(part.map_or(&answer, |part| &answer[part]));
            let told = json!({ "call": template, "part": part, "shape": shape.to_json() });
            (told, Some(answer))
        }
        Err(problem) => (json!({ "call": template, "refused": refused(&problem) }), None),
    }
}

/// Of which kind ID tokens are, under which key they come, and what comes of an address that nobody has.
async fn id_tokens(world: &World, routers: &[Mac]) -> Value {
    if routers.is_empty() {
        return Value::Null;
    }
    let macs: Vec<String> = routers.iter().map(ToString::to_string).collect();
    let path = format!("/api/v1/orgs/{}/ssr/export_idtokens", world.org);
    match world.mist.call(Method::POST, &path, &[], Some(&json!({ "macs": macs }))).await {
        Ok(answer) => {
            let results = answer["results"].as_array();
            let mut kinds = BTreeMap::<String, u64>::new();
            for result in results.into_iter().flatten().filter_map(Value::as_object) {
                for key in ["token", "idtoken"] {
                    if let Some(text) = result.get(key).and_then(Value::as_str) {
                        *kinds.entry(format!("{key}: {}", kind_of(text))).or_default() += 1;
                    }
                }
            }
            let mut shape = Shape::default();
            shape.add(&answer);
            json!({ "asked": macs.len(), "kinds": kinds, "shape": shape.to_json() })
        }
        Err(problem) => json!({ "asked": macs.len(), "refused": refused(&problem) }),
    }
}

/// What an ID token is, in words.
fn kind_of(text: &str) -> String {
    match EndorsementKey::read(text.as_bytes(), &AllowFormats::default()) {
        Ok(reading) => format!("{} of {} bits", reading.kind, reading.key.bits()),
        Err(error) => error.to_string(),
    }
}

/// Version, and the words for states with how many assets have them.
async fn from_conductor(world: &World, assets: &Result<Judged<Assets>, conductor::Problem>) -> Value {
    let system = match world.conductor.system().await {
        Ok(system) => json!({ "version": system.version.to_string(), "is_conductor": system.is_conductor }),
        Err(problem) => json!({ "refused": problem.status().map(|status| status.as_u16()) }),
    };
    let assets = match assets {
        Ok(judged) => {
            let mut states = BTreeMap::<String, u64>::new();
            let mut versions = BTreeMap::<String, u64>::new();
            for asset in &judged.value.assets {
                let state = asset.status.as_deref().unwrap_or("(none)");
                *states.entry(shown(state).to_owned()).or_default() += 1;
                let version = asset.version.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string);
                *versions.entry(version).or_default() += 1;
            }
            json!({ "assets": judged.value.assets.len(), "states": states, "versions": versions, "warnings": judged.warnings.len() })
        }
        Err(problem) => json!({ "refused": problem.status().map(|status| status.as_u16()) }),
    };
    json!({ "system": system, "assets": assets })
}

/// What the commands for the state print: their labels, and the words behind those of states.
async fn from_command_line(world: &World, asset: Option<&Asset>) -> Value {
    let Some(pcli) = &world.pcli else { return Value::Null };
    let mut answers = Vec::new();
    let mut commands = vec![("show secure-conductor-onboarding", Line::show_onboarding(None))];
    if let Some(asset) = asset.and_then(|asset| Word::new(&asset.id).ok()) {
        commands.push(("show secure-conductor-onboarding ASSET", Line::show_onboarding(Some(&asset))));
    }
    commands.push(("show assets", Line::show_assets(None)));
    for (command, line) in commands {
        answers.push(match pcli.run(&line).await {
            Ok(said) => json!({ "command": command, "lines": said.text().lines().count(), "labels": labels(said.text()) }),
            // what it said may have names in it
            Err(_) => json!({ "command": command, "refused": true }),
        });
    }
    answers.into()
}

/// The labels of lines as `Auth State: completed`; behind those that tell a state its words.
fn labels(text: &str) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut labels = BTreeMap::<String, BTreeMap<String, u64>>::new();
    for (label, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let label = label.trim();
        if !label.split([' ', '-', '_']).all(is_word) || labels.len() >= MOST_LABELS {
            continue;
        }
        let tells_state = ["state", "status", "mode"].iter().any(|word| label.to_lowercase().contains(word));
        let word = if tells_state { shown(value.trim()) } else { "…" };
        *labels.entry(label.to_owned()).or_default().entry(word.to_owned()).or_default() += 1;
    }
    labels
}

/// A word of the vendor as it is, and anything else as no word.
fn shown(text: &str) -> &str {
    if text.split(' ').all(is_word) { text } else { "(no word)" }
}

/// A refusal without what was refused.
fn refused(problem: &mist::Problem) -> String {
    problem
        .status()
        .map_or_else(|| "no answer that can be read".to_owned(), |status| status.as_u16().to_string())
}

/// What stands first in every capture.
const NOTE: &str = "Shapes, counts, versions and the vendors' words; no names, ids, addresses, keys or tokens. Look through it \
                    before you give it away. docs/unknowns.md says what each part settles.";

/// How many sites are asked for their settings.
const MOST_SITES: usize = 3;

const MOST_LABELS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_and_values_only_where_they_are_states() {
        let told = labels(
            "Asset: ssr-berlin-1\n  Auth State: completed\nAuth State: waiting 2024123456\nno label\n",
        );

        assert_eq!(told["Asset"], BTreeMap::from([("…".to_owned(), 1)]));
        assert_eq!(
            told["Auth State"],
            BTreeMap::from([("(no word)".to_owned(), 1), ("completed".to_owned(), 1)])
        );
        assert!(!format!("{told:?}").contains("berlin"));
    }
}
