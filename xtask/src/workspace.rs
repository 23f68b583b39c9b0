//! Where the workspace is and how cargo is called in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace this program belongs to.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// The folder cargo builds into.
    pub(crate) target: PathBuf,
    /// `cargo metadata --no-deps`, as cargo printed it.
    pub(crate) metadata: Value,
}

impl Workspace {
    /// Asks cargo about the workspace.
    ///
    /// # Errors
    ///
    /// When cargo cannot be run or does not understand a manifest.
    pub(crate) fn open() -> Result<Self> {
        // Set by `cargo run`; the built-in path stands in when the program is started by hand.
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let output = Command::new(cargo_program())
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .current_dir(&here)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run `cargo metadata`")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed: {}", output.status);
        }
        let metadata: Value =
            serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")?;
        let path = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("no `{key}` in `cargo metadata`"))
        };
        let (root, target) = (path("workspace_root")?, path("target_directory")?);
        Ok(Self { root, target, metadata })
    }

    /// A call of cargo in the workspace, without what the cargo that runs this program told it of its own package: build
    /// scripts that look at that would run again, and with them everything that uses their crates.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(cargo_program());
        command.args(arguments).current_dir(&self.root);
        let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_package)) {
            command.env_remove(name);
        }
        command
    }

    /// Where cargo puts the debug build of a program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// The names of the workspace's packages.
    pub(crate) fn packages(&self) -> Vec<&str> {
        let packages = self.metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
        packages.iter().filter_map(|package| package["name"].as_str()).collect()
    }

    /// `path` without the folder of the workspace, for messages.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// The cargo that runs this program, else the one on `PATH`.
fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
