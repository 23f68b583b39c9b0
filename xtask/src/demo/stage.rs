//! What the demo plays on: a folder, free ports, a secret, and the relay's configuration.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The stage of one demo.
#[derive(Debug)]
pub(crate) struct Stage {
    /// Everything the demo writes.
    pub(crate) folder: PathBuf,
    /// The relay's configuration.
    pub(crate) config: PathBuf,
    /// The webhook secret, made for this run.
    pub(crate) secret: PathBuf,
    /// Where notifications go, as `IP:PORT`.
    pub(crate) trap: String,
    /// Where syslog goes, as `IP:PORT`.
    pub(crate) syslog: String,
}

impl Stage {
    /// Makes the folder `demo/PID` in the target directory and writes everything into it.
    ///
    /// # Errors
    ///
    /// When a file cannot be written or no port is free.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target.join("demo").join(std::process::id().to_string());
        let secrets = folder.join("secrets");
        for made in [&secrets, &folder.join("state")] {
            let made_it = fs::DirBuilder::new().recursive(true).mode(0o700).create(made);
            made_it.with_context(|| format!("cannot make `{}`", made.display()))?;
        }
        let secret = write_secret(&secrets.join("webhook"), &random_word()?)?;
        let community = write_secret(&secrets.join("community"), "public")?;
        let stage = Self {
            config: folder.join("fogbell.toml"),
            secret,
            trap: format!("127.0.0.1:{}", free_udp_port()?),
            syslog: format!("127.0.0.1:{}", free_tcp_port()?),
            folder,
        };
        let text = stage.render(free_tcp_port()?, free_tcp_port()?, &community);
        fs::write(&stage.config, text)
            .with_context(|| format!("cannot write `{}`", stage.config.display()))?;
        Ok(stage)
    }

    /// Takes everything away again.
    ///
    /// # Errors
    ///
    /// When the folder cannot be removed.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("cannot clear `{}`", self.folder.display()))
    }

    fn render(&self, listen: u16, admin: u16, community: &Path) -> String {
        let state = quoted(&self.folder.join("state"));
        let (secret, community) = (quoted(&self.secret), quoted(community));
        let (trap, syslog) = (&self.trap, &self.syslog);
        format!(
            r#"state = {state}

[listen]
address = "127.0.0.1:{listen}"

[tls]
self_signed = ["localhost"]

[admin]
address = "127.0.0.1:{admin}"

[gate]
networks = ["127.0.0.0/8"]

[[org]]
name = "demo"
cloud = "global-01"
secrets = [{{ file = {secret} }}]

[[snmp]]
name = "nms"
address = "{trap}"
version = "2c"
community = {{ file = {community} }}
notification = "inform"

[[syslog]]
name = "siem"
address = "{syslog}"
transport = "tcp"
format = "rfc5424"
"#
        )
    }
}

/// Writes a file that only its owner may read.
fn write_secret(file: &Path, value: &str) -> Result<PathBuf> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut open| open.write_all(value.as_bytes()))
        .with_context(|| format!("cannot write `{}`", file.display()))?;
    Ok(file.to_owned())
}

/// 32 hexadecimal digits nobody can guess.
fn random_word() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let read = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.context("cannot read `/dev/urandom`")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn free_tcp_port() -> Result<u16> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(port.context("no port is free")?.port())
}

fn free_udp_port() -> Result<u16> {
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    Ok(port.context("no port is free")?.port())
}

/// A path as a TOML string; JSON's escapes are TOML's.
fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.display().to_string()).to_string()
}
