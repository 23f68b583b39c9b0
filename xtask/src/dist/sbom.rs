//! A bill of materials in CycloneDX 1.5, from what cargo resolved.
//!
//! It is written here and not by `cargo cyclonedx`, since that puts a time and a random number into it, and one file for each
//! program.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Release;
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// What the two programs are built of, for Linux on x86_64: their dependencies and what builds them, not what tests them.
///
/// # Errors
///
/// When cargo cannot say.
pub(super) fn write(workspace: &Workspace, source: &Path, release: &Release, file: &Path) -> Result<()> {
    let mut cargo = workspace.cargo(["metadata", "--format-version", "1", "--locked"]);
    cargo.args(["--filter-platform", "x86_64-unknown-linux-gnu"]).current_dir(source);
    let metadata: Value =
        serde_json::from_str(&must_succeed(&mut cargo)?).context("`cargo metadata` printed no JSON")?;
    let lock = fs::read_to_string(source.join("Cargo.lock")).context("cannot read `Cargo.lock`")?;
    let bill = bill(&metadata, &checksums(&lock), release);
    fs::write(file, format!("{bill:#}\n")).with_context(|| format!("cannot write `{}`", file.display()))
}

fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>, release: &Release) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .filter_map(|it| Some((it["id"].as_str()?.to_owned(), it)))
        .collect();
    let nodes: BTreeMap<String, Vec<String>> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .filter_map(|node| Some((node["id"].as_str()?.to_owned(), uses(&node))))
        .collect();
    let is_program = |package: &Value| super::PROGRAMS.iter().any(|name| package["name"] == *name);
    let programs: Vec<&String> = packages.iter().filter(|(_, it)| is_program(it)).map(|(id, _)| id).collect();
    let (mut reached, mut next) = (BTreeSet::new(), programs.clone());
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(nodes.get(id).into_iter().flatten());
        }
    }
    let reference = |id: &String| packages.get(id).map(purl).unwrap_or_default();
    let mut components: Vec<Value> = reached
        .iter()
        .filter_map(|id| packages.get(*id))
        .map(|package| component(package, checksums, is_program(package)))
        .collect();
    components.sort_by_key(|component| component["purl"].to_string());
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    arrows.insert(ROOT.to_owned(), programs.iter().copied().map(reference).collect());
    for id in &reached {
        arrows.entry(reference(id)).or_default().extend(nodes.get(*id).into_iter().flatten().map(reference));
    }
    let arrows: Vec<Value> = arrows.iter().map(|(of, on)| json!({ "ref": of, "dependsOn": on })).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": { "type": "application", "bom-ref": ROOT, "name": "fogbell", "version": release.version },
            "properties": [{ "name": "cdx:reproducible", "value": "true" }],
        },
        "components": components,
        "dependencies": arrows,
    })
}

/// The packages that a package is built of; not those of its tests.
fn uses(node: &Value) -> Vec<String> {
    let dependencies = node["deps"].as_array().cloned().unwrap_or_default();
    let built = |it: &Value| {
        it["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
    };
    dependencies.iter().filter(|it| built(it)).filter_map(|it| Some(it["pkg"].as_str()?.to_owned())).collect()
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>, program: bool) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let purl = purl(package);
    let mut component = json!({
        "type": if program { "application" } else { "library" },
        "bom-ref": purl,
        "name": text("name"),
        "version": text("version"),
        "purl": purl,
    });
    // old manifests have a slash where SPDX has `OR`
    let license = text("license").replace('/', " OR ").replace("  OR  ", " OR ");
    if !license.is_empty() {
        component["licenses"] = json!([{ "expression": license }]);
    }
    if let Some(sum) = checksums.get(&(text("name"), text("version"))) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

/// What everybody calls a package of crates.io by.
fn purl(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

/// Name and version of the packages in a `Cargo.lock`, with the checksum of what was fetched.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    let (mut name, mut version) = ("", "");
    for line in lock.lines() {
        let value = |key: &str| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"');
        if let Some(value) = value("name") {
            name = value;
        } else if let Some(value) = value("version") {
            version = value;
        } else if let Some(value) = value("checksum") {
            found.insert((name.to_owned(), version.to_owned()), value.to_owned());
        }
    }
    found
}

/// What the bill is of.
const ROOT: &str = "fogbell";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_listed_with_licence_checksum_and_what_it_uses() {
        let package = |name: &str, license: &str| json!({ "id": name, "name": name, "version": "1.0.0", "license": license });
        let uses = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("fogbell", "MIT"), package("a", "MIT/Apache-2.0"), package("cc", "MIT"), package("test", "MIT")],
            "resolve": { "nodes": [
                { "id": "fogbell", "deps": [uses("a", Value::Null), uses("test", json!("dev"))] },
                { "id": "a", "deps": [uses("cc", json!("build"))] },
                { "id": "cc", "deps": [] },
                { "id": "test", "deps": [] },
            ] },
        });
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n";
        let release = Release { version: "2.0".to_owned(), epoch: "0".to_owned(), hasty: false };

        let bill = bill(&metadata, &checksums(lock), &release);

        let purls: Vec<&str> =
            bill["components"].as_array().unwrap().iter().map(|it| it["purl"].as_str().unwrap()).collect();
        assert_eq!(purls, ["pkg:cargo/a@1.0.0", "pkg:cargo/cc@1.0.0", "pkg:cargo/fogbell@1.0.0"]);
        assert_eq!(bill["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "00ff");
        assert_eq!(bill["components"][1].get("hashes"), None);
        assert!(bill["dependencies"].as_array().unwrap().contains(&json!({
            "ref": "pkg:cargo/fogbell@1.0.0", "dependsOn": ["pkg:cargo/a@1.0.0"]
        })));
    }
}
