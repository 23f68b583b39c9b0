//! Where a bench runs: a folder on the disk of the target directory, new for every server.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Makes the folder `bench/PID-NAME` in the target directory.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(crate) fn new(workspace: &Workspace, name: &str) -> Result<Self> {
        let folder = workspace.target.join("bench").join(format!("{}-{name}", std::process::id()));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        Ok(Self { folder })
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes the relay's configuration, as an operator would for one organisation, with a syslog sink over TCP
    /// at `syslog` or without any; where it is.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn configure(&self, secret: &str, syslog: Option<&str>) -> Result<PathBuf> {
        let (state, home) = (self.path("state"), self.path("webhook.secret"));
        fs::DirBuilder::new().mode(0o700).create(&state).context("cannot make the relay's state folder")?;
        write(&home, secret)?;
        let config = self.path("fogbell.toml");
        write(&config, &render(&state, &home, syslog))?;
        Ok(config)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("bench: cannot clear `{}`: {error}", self.folder.display());
        }
    }
}

fn render(state: &Path, secret: &Path, syslog: Option<&str>) -> String {
    let (state, secret) = (quoted(state), quoted(secret));
    let mut text = format!(
        r#"state = {state}

[listen]
address = "127.0.0.1:0"

[tls]
self_signed = ["localhost"]

[admin]
address = "127.0.0.1:0"

[gate]
networks = ["127.0.0.0/8"]

[[org]]
name = "acme"
cloud = "global-01"
secrets = [{{ file = {secret} }}]
"#
    );
    if let Some(address) = syslog {
        text += &format!(
            "\n[[syslog]]\nname = \"siem\"\naddress = \"{address}\"\ntransport = \"tcp\"\nformat = \"rfc5424\"\n"
        );
    }
    text
}

/// Writes a file that only its owner may read.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// A path as a TOML string; JSON's escapes are TOML's.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sink_is_there_when_there_is_a_receiver() {
        let render = |syslog| render(Path::new("/s"), Path::new("/k"), syslog);

        assert!(render(None).contains("secrets = [{ file = \"/k\" }]"));
        assert!(!render(None).contains("[[syslog]]"));
        assert!(
            render(Some("127.0.0.1:514"))
                .contains("[[syslog]]\nname = \"siem\"\naddress = \"127.0.0.1:514\"\n")
        );
    }
}
