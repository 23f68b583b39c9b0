//! `cargo xtask arrows`: which crate may use which, and which crates nobody may use.
//!
//! The table is the one in `docs/architecture.md`. A dependency that is not in it is a decision to make there first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::fuzz;
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// Prints every broken rule with the manifest it is broken in.
///
/// # Errors
///
/// When `Cargo.lock` cannot be read or `cargo metadata` is not what it should be.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    if let Some(argument) = arguments.first() {
        bail!("`arrows` takes no argument, not `{argument}`");
    }
    let mut packages = read_packages(workspace, &workspace.metadata)?;
    let mut beside = fuzz::cargo(workspace, &["metadata", "--format-version", "1", "--no-deps"]);
    let beside: Value =
        serde_json::from_str(&must_succeed(&mut beside)?).context("metadata of fuzz/ is no JSON")?;
    packages.extend(read_packages(workspace, &beside)?);
    let read = |path: &str| {
        fs::read_to_string(workspace.root.join(path)).with_context(|| format!("cannot read `{path}`"))
    };
    let (lock, beside) = (read("Cargo.lock")?, read("fuzz/Cargo.lock")?);
    let mut broken = check(&packages, &read_lock(&lock));
    broken.extend(check(&[], &read_lock(&beside)).into_iter().map(|line| format!("fuzz/{line}")));
    broken.extend(drift(&read_versions(&lock), &read_versions(&beside)));
    for line in &broken {
        println!("{line}");
    }
    if broken.is_empty() {
        println!("arrows: {} packages use only what they may", packages.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("arrows: {} broken", broken.len());
    Ok(ExitCode::FAILURE)
}

/// A package of the workspace.
#[derive(Clone, Debug)]
struct Package {
    /// Published name, such as `fogbell-ids`.
    name: String,
    /// Its manifest, relative to the workspace.
    manifest: String,
    /// What it names in its manifest.
    dependencies: Vec<Dependency>,
}

/// One dependency of a package.
#[derive(Clone, Debug)]
struct Dependency {
    /// Published name.
    name: String,
    /// Only for tests, benches and examples.
    dev: bool,
    /// Features asked for; `default` among them when default features are on.
    features: Vec<String>,
}

/// What is broken, one line each, as `manifest: what is wrong`.
fn check(packages: &[Package], lock: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut broken = Vec::new();
    for package in packages {
        let mut say = |text: String| broken.push(format!("{}: {text}", package.manifest));
        let folder = short(&package.name);
        let Some((_, uses)) = MAY_USE.iter().find(|(name, _)| *name == folder) else {
            say(format!("`{}` is not in the table of what each crate may use", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if ours.contains(name) {
                let allowed = uses.contains(&short(name)) || dependency.dev && name == "fogbell-testkit";
                if !allowed {
                    let kind = if dependency.dev { "in its tests " } else { "" };
                    say(format!(
                        "`{folder}` may not use `{}` {kind}(it may use: {})",
                        short(name),
                        list(uses)
                    ));
                }
            }
            for (only, owner) in ONLY_IN {
                if name == *only && !owner.contains(&folder) {
                    say(format!("only {} may use `{only}`", quoted(owner)));
                }
            }
            if TEST_ONLY.contains(&name) && !dependency.dev {
                say(format!("`{name}` is for tests only"));
            }
            if dependency.dev {
                continue;
            }
            if WITHOUT_RUNTIME.contains(&folder) && RUNTIMES.contains(&name) {
                say(format!("`{folder}` has no sockets and no runtime, so it may not use `{name}`"));
            }
            if folder == "journal" && RUNTIMES.contains(&name) {
                let only_sync =
                    name == "tokio" && dependency.features.iter().all(|feature| feature == "sync");
                if !only_sync {
                    say(format!("`journal` may use nothing of a runtime but tokio's `sync`, not `{name}`"));
                }
            }
        }
    }
    for (banned, reason, except) in BANNED {
        if !lock.contains_key(*banned) {
            continue;
        }
        for (user, dependencies) in lock {
            if dependencies.contains(*banned) && Some(user.as_str()) != *except {
                broken.push(format!("Cargo.lock: `{user}` brings in `{banned}`: {reason}"));
            }
        }
    }
    broken
}

/// The folder's name of a package.
fn short(package: &str) -> &str {
    match package {
        "e2e" => "tests",
        other => other.strip_prefix("fogbell-").unwrap_or(other),
    }
}

/// `uses` for a message.
fn list(uses: &[&str]) -> String {
    if uses.is_empty() { "nothing of ours".to_owned() } else { uses.join(", ") }
}

/// `names` in a sentence.
fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

/// The packages in `cargo metadata`.
fn read_packages(workspace: &Workspace, metadata: &Value) -> Result<Vec<Package>> {
    let packages = metadata["packages"].as_array().context("no `packages` in `cargo metadata`")?;
    packages.iter().map(|package| read_package(workspace, package)).collect()
}

fn read_package(workspace: &Workspace, package: &Value) -> Result<Package> {
    let text = |value: &Value, key: &str| {
        value[key].as_str().map(str::to_owned).with_context(|| format!("no `{key}` in `cargo metadata`"))
    };
    let manifest = text(package, "manifest_path")?;
    let dependencies = package["dependencies"].as_array().context("no `dependencies` in `cargo metadata`")?;
    let dependencies = dependencies.iter().map(|dependency| {
        let features = dependency["features"].as_array().context("no `features` in `cargo metadata`")?;
        let mut features: Vec<String> =
            features.iter().filter_map(|feature| feature.as_str().map(str::to_owned)).collect();
        if dependency["uses_default_features"].as_bool() == Some(true) {
            features.push("default".to_owned());
        }
        let dev = dependency["kind"].as_str() == Some("dev");
        Ok(Dependency { name: text(dependency, "name")?, dev, features })
    });
    Ok(Package {
        name: text(package, "name")?,
        manifest: workspace.relative(Path::new(&manifest)).display().to_string(),
        dependencies: dependencies.collect::<Result<_>>()?,
    })
}

/// What `fuzz/Cargo.lock` has in another version than `Cargo.lock`: then what is tried is not what is released.
fn drift(
    main: &BTreeMap<String, BTreeSet<String>>,
    beside: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, versions) in beside {
        let Some(known) = main.get(name) else { continue };
        for version in versions.difference(known) {
            lines.push(format!(
                "fuzz/Cargo.lock: `{name}` is {version}, and not in Cargo.lock; copy Cargo.lock over it and run \
                 `cargo metadata` in fuzz/"
            ));
        }
    }
    lines
}

/// The versions of every package in a `Cargo.lock`.
fn read_versions(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("name = ") {
            current = name.trim_matches('"');
        } else if let Some(version) = line.strip_prefix("version = \"") {
            packages.entry(current.to_owned()).or_default().insert(version.trim_matches('"').to_owned());
        }
    }
    packages.remove(""); // the version of the file itself has no quotes, and no name
    packages
}

/// Who depends on whom in a `Cargo.lock`: package name to the names of its dependencies, versions left out.
fn read_lock(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    let mut in_dependencies = false;
    for line in text.lines() {
        if in_dependencies {
            match line.trim().strip_prefix('"') {
                // "name", "name version" or "name version (source)"
                Some(rest) => {
                    let name = rest.split(['"', ' ']).next().unwrap_or_default();
                    packages.entry(current.clone()).or_default().insert(name.to_owned());
                }
                None => in_dependencies = false,
            }
        } else if let Some(name) = line.strip_prefix("name = ") {
            current = name.trim_matches('"').to_owned();
            packages.entry(current.clone()).or_default();
        } else if line.starts_with("dependencies = [") {
            in_dependencies = true;
        }
    }
    packages
}

/// What each folder may use of ours, as a normal or build dependency; tests may add `testkit`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("vault", &[]),
    ("pki", &[]),
    ("journal", &[]),
    ("webhook", &["ids"]),
    ("mist", &["ids"]),
    ("alarm", &["ids", "webhook"]),
    ("syslog", &["alarm", "ids"]),
    ("snmp", &["alarm", "ids"]),
    ("acme", &["pki"]),
    ("conductor", &[]),
    ("relay", &["webhook", "alarm", "journal", "snmp", "syslog", "ids"]),
    ("upstream", &["mist", "alarm", "ids"]),
    ("sco", &["mist", "conductor", "pki", "ids"]),
    ("testkit", &["ids", "webhook"]),
    ("manual", &[]),
    (
        "fogbell",
        &[
            "relay", "upstream", "mist", "acme", "pki", "vault", "journal", "alarm", "webhook", "snmp",
            "syslog", "ids", "manual",
        ],
    ),
    ("fogpilot", &["sco", "mist", "conductor", "pki", "vault", "ids", "manual"]),
    ("tests", &["testkit"]),
    (
        "fuzz",
        &[
            "relay",
            "mist",
            "conductor",
            "webhook",
            "alarm",
            "journal",
            "snmp",
            "syslog",
            "sco",
            "pki",
            "vault",
            "ids",
            "testkit",
        ],
    ),
    ("xtask", &[]),
];

