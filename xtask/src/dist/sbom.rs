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

mod foreign;

use foreign::Foreign;

/// What the two programs are built of, for Linux on x86_64: with scope `required` what is in them, with scope `excluded` what only
/// made them, as macros and build scripts. What tests them is not listed.
///
/// # Errors
///
/// When cargo cannot say, or a source that is built in does not say its version.
pub(super) fn write(workspace: &Workspace, source: &Path, release: &Release, file: &Path) -> Result<()> {
    let mut cargo = workspace.cargo(["metadata", "--format-version", "1", "--locked"]);
    cargo.args(["--filter-platform", TARGET]).current_dir(source);
    let metadata: Value =
        serde_json::from_str(&must_succeed(&mut cargo)?).context("`cargo metadata` printed no JSON")?;
    let lock = fs::read_to_string(source.join("Cargo.lock")).context("cannot read `Cargo.lock`")?;
    let tree = |edges: &str| {
        let mut cargo = workspace.cargo(["tree", "--locked", "--prefix", "depth", "--format", "{p}"]);
        cargo.args(["--target", TARGET, "--edges", edges]).current_dir(source);
        cargo.args(super::PROGRAMS.iter().flat_map(|program| ["--package", program]));
        Ok::<_, anyhow::Error>(Graph::parse(&must_succeed(&mut cargo)?))
    };
    let parts = Parts {
        made_of: tree("normal,build")?,
        inside: tree("normal,no-proc-macro")?.packages().cloned().collect(),
        packages: packages(&metadata),
        checksums: checksums(&lock),
        foreign: vec![foreign::sqlite(&metadata)?, foreign::standard_library(workspace)?],
    };
    let bill = parts.bill(release);
    fs::write(file, format!("{bill:#}\n")).with_context(|| format!("cannot write `{}`", file.display()))
}

/// Name and version of a package.
type Package = (String, String);

/// Which package uses which.
#[derive(Debug, Default)]
struct Graph(BTreeMap<Package, BTreeSet<Package>>);

impl Graph {
    /// Reads what `cargo tree --prefix depth --format {p}` printed: `1serde v1.0.0 (*)`, where what is used is one deeper.
    fn parse(printed: &str) -> Self {
        let (mut graph, mut above) = (Self::default(), Vec::<Package>::new());
        for line in printed.lines() {
            let digits = line.len() - line.trim_start_matches(|it: char| it.is_ascii_digit()).len();
            let (depth, rest) = line.split_at(digits);
            let mut words = rest.split_whitespace();
            let (Ok(depth), Some(name), Some(version)) = (depth.parse(), words.next(), words.next()) else {
                continue;
            };
            let package = (name.to_owned(), version.trim_start_matches('v').to_owned());
            above.truncate(depth);
            if let Some(user) = above.last() {
                graph.0.entry(user.clone()).or_default().insert(package.clone());
            }
            graph.0.entry(package.clone()).or_default();
            above.push(package);
        }
        graph
    }

    fn packages(&self) -> impl Iterator<Item = &Package> {
        self.0.keys()
    }
}

/// What a bill is made of.
#[derive(Debug)]
struct Parts {
    made_of: Graph,
    /// What ends up in the programs.
    inside: BTreeSet<Package>,
    /// What cargo knows of each.
    packages: BTreeMap<Package, Value>,
    /// Of what was fetched.
    checksums: BTreeMap<Package, String>,
    foreign: Vec<Foreign>,
}

