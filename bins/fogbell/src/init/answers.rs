//! What is asked: by flags, by a file, and at the terminal.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ::mist::ApiToken;
use ids::Cloud;
use relay::Cause;
use serde::Deserialize;

use super::sink::Sink;
use super::store::Keep;
use crate::terminal::Terminal;

/// What flags and the file of answers say; each may say anything or nothing.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Given {
    /// Cloud of Mist; `fogbell clouds` lists them
    #[arg(long, value_name = "NAME")]
    cloud: Option<String>,
    /// Name of the organisation in everything that is sent
    #[arg(long, value_name = "NAME")]
    org: Option<String>,
    /// Id of the organisation; needed when the token is for several
    #[arg(long, value_name = "UUID")]
    org_id: Option<String>,
    /// File with the API token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Host of the API, when it is not that of the cloud
    #[arg(long, value_name = "HOST")]
    api_host: Option<String>,
    /// PEM file with the authorities that may vouch for the API
    #[arg(long, value_name = "FILE")]
    api_ca: Option<PathBuf>,
    /// URL that Mist posts to, with its path
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Address and port to listen at. Default: 0.0.0.0 and the port of the URL
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Address and port of health and metrics
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<String>,
    /// Networks webhooks may come from besides the cloud's, as a proxy's; may be repeated
    #[arg(long, value_name = "NETWORK")]
    network: Vec<String>,
    /// PEM file with the certificate chain
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Make a self-signed certificate at the first start instead; Mist accepts it only unchecked
    #[arg(long)]
    self_signed: bool,
    /// Have Let's Encrypt issue the certificate instead, and agree to its terms: port 443 must be open to all
    #[arg(long)]
    acme_agree_terms: bool,
    /// A receiver, NAME=URL; may be repeated
    #[arg(long, value_name = "NAME=URL")]
    sink: Vec<String>,
    /// Make or mend the webhook in Mist too, which takes a token that may write
    #[arg(long)]
    create_webhook: bool,
    /// Directory for everything the relay keeps
    #[arg(long, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
    /// Where secrets are kept: `files`, or a sealed vault that is opened by `credential` (systemd seals it for this machine,
    /// by its TPM where there is one) or by the key file with this whole path, which is made. Default: as it is, else files
    #[arg(long, value_name = "PLACE")]
    secrets: Option<String>,
    /// New file for the recovery key of a vault that is made; default: it is shown at the terminal
    #[arg(long, value_name = "FILE")]
    recovery_key_to: Option<PathBuf>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug)]
pub(super) enum Certificate {
    Files { certificate: PathBuf, key: PathBuf },
    SelfSigned,
    Acme,
}

/// Everything that is needed.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) cloud: Cloud,
    pub(super) org: String,
    pub(super) org_id: Option<String>,
    token: Token,
    pub(super) api_host: Option<String>,
    pub(super) api_ca: Option<PathBuf>,
    /// Host, with a port when it is not 443, and path.
    pub(super) public: (String, String),
    pub(super) listen: Option<String>,
    pub(super) admin: Option<String>,
    pub(super) networks: Vec<String>,
    pub(super) certificate: Certificate,
    pub(super) sinks: Vec<Sink>,
    pub(super) create_webhook: bool,
    pub(super) state: Option<PathBuf>,
    /// Where secrets are to be kept; as it is when nothing is said.
    pub(super) keep: Option<Keep>,
    pub(super) recovery_key_to: Option<PathBuf>,
}

/// Where the API token is.
#[derive(Debug)]
enum Token {
    File(PathBuf),
    Typed(zeroize::Zeroizing<Vec<u8>>),
}

impl Answers {
    /// Those of flags and file, and of the terminal where they say nothing. Without a terminal everything that is missing
    /// is named at once.
    pub(super) fn gather(
        given: &Given,
        file: Option<&Path>,
        terminal: Option<&Terminal>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut all = given.clone();
        if let Some(path) = file {
            let text = fs::read_to_string(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
            let read: Given = toml::from_str(&text)
                .map_err(|error| format!("`{}`: {}", path.display(), error.message()))?;
            all = all.or(read);
        }
        let typed = match terminal {
            Some(terminal) => all.ask(terminal)?,
            None => None,
        };
        let missing = all.missing(typed.is_some());
        if !missing.is_empty() {
            return Err(format!(
                "there is no terminal to ask at, and these are missing: {}; give them as flags, or in a file with --answers",
                missing.join(", ")
            )
            .into());
        }
        let token = match (typed, all.token_file) {
            (Some(typed), _) => Token::Typed(typed),
            (None, file) => Token::File(file.unwrap_or_default()),
        };
        let cloud = all.cloud.unwrap_or_default();
        let certificate = match (all.certificate, all.key) {
            (Some(certificate), Some(key)) => Certificate::Files { certificate, key },
            _ if all.acme_agree_terms => Certificate::Acme,
            _ => Certificate::SelfSigned,
        };
        Ok(Self {
            cloud: cloud
                .parse()
                .map_err(|_| format!("there is no cloud `{cloud}`; `fogbell clouds` lists them"))?,
            org: all.org.unwrap_or_default(),
            org_id: all.org_id,
            token,
            api_host: all.api_host,
            api_ca: all.api_ca,
            public: public(&all.public_url.unwrap_or_default())?,
            listen: all.listen,
            admin: all.admin,
            networks: all.network,
            certificate,
            sinks: all.sink.iter().map(|text| text.parse::<Sink>()).collect::<Result<_, _>>()?,
            create_webhook: all.create_webhook,
            state: all.state,
            keep: all.secrets.as_deref().map(str::parse).transpose()?,
            recovery_key_to: all.recovery_key_to,
        })
    }

    /// The API token.
    pub(super) fn token(&self) -> Result<(ApiToken, zeroize::Zeroizing<Vec<u8>>), Cause> {
        let bytes = match &self.token {
            Token::Typed(bytes) => bytes.clone(),
            Token::File(path) => pki::read_private(path)?,
        };
        let text = str::from_utf8(&bytes).map_err(|_| "the API token is no text")?.trim().to_owned();
        Ok((ApiToken::new(text.clone())?, text.into_bytes().into()))
    }
}

impl Given {
    /// What is said here, else what `other` says.
    fn or(self, other: Self) -> Self {
        let several = |mine: Vec<String>, theirs: Vec<String>| if mine.is_empty() { theirs } else { mine };
        Self {
            cloud: self.cloud.or(other.cloud),
            org: self.org.or(other.org),
            org_id: self.org_id.or(other.org_id),
            token_file: self.token_file.or(other.token_file),
            api_host: self.api_host.or(other.api_host),
            api_ca: self.api_ca.or(other.api_ca),
            public_url: self.public_url.or(other.public_url),
            listen: self.listen.or(other.listen),
            admin: self.admin.or(other.admin),
            network: several(self.network, other.network),
            certificate: self.certificate.or(other.certificate),
            key: self.key.or(other.key),
            self_signed: self.self_signed || other.self_signed,
            acme_agree_terms: self.acme_agree_terms || other.acme_agree_terms,
            sink: several(self.sink, other.sink),
            create_webhook: self.create_webhook || other.create_webhook,
            state: self.state.or(other.state),
            secrets: self.secrets.or(other.secrets),
            recovery_key_to: self.recovery_key_to.or(other.recovery_key_to),
        }
    }