/// Foreign crates that one crate keeps out of the others.
///
/// `fuzz` tries the decoder that the sender of `snmp` reads answers with.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rusqlite", &["journal"]),
    ("async-snmp", &["snmp", "fuzz"]),
    ("libfuzzer-sys", &["fuzz"]),
    ("cel", &["relay"]),
];

/// Foreign crates that bring in what the product must not have.
const TEST_ONLY: &[&str] = &["syslog_loose", "jsonwebtoken"];

/// Crates of ours that are pure, or do their work in the caller's thread.
const WITHOUT_RUNTIME: &[&str] = &["ids", "webhook", "alarm", "syslog", "pki", "vault"];

/// What counts as a runtime or a socket.
const RUNTIMES: &[&str] =
    &["tokio", "tokio-rustls", "tokio-util", "hyper", "hyper-util", "hyper-rustls", "socket2"];

/// Crates that may not be in `Cargo.lock`, why, and the one crate that may bring them.
const BANNED: &[(&str, &str, Option<&str>)] = &[
    ("aws-lc-rs", "ring is the one crypto provider", None),
    ("aws-lc-sys", "ring is the one crypto provider", None),
    ("openssl-sys", "rustls is the one TLS library", None),
    ("native-tls", "rustls is the one TLS library", None),
    ("rustls-pemfile", "no longer kept; rustls-pki-types reads PEM", None),
    ("chrono", "jiff is the one library of times", Some("syslog_loose")),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, bool, &[&str])]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|(name, dev, features)| Dependency {
                name: (*name).to_owned(),
                dev: *dev,
                features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            })
            .collect();
        Package { name: name.to_owned(), manifest: format!("{name}.toml"), dependencies }
    }

    /// What is said of one package in a workspace where every crate of ours exists.
    fn said(name: &str, dependencies: &[(&str, bool, &[&str])]) -> Vec<String> {
        let mut packages: Vec<Package> = MAY_USE
            .iter()
            .filter(|(folder, _)| !matches!(*folder, "fogbell" | "fogpilot" | "tests" | "fuzz" | "xtask"))
            .map(|(folder, _)| format!("fogbell-{folder}"))
            .filter(|other| other != name)
            .map(|other| package(&other, &[]))
            .collect();
        packages.push(package(name, dependencies));
        check(&packages, &BTreeMap::new())
    }

    #[test]
    fn what_is_in_the_table_is_allowed() {
        let none: &[String] = &[];
        assert_eq!(said("fogbell-ids", &[("uuid", false, &[])]), none);
        assert_eq!(
            said("fogbell-alarm", &[("fogbell-ids", false, &[]), ("fogbell-webhook", false, &[])]),
            none
        );
        assert_eq!(
            said("fogbell-relay", &[("fogbell-testkit", true, &[]), ("tokio", false, &["net"])]),
            none
        );
        assert_eq!(
            said("fogbell-journal", &[("tokio", false, &["sync"]), ("tokio", true, &["macros"])]),
            none
        );
        assert_eq!(said("fogbell-journal", &[("rusqlite", false, &["bundled"])]), none);
        assert_eq!(said("fogbell-syslog", &[("syslog_loose", true, &["default"])]), none);
        assert_eq!(said("e2e", &[("fogbell-testkit", false, &[])]), none);
    }

    #[test]
    fn each_broken_arrow_is_named_with_its_manifest() {
        let check = |name: &str, dependencies: &[(&str, bool, &[&str])], expect: &str| {
            assert_eq!(said(name, dependencies), [expect], "{name}");
        };
        check(
            "fogbell-ids",
            &[("fogbell-webhook", false, &[])],
            "fogbell-ids.toml: `ids` may not use `webhook` (it may use: nothing of ours)",
        );
        check(
            "fogbell-testkit",
            &[("fogbell-snmp", true, &[])],
            "fogbell-testkit.toml: `testkit` may not use `snmp` in its tests (it may use: ids, webhook)",
        );
        check(
            "fogbell-relay",
            &[("fogbell-testkit", false, &[])],
            "fogbell-relay.toml: `relay` may not use `testkit` (it may use: webhook, alarm, journal, snmp, syslog, ids)",
        );
        check(
            "fogbell-relay",
            &[("rusqlite", true, &[])],
            "fogbell-relay.toml: only `journal` may use `rusqlite`",
        );
        check("e2e", &[("async-snmp", false, &[])], "e2e.toml: only `snmp` and `fuzz` may use `async-snmp`");
        check(
            "fogbell-syslog",
            &[("tokio", false, &["net"])],
            "fogbell-syslog.toml: `syslog` has no sockets and no runtime, so it may not use `tokio`",
        );
        check(
            "fogbell-journal",
            &[("tokio", false, &["sync", "rt"])],
            "fogbell-journal.toml: `journal` may use nothing of a runtime but tokio's `sync`, not `tokio`",
        );
        check(
            "fogbell-journal",
            &[("tokio", false, &["sync", "default"])],
            "fogbell-journal.toml: `journal` may use nothing of a runtime but tokio's `sync`, not `tokio`",
        );
        check(
            "fogbell-syslog",
            &[("syslog_loose", false, &[])],
            "fogbell-syslog.toml: `syslog_loose` is for tests only",
        );
        check(
            "fogbell-extras",
            &[],
            "fogbell-extras.toml: `fogbell-extras` is not in the table of what each crate may use",
        );
    }

    #[test]
    fn a_banned_crate_is_found_in_the_lock_file_with_who_brings_it() {
        let lock = r#"
version = 4

[[package]]
name = "aws-lc-rs"
version = "1.0.0"
dependencies = [
 "aws-lc-sys",
]

[[package]]
name = "aws-lc-sys"
version = "0.1.0"

[[package]]
name = "chrono"
version = "0.4.0"

[[package]]
name = "rustls"
version = "0.23.0"
source = "registry"
dependencies = [
 "aws-lc-rs 1.0.0 (registry)",
 "ring",
]

[[package]]
name = "syslog_loose"
version = "0.23.0"
dependencies = [
 "chrono 0.4.0",
]

[[package]]
name = "tail"
version = "1.0.0"
dependencies = [
 "chrono",
]
"#;

        assert_eq!(
            check(&[], &read_lock(lock)),
            [
                "Cargo.lock: `rustls` brings in `aws-lc-rs`: ring is the one crypto provider",
                "Cargo.lock: `aws-lc-rs` brings in `aws-lc-sys`: ring is the one crypto provider",
                "Cargo.lock: `tail` brings in `chrono`: jiff is the one library of times",
            ]
        );
    }

    #[test]
    fn another_version_beside_is_drift_and_another_package_is_not() {
        let main = read_versions("version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n");
        let beside = |version: &str| {
            read_versions(&format!(
                "[[package]]\nname = \"a\"\nversion = \"{version}\"\n[[package]]\nname = \"b\"\nversion = \"2.0.0\"\n"
            ))
        };

        assert_eq!(drift(&main, &beside("1.0.0")), [""; 0]);
        let said = drift(&main, &beside("1.0.1"));
        assert!(said.len() == 1 && said[0].starts_with("fuzz/Cargo.lock: `a` is 1.0.1,"), "{said:?}");
    }
}