impl Parts {
    fn bill(&self, release: &Release) -> Value {
        let mut components: Vec<Value> = self.made_of.packages().map(|it| self.component(it)).collect();
        components.extend(self.foreign.iter().map(Foreign::component));
        components.sort_by_key(|component| component["purl"].to_string());
        let programs = self.made_of.packages().filter(|it| is_program(it));
        let mut arrows = BTreeMap::from([(ROOT.to_owned(), programs.map(purl).collect::<BTreeSet<_>>())]);
        for (user, used) in &self.made_of.0 {
            let foreign = self.foreign.iter().filter(|it| it.is_used_by(user)).map(Foreign::purl);
            arrows.insert(purl(user), used.iter().map(purl).chain(foreign).collect());
        }
        arrows.extend(self.foreign.iter().map(|it| (it.purl(), BTreeSet::new())));
        let arrows: Vec<Value> =
            arrows.iter().map(|(of, on)| json!({ "ref": of, "dependsOn": on })).collect();
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

    fn component(&self, package: &Package) -> Value {
        let purl = purl(package);
        let mut component = json!({
            "type": if is_program(package) { "application" } else { "library" },
            "bom-ref": purl,
            "name": package.0,
            "version": package.1,
            "scope": if self.inside.contains(package) { "required" } else { "excluded" },
            "purl": purl,
        });
        let license = self.packages.get(package).and_then(|it| it["license"].as_str());
        // old manifests have a slash where SPDX has `OR`
        if let Some(license) = license.map(|it| it.replace('/', " OR ").replace("  OR  ", " OR ")) {
            component["licenses"] = json!([{ "expression": license }]);
        }
        if let Some(sum) = self.checksums.get(package) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
        }
        component
    }
}

fn is_program((name, _): &Package) -> bool {
    super::PROGRAMS.contains(&name.as_str())
}

/// What `cargo metadata` says of each package.
fn packages(metadata: &Value) -> BTreeMap<Package, Value> {
    let all = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    all.iter().map(|it| ((text(it, "name"), text(it, "version")), it.clone())).collect()
}

/// What everybody calls a package of crates.io by.
fn purl((name, version): &Package) -> String {
    format!("pkg:cargo/{name}@{version}")
}

/// Name and version of the packages in a `Cargo.lock`, with the checksum of what was fetched.
fn checksums(lock: &str) -> BTreeMap<Package, String> {
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

/// The static programs are built of the same.
const TARGET: &str = "x86_64-unknown-linux-gnu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_and_what_only_built_it_is_listed_with_licence_checksum_and_what_it_uses() {
        let package = |name: &str| (name.to_owned(), "1.0.0".to_owned());
        let known = |name: &str, license: &str| (package(name), json!({ "license": license }));
        let parts = Parts {
            made_of: Graph::parse(
                "0fogbell v1.0.0 (/src)\n1a v1.0.0\n2cc v1.0.0\n1macros v1.0.0 (proc-macro)\n\n0fogpilot v1.0.0 (/src)\n1a v1.0.0 (*)\n",
            ),
            inside: ["fogbell", "fogpilot", "a"].map(package).into(),
            packages: [known("a", "MIT/Apache-2.0"), known("cc", "MIT"), known("other", "MIT")].into(),
            checksums: checksums(
                "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n",
            ),
            foreign: vec![Foreign::new("sqlite", "3.1", "blessing", Some("a"))],
        };
        let release = Release { version: "2.0".to_owned(), epoch: "0".to_owned(), hasty: false };

        let bill = parts.bill(&release);

        let of = |key: &'static str| move |it: &Value| it[key].as_str().unwrap().to_owned();
        let all = bill["components"].as_array().unwrap();
        let names: Vec<String> = all.iter().map(of("name")).collect();
        assert_eq!(names, ["a", "cc", "fogbell", "fogpilot", "macros", "sqlite"]);
        let scopes: Vec<String> = all.iter().map(of("scope")).collect();
        assert_eq!(scopes, ["required", "excluded", "required", "required", "excluded", "required"]);
        assert_eq!(all[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(all[0]["hashes"][0]["content"], "00ff");
        assert_eq!(all[1].get("hashes"), None);
        let arrows = bill["dependencies"].as_array().unwrap();
        for (of, on) in [
            ("fogbell", json!(["pkg:cargo/fogbell@1.0.0", "pkg:cargo/fogpilot@1.0.0"])),
            ("pkg:cargo/fogbell@1.0.0", json!(["pkg:cargo/a@1.0.0", "pkg:cargo/macros@1.0.0"])),
            ("pkg:cargo/a@1.0.0", json!(["pkg:cargo/cc@1.0.0", "pkg:generic/sqlite@3.1"])),
        ] {
            assert!(arrows.contains(&json!({ "ref": of, "dependsOn": on })), "{of}: {bill:#}");
        }
    }
}