    const fn has_certificate(&self) -> bool {
        self.self_signed || self.acme_agree_terms || (self.certificate.is_some() && self.key.is_some())
    }

    /// The flags that nothing answers.
    fn missing(&self, token: bool) -> Vec<&'static str> {
        let needed = [
            (self.cloud.is_some(), "--cloud"),
            (self.org.is_some(), "--org"),
            (token || self.token_file.is_some(), "--token-file"),
            (self.public_url.is_some(), "--public-url"),
            (self.has_certificate(), "--certificate and --key, --acme-agree-terms or --self-signed"),
            (!self.sink.is_empty(), "--sink"),
        ];
        needed.into_iter().filter(|(there, _)| !there).map(|(_, flag)| flag).collect()
    }

    /// Asks for what is missing; the token that was typed.
    fn ask(&mut self, terminal: &Terminal) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Box<dyn Error>> {
        if self.missing(false).is_empty() {
            return Ok(None);
        }
        let text = |question: &str| terminal.ask(question).map(Some);
        if self.cloud.is_none() {
            self.cloud = text("1/7 Cloud of Mist, as global-01 (`fogbell clouds` lists them): ")?;
        }
        if self.org.is_none() {
            self.org = text("1/7 Name of the organisation in alerts: ")?;
        }
        let typed = match self.token_file {
            Some(_) => None,
            None => Some(terminal.ask_hidden("2/7 API token (not shown): ")?),
        };
        if self.public_url.is_none() {
            self.public_url =
                text("3/7 URL that Mist posts to, as https://mist-relay.example.net/v1/mist: ")?;
        }
        if !self.has_certificate() {
            let answer = terminal.ask("4/7 Certificate: PEM file of the chain, `acme` or `self-signed`: ")?;
            match answer.as_str() {
                "self-signed" => self.self_signed = true,
                "acme" => self.acme_agree_terms = terminal.confirm("Agree to the terms of Let's Encrypt?")?,
                file => {
                    self.certificate = Some(file.into());
                    self.key = Some(terminal.ask("4/7 PEM file of its key: ")?.into());
                }
            }
        }
        while self.sink.is_empty() || !self.sink.last().is_some_and(String::is_empty) {
            let more = terminal.ask("5/7 Sink, as siem=tls://192.0.2.60:6514 or noc=inform://fogbell@192.0.2.50:162 (empty: no more): ")?;
            if more.is_empty() && self.sink.is_empty() {
                continue;
            }
            if !more.is_empty() {
                more.parse::<Sink>()?;
            }
            self.sink.push(more);
        }
        self.sink.pop();
        if self.secrets.is_none() {
            let keep = terminal.ask(
                "6/7 Keep secrets in `files`, or in a vault opened by `credential` or by a key file with this path \
                 (empty: as it is, else files): ",
            )?;
            keep.parse::<Keep>()?;
            self.secrets = Some(keep).filter(|keep| !keep.is_empty());
        }
        if !self.create_webhook {
            self.create_webhook = terminal.confirm("7/7 Make or mend the webhook in Mist too?")?;
        }
        Ok(typed)
    }
}

/// Authority and path of the URL that Mist posts to.
fn public(url: &str) -> Result<(String, String), String> {
    let wrong =
        || format!("`{url}` is no URL that Mist can post to, as https://mist-relay.example.net/v1/mist");
    let rest = url.strip_prefix("https://").ok_or_else(wrong)?;
    let (authority, path) = rest.find('/').map_or((rest, "/v1/mist"), |slash| rest.split_at(slash));
    if authority.is_empty() || path.len() < 2 {
        return Err(wrong());
    }
    Ok((authority.to_owned(), path.to_owned()))
}
