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

    /// Writes the relay's configuration, as an operator would for one organisation, with `sinks`; where it is.
    /// What a configuration before it has put here stays, but for the configuration itself.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn configure(&self, admin: &str, sinks: &[Sink<'_>]) -> Result<PathBuf> {
        self.configure_at("127.0.0.1:0", admin, None, sinks)
    }

    /// The same, for webhooks at the address `listen`, and with an API that the organisation is asked about.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn configure_at(
        &self,
        listen: &str,
        admin: &str,
        api: Option<&Api<'_>>,
        sinks: &[Sink<'_>],
    ) -> Result<PathBuf> {
        let (state, secret, community) =
            (self.path("state"), self.path("webhook.secret"), self.path("community"));
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&state).context("cannot make the relay's state folder")?;
        write(&secret, SECRET)?;
        write(&community, "public")?;
        let config = self.path("fogbell.toml");
        let mut text = render(&state, &secret, listen, admin);
        if let Some(api) = api {
            let token = self.path("api.token");
            write(&token, api.token)?;
            text += &api.render(&token);
        }
        for sink in sinks {
            text += &sink.render(&community);
        }
        write(&config, &text)?;
        Ok(config)
    }
}

/// How the relay asks Mist about the organisation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api<'a> {
    pub(crate) host: &'a str,
    /// The organisation's id.
    pub(crate) org: &'a str,
    pub(crate) token: &'a str,
    /// The authority of the host's certificate, a PEM file.
    pub(crate) ca: &'a Path,
}

impl Api<'_> {
    /// A key of the organisation, which is the last table that [`render`] makes.
    fn render(&self, token: &Path) -> String {
        let Self { host, org, ca, .. } = self;
        let (token, ca) = (quoted(token), quoted(ca));
        format!(
            "api = {{ host = \"{host}\", org_id = \"{org}\", token = {{ file = {token} }}, ca = {ca} }}\n"
        )
    }
}

/// A receiver of the relay's.
#[derive(Clone, Debug)]
pub(crate) enum Sink<'a> {
    /// Syslog over TCP.
    Syslog { name: String, address: &'a str },
    /// Traps of SNMP v2c, all there are, as fast as they go.
    Traps { name: String, address: &'a str },
}

impl Sink<'_> {
    fn render(&self, community: &Path) -> String {
        match self {
            Self::Syslog { name, address } => format!(
                "\n[[syslog]]\nname = \"{name}\"\naddress = \"{address}\"\ntransport = \"tcp\"\nformat = \"rfc5424\"\n"
            ),
            Self::Traps { name, address } => format!(
                "\n[[snmp]]\nname = \"{name}\"\naddress = \"{address}\"\nversion = \"2c\"\n\
                 community = {{ file = {} }}\nnotification = \"trap\"\nrate = 0\nstart = \"oldest\"\n",
                quoted(community)
            ),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("bench: cannot clear `{}`: {error}", self.folder.display());
        }
    }
}

fn render(state: &Path, secret: &Path, listen: &str, admin: &str) -> String {
    let (state, secret) = (quoted(state), quoted(secret));
    format!(
        r#"state = {state}

[listen]
address = "{listen}"

[tls]
self_signed = ["localhost"]

[admin]
address = "{admin}"

[gate]
networks = ["127.0.0.0/8"]

[[org]]
name = "acme"
cloud = "global-01"
secrets = [{{ file = {secret} }}]
"#
    )
}

/// Writes a file that only its owner may read.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// A path as a TOML string; JSON's escapes are TOML's.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}

/// The load signs with it: `SECRET` of `tests/src/bench/request.rs`; one word, as the fake cloud takes it.
pub(crate) const SECRET: &str = "the-webhook-secret-of-the-bench";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_has_its_organisation_and_its_sinks() {
        let text = render(Path::new("/s"), Path::new("/k"), "127.0.0.1:0", "127.0.0.1:9460");
        assert!(text.starts_with("state = \"/s\"\n"), "{text}");
        assert!(text.contains("[admin]\naddress = \"127.0.0.1:9460\"\n"), "{text}");
        assert!(text.contains("secrets = [{ file = \"/k\" }]"), "{text}");

        let api = Api { host: "127.0.0.1:443", org: "o", token: "t", ca: Path::new("/c") };
        let text = text + &api.render(Path::new("/t"));
        let expect =
            "api = { host = \"127.0.0.1:443\", org_id = \"o\", token = { file = \"/t\" }, ca = \"/c\" }\n";
        assert!(text.ends_with(expect), "{text}");

        let (name, address) = ("a".to_owned(), "127.0.0.1:514");
        let syslog = Sink::Syslog { name: name.clone(), address }.render(Path::new("/c"));
        assert!(syslog.starts_with("\n[[syslog]]\nname = \"a\"\naddress = \"127.0.0.1:514\"\n"), "{syslog}");
        let traps = Sink::Traps { name, address }.render(Path::new("/c"));
        assert!(
            traps.contains("community = { file = \"/c\" }\nnotification = \"trap\"\nrate = 0\n"),
            "{traps}"
        );
    }
}
