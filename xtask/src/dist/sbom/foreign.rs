//! What is built in and is no package of cargo's.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Package;
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// A library that some package brings along.
#[derive(Debug)]
pub(super) struct Foreign {
    name: &'static str,
    version: String,
    /// As SPDX has it.
    license: &'static str,
    /// The package that is built with it; with none it is the programs themselves.
    by: Option<&'static str>,
}

impl Foreign {
    pub(super) fn new(
        name: &'static str,
        version: &str,
        license: &'static str,
        by: Option<&'static str>,
    ) -> Self {
        Self { name, version: version.to_owned(), license, by }
    }

    pub(super) fn purl(&self) -> String {
        format!("pkg:generic/{}@{}", self.name, self.version)
    }

    pub(super) fn is_used_by(&self, package: &Package) -> bool {
        self.by.map_or_else(|| super::is_program(package), |name| name == package.0)
    }

    pub(super) fn component(&self) -> Value {
        let purl = self.purl();
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": self.name,
            "version": self.version,
            "scope": "required",
            "licenses": [{ "expression": self.license }],
            "purl": purl,
        })
    }
}

/// SQLite, whose source `libsqlite3-sys` carries: what is found wrong with it is told by its own version.
pub(super) fn sqlite(metadata: &Value) -> Result<Foreign> {
    let package = "libsqlite3-sys";
    let packages = super::packages(metadata);
    let (_, about) = packages.iter().find(|((name, _), _)| name == package).context("there is no SQLite")?;
    let manifest = about["manifest_path"].as_str().context("no path of libsqlite3-sys")?;
    let header = Path::new(manifest).with_file_name("sqlite3").join("sqlite3.h");
    let text = fs::read_to_string(&header).with_context(|| format!("cannot read `{}`", header.display()))?;
    let version = defined(&text, "SQLITE_VERSION").context("`sqlite3.h` does not say its version")?;
    Ok(Foreign::new("sqlite", version, "blessing", Some(package)))
}

/// Rust's own library.
pub(super) fn standard_library(workspace: &Workspace) -> Result<Foreign> {
    let said = must_succeed(Command::new("rustc").arg("-vV").current_dir(&workspace.root))?;
    let version = said.lines().find_map(|line| line.strip_prefix("release: "));
    let version = version.context("rustc does not say its version")?;
    Ok(Foreign::new("rust-std", version, "MIT OR Apache-2.0", None))
}

/// The text that a header of C defines a name as.
fn defined<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = header.lines().filter_map(|line| line.strip_prefix("#define ")?.strip_prefix(name));
    lines.find_map(|rest| rest.strip_prefix(' ')?.trim().strip_prefix('"')?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_header() {
        let header = "#define SQLITE_VERSION_NUMBER 3051003\n#define SQLITE_VERSION        \"3.51.3\"\n";
        assert_eq!(defined(header, "SQLITE_VERSION"), Some("3.51.3"));
        assert_eq!(defined(header, "SQLITE_SOURCE_ID"), None);
    }
}
