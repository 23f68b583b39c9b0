//! The configuration and the secrets that the answers make.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use relay::config::SecretHome;
use relay::{Cause, Config, digits};
use vault::Key;
use zeroize::Zeroizing;

use super::answers::{Answers, Certificate};
use super::mist::Organisation;
use super::sink::{Kind, Sink};
use super::store::{Keep, Store};
use crate::certificate::Make;
use crate::secrets::Secrets;

/// What is to be written.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    pub(super) text: String,
    /// The secrets by name.
    pub(super) secrets: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// Where they are kept.
    pub(super) store: Store,
}

impl Draft {
    /// What `answers` make. A secret that is there already stays; one that is missing is made.
    pub(super) fn of(answers: &Answers, organisation: &Organisation, path: &Path) -> Result<Self, Cause> {
        let parent =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = std::path::absolute(parent)?.join("secrets");
        let keep = answers.keep.clone().unwrap_or_else(|| Keep::as_it_is(path));
        let state = answers.state.clone().unwrap_or_else(|| DEFAULT_STATE.into());
        let store = Store::look(&keep, folder, &state)?;
        let mut this = Self { path: path.to_owned(), text: String::new(), secrets: BTreeMap::new(), store };
        this.keep(TOKEN, organisation.token.clone());
        let secret = this.kept_or_made(WEBHOOK, 32)?;
        this.keep(WEBHOOK, secret);
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
        text.push_str(&this.store.table());
        let mut api = format!("org_id = \"{}\", token = {}", organisation.id, this.store.home(TOKEN));
        if let Some(host) = &answers.api_host {
            let _ = write!(api, ", host = {}", quoted(host));
        }
        if let Some(ca) = &answers.api_ca {
            let _ = write!(api, ", ca = {}", quoted(ca));
        }
        let _ = write!(
            text,
            "\n[[org]]\nname = {}\ncloud = \"{}\"\npath = {}\nsecrets = [{}]\napi = {{ {api} }}\n",
            quoted(&answers.org),
            answers.cloud.name(),
            quoted(url_path),
            this.store.home(WEBHOOK)
        );
        for sink in &answers.sinks {
            let table = this.sink(sink)?;
            text.push_str(&table);
        }
        this.text = text;
        Ok(this)
    }

    fn keep(&mut self, name: impl Into<String>, secret: Zeroizing<Vec<u8>>) {
        self.secrets.insert(name.into(), secret);
    }

    /// The secret that is there; else a new one of so many random bytes, in hexadecimal digits.
    fn kept_or_made(&self, name: &str, bytes: usize) -> Result<Zeroizing<Vec<u8>>, Cause> {
        Ok(match self.store.kept(name)? {
            Some(kept) => kept,
            None => Zeroizing::new(digits(&Key::random_material()?[..bytes]).into_bytes()),
        })
    }

    /// The secret of the webhook.
    pub(super) fn webhook(&self) -> &[u8] {
        &self.secrets[WEBHOOK]
    }

    /// The table of a sink; its secrets are kept.
    fn sink(&mut self, sink: &Sink) -> Result<String, Cause> {
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
                let secret = format!("{}.community", sink.name);
                let home = self.store.home(&secret);
                self.keep(secret, without_line_end(pki::read_private(community)?));
                format!(
                    "\n[[snmp]]\nname = {name}\naddress = {address}\nversion = \"2c\"\ncommunity = {home}\n"
                )
            }
            Kind::V3 { notification, user, auth, privacy } => {
                let mut homes = Vec::new();
                for (what, given) in [("auth", auth), ("privacy", privacy)] {
                    let name = format!("{}.{what}", sink.name);
                    let secret = match given {
                        Some(given) => without_line_end(pki::read_private(given)?),
                        None => self.kept_or_made(&name, 16)?,
                    };
                    homes.push(self.store.home(&name));
                    self.keep(name, secret);
                }
                format!(
                    "\n[[snmp]]\nname = {name}\naddress = {address}\nversion = \"3\"\nnotification = \"{notification}\"\nuser = {}\n\
                     auth = {{ protocol = \"sha-256\", secret = {} }}\n\
                     privacy = {{ protocol = \"aes-128\", secret = {} }}\n",
                    quoted(user),
                    homes[0],
                    homes[1]
                )
            }
        })
    }

    /// Reads a secret as it will be, written or not yet.
    pub(super) fn read(&self, config: &Config, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Cause> {
        match self.store.name_of(home, self.secrets.keys().map(String::as_str)) {
            Some(name) => Ok(self.secrets[name].clone()),
            None => Secrets::of(config).read(home),
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

pub(super) fn without_line_end(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    bytes
}

/// A text as TOML.
pub(super) fn quoted(text: impl AsRef<std::ffi::OsStr>) -> String {
    toml::Value::String(text.as_ref().to_string_lossy().into_owned()).to_string()
}

/// The names of secrets.
const TOKEN: &str = "mist-token";
const WEBHOOK: &str = "webhook";

/// Where the relay keeps everything, when nothing else is asked for.
const DEFAULT_STATE: &str = "/var/lib/fogbell";

const HEAD: &str = "# Written by `fogbell init`, which writes it again from the same answers. Every key: docs/configuration.md.\n";
