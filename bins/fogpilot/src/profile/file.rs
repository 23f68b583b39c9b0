//! Profiles, as they are in `profiles.toml`: nothing of them is secret.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ids::{Cloud, OrgId};
use sco::certificate::{Certificate, CertificateFingerprint};
use sco::token::Anchor;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};

/// All profiles.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    version: u32,
    #[serde(default)]
    profile: BTreeMap<ProfileName, Profile>,
}

/// One profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The cloud, where it is a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cloud: Option<Cloud>,
    /// The host of the API, where the cloud is of no known name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_host: Option<String>,
    /// A file with the authorities that may vouch for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_ca: Option<PathBuf>,
    /// The organisation.
    pub(crate) org: OrgId,
    /// Its name when the profile was made.
    pub(crate) org_name: String,
    /// The conductor.
    pub(crate) conductor: ConductorProfile,
    /// The authority of Secure Conductor Onboarding; none when nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sco_ca: Option<ScoCa>,
    /// The conductor's command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ssh: Option<Ssh>,
}

/// A conductor.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConductorProfile {
    /// Its web server.
    pub(crate) host: String,
    /// The account.
    pub(crate) user: String,
    /// The SHA-256 of the key of the web server's certificate.
    pub(crate) pin: String,
    /// The address of every node, for the ports that routers use.
    pub(crate) nodes: Vec<String>,
}

/// The authority of Secure Conductor Onboarding.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoCa {
    /// Its certificate in PEM, where the file was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
    /// What identifies its certificate.
    pub(crate) sha256: CertificateFingerprint,
}

/// How the command line is reached.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssh {
    /// A host of the configuration of `ssh`, or `user@host`.
    pub(crate) destination: String,
    /// That configuration, in place of the user's own (`-F`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<PathBuf>,
    /// The hosts on the way, with commas between (`-J`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jump: Option<String>,
}

impl Profiles {
    /// Those of the file at `path`; none when there is no file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::usage(format!("`{}` cannot be read: {what}", path.display()));
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { version: FILE_VERSION, ..Self::default() });
            }
            text => text.map_err(|error| wrong(error.to_string()))?,
        };
        let profiles: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if profiles.version != FILE_VERSION {
            return Err(wrong(format!(
                "it is of version {}, and this program reads {FILE_VERSION}",
                profiles.version
            )));
        }
        Ok(profiles)
    }

    /// Writes them to the file at `path`.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        Ok(pki::write_durably(path, toml::to_string(self)?.as_bytes(), 0o600)?)
    }

    /// The one of this name; without a name the only one there is.
    pub(crate) fn find(&self, name: Option<&ProfileName>) -> Result<(&ProfileName, &Profile), Failure> {
        let names = || self.profile.keys().map(ProfileName::to_string).collect::<Vec<_>>().join(", ");
        match name {
            _ if self.profile.is_empty() => {
                Err(Failure::usage("there is no profile; `fogpilot profile add` makes one"))
            }
            Some(name) => self.profile.get_key_value(name).ok_or_else(|| {
                Failure::usage(format!("there is no profile `{name}`; there are {}", names()))
            }),
            None if self.profile.len() == 1 => Ok(self.profile.iter().next().expect("it is one")),
            None => Err(Failure::usage(format!(
                "there are several profiles; give --profile with one of {}",
                names()
            ))),
        }
    }

    /// Each, by its name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ProfileName, &Profile)> {
        self.profile.iter()
    }

    /// Puts one in, in place of the one of its name.
    pub(crate) fn put(&mut self, name: ProfileName, profile: Profile) {
        self.profile.insert(name, profile);
    }
}

impl Profile {
    /// Where Mist is.
    pub(crate) fn mist(&self) -> String {
        match (self.cloud, &self.api_host) {
            (_, Some(host)) => host.clone(),
            (Some(cloud), None) => cloud.to_string(),
            (None, None) => String::new(),
        }
    }

    /// The host of Mist's API.
    pub(crate) fn mist_host(&self) -> Result<mist::Host, Failure> {
        mist_host(self.cloud, self.api_host.as_deref())
    }

    /// The authority of Secure Conductor Onboarding.
    pub(crate) fn anchor(&self) -> Result<Option<Anchor>, Failure> {
        let Some(ca) = &self.sco_ca else { return Ok(None) };
        let Some(pem) = &ca.certificate else { return Ok(Some(Anchor::Pin(ca.sha256))) };
        let certificate = Certificate::parse_all(pem.as_bytes())?.pop();
        match certificate.filter(|certificate| certificate.fingerprint() == ca.sha256) {
            Some(certificate) => Ok(Some(Anchor::Certificate(certificate))),
            None => Err(Failure::usage(
                "the SCO CA of the profile is another than its SHA-256 says; `profile add --replace` mends it",
            )),
        }
    }
}

/// The host of the API of a cloud, or the one of another.
pub(crate) fn mist_host(cloud: Option<Cloud>, api_host: Option<&str>) -> Result<mist::Host, Failure> {
    match (api_host, cloud) {
        (Some(host), _) => host.parse().map_err(|error| Failure::of(Exit::Usage, error)),
        (None, Some(cloud)) => Ok(cloud.into()),
        (None, None) => Err(Failure::usage("nothing says where Mist is; give --cloud or --api-host")),
    }
}

impl fmt::Display for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ssh {}", self.destination)?;
        if let Some(config) = &self.config {
            write!(f, " -F {}", config.display())?;
        }
        self.jump.iter().try_for_each(|jump| write!(f, " -J {jump}"))
    }
}

/// The name of a profile: letters, digits, `-` and `_`, at most 32, a letter or digit first.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let good = text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
        if good && (1..=32).contains(&text.len()) && text.as_bytes()[0].is_ascii_alphanumeric() {
            return Ok(Self(text.to_owned()));
        }
        Err("the name of a profile has 1 to 32 letters, digits, - and _, a letter or digit first".to_owned())
    }
}

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

const FILE_VERSION: u32 = 1;
