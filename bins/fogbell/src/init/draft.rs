//! The configuration and the secrets that the answers make.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use relay::config::SecretHome;
use relay::{Cause, Config, digits};
use vault::Key;
use zeroize::Zeroizing;

use super::answers::{Answers, Certificate};
use super::mist::Organisation;
use super::sink::{Kind, Sink};
use crate::certificate::Make;
use crate::secrets::Secrets;

/// What is to be written.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// Files of secrets, each with what is to be in it.
    pub(super) secrets: BTreeMap<PathBuf, Zeroizing<Vec<u8>>>,
    /// The file of the webhook's secret.
    pub(super) webhook: PathBuf,
}

impl Draft {
    /// What `answers` make. A secret that is there already stays; one that is missing is made.
    pub(super) fn of(answers: &Answers, organisation: &Organisation, path: &Path) -> Result<Self, Cause> {
        let parent =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = std::path::absolute(parent)?.join("secrets");
        let webhook = folder.join("webhook");
        let mut this = Self {
            path: path.to_owned(),
            text: String::new(),
            secrets: BTreeMap::new(),
            webhook: webhook.clone(),
        };
        this.keep(folder.join("mist-token"), organisation.token.clone());
        let secret = kept_or_made(&webhook, 32)?;
        this.keep(webhook, secret);
        let mut text = HEAD.to_owned();
        if let Some(state) = &answers.state {
            let _ = writeln!(text, "state = {}", quoted(state));
        }
        let (authority, url_path) = &answers.public;
        let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).unwrap_or(443);
        let listen = answers.listen.clone().unwrap_or_else(|| format!("0.0.0.0:{port}"));
        let _ = write!(
            text,
            "\n[listen]\naddress = {}\npublic_url = {}\n\n[tls]\n{}",
            quoted(&listen),
            quoted(format!("https://{authority}")),
            tls(&answers.certificate, authority)
        );
        if let Some(admin) = &answers.admin {
            let _ = write!(text, "\n[admin]\naddress = {}\n", quoted(admin));
        }
        if !answers.networks.is_empty() {
            let networks: Vec<String> = answers.networks.iter().map(quoted).collect();
            let _ = write!(text, "\n[gate]\nnetworks = [{}]\n", networks.join(", "));
        }
        let mut api = format!(
            "org_id = \"{}\", token = {{ file = {} }}",
            organisation.id,
            quoted(folder.join("mist-token"))
        );
        if let Some(host) = &answers.api_host {
            let _ = write!(api, ", host = {}", quoted(host));
        }
        if let Some(ca) = &answers.api_ca {
            let _ = write!(api, ", ca = {}", quoted(ca));
        }
        let _ = write!(
            text,
            "\n[[org]]\nname = {}\ncloud = \"{}\"\npath = {}\nsecrets = [{{ file = {} }}]\napi = {{ {api} }}\n",
            quoted(&answers.org),
            answers.cloud.name(),
            quoted(url_path),
            quoted(&this.webhook)
        );
        for sink in &answers.sinks {
            let table = this.sink(sink, &folder)?;
            text.push_str(&table);
        }
        this.text = text;
        Ok(this)
    }

    fn keep(&mut self, path: PathBuf, secret: Zeroizing<Vec<u8>>) {
        self.secrets.insert(path, secret);
    }

    /// The table of a sink; its secrets are kept.
    fn sink(&mut self, sink: &Sink, folder: &Path) -> Result<String, Cause> {
        let (name, address) = (quoted(&sink.name), quoted(&sink.address));
        Ok(match &sink.kind {
            Kind::Syslog { transport, ca } => {
                let tls =
                    ca.as_ref().map_or_else(String::new, |ca| format!("tls = {{ ca = {} }}\n", quoted(ca)));
                format!(
                    "\n[[syslog]]\nname = {name}\naddress = {address}\ntransport = \"{transport}\"\n{tls}"
                )
            }
            Kind::V2c { community } => {
                let file = folder.join(format!("{}.community", sink.name));
                self.keep(file.clone(), without_line_end(pki::read_private(community)?));
                format!(
                    "\n[[snmp]]\nname = {name}\naddress = {address}\nversion = \"2c\"\ncommunity = {{ file = {} }}\n",
                    quoted(file)
                )
            }
            Kind::V3 { notification, user, auth, privacy } => {
                let mut homes = Vec::new();
                for (what, given) in [("auth", auth), ("privacy", privacy)] {
                    let file = folder.join(format!("{}.{what}", sink.name));
                    let secret = match given {
                        Some(given) => without_line_end(pki::read_private(given)?),
                        None => kept_or_made(&file, 16)?,
                    };
                    self.keep(file.clone(), secret);
                    homes.push(quoted(file));
                }
                format!(
                    "\n[[snmp]]\nname = {name}\naddress = {address}\nversion = \"3\"\nnotification = \"{notification}\"\nuser = {}\n\
                     auth = {{ protocol = \"sha-256\", secret = {{ file = {} }} }}\n\
                     privacy = {{ protocol = \"aes-128\", secret = {{ file = {} }} }}\n",
                    quoted(user),
                    homes[0],
                    homes[1]
                )
            }
        })
    }

    /// Reads a secret as it will be, written or not yet.
    pub(super) fn read(&self, config: &Config, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Cause> {
        match home {
            SecretHome::File(path) if self.secrets.contains_key(path) => Ok(self.secrets[path].clone()),
            other => Secrets::of(config).read(other),
        }
    }

    /// The configuration, checked as `fogbell check` does.
    pub(super) fn checked(&self) -> Result<Config, Box<dyn std::error::Error>> {
        let config = Config::parse(&self.path, self.text.clone())?;
        let certificate = crate::certificate::open(&config, Make::Nothing, &Secrets::of(&config))?;
        drop(relay::Setup::new(config.clone(), certificate, &|home| self.read(&config, home))?);
        Ok(config)
    }
}

fn tls(certificate: &Certificate, authority: &str) -> String {
    let host = authority
        .rsplit_once(':')
        .filter(|(_, port)| port.parse::<u16>().is_ok())
        .map_or(authority, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    match certificate {
        Certificate::Files { certificate, key } => {
            format!("certificate = {}\nkey = {{ file = {} }}\n", quoted(certificate), quoted(key))
        }
        Certificate::SelfSigned => format!("self_signed = [{}]\n", quoted(host)),
        Certificate::Acme => format!(
            "\n[tls.acme]\nnames = [{}]\nagree_terms = true\nchallenge = \"tls-alpn-01\"\n",
            quoted(host)
        ),
    }
}

/// The secret in a file that is there; else a new one of so many random bytes, in hexadecimal digits.
fn kept_or_made(path: &Path, bytes: usize) -> Result<Zeroizing<Vec<u8>>, Cause> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(without_line_end(pki::read_private(path)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Zeroizing::new(digits(&Key::random_material()?[..bytes]).into_bytes()))
        }
        Err(error) => Err(format!("cannot look at `{}`: {error}", path.display()).into()),
    }
}

fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    bytes
}

/// A text as TOML.
fn quoted(text: impl AsRef<std::ffi::OsStr>) -> String {
    toml::Value::String(text.as_ref().to_string_lossy().into_owned()).to_string()
}

const HEAD: &str = "# Written by `fogbell init`, which writes it again from the same answers. Every key: docs/configuration.md.\n";
