//! `[[snmp]]` and `[[syslog]]`: the receivers.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use snmp::{AuthProtocol, Delivery, PrivacyProtocol};
use syslog::{AppName, Facility, MaxBytes};

use super::{SecretHome, schema};

/// The name of a sink; its place in the journal is kept under it, whatever else changes.
///
/// Shape: 1 to 64 of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SinkName(Box<str>);

impl SinkName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SinkName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 64 || !text.chars().all(allowed) {
            return Err(format!("`{text}` cannot name a sink; use 1 to 64 letters, digits, `-`, `_` or `.`"));
        }
        Ok(Self(text.into()))
    }
}

impl Serialize for SinkName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SinkName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Where a sink that the journal does not know yet begins.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With what is stored from now on.
    #[default]
    Now,
    /// With the oldest alert that is kept.
    Oldest,
}

/// What a sink is told of what is in a maintenance window.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InMaintenance {
    /// Nothing; at the end of the window what is still there.
    Muted,
    /// Everything at once.
    Exempt,
}

/// What names a device.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    /// Its name.
    #[default]
    Name,
    /// Its address; its name while that is not known.
    Ip,
    /// Its MAC as twelve digits, `5c5b351e13b5`; its name while that is not known.
    Mac,
    /// Its MAC with colons, `5c:5b:35:1e:13:b5`; its name while that is not known.
    MacColons,
}

/// `[[snmp]]`: a receiver of traps or informs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snmp {
    /// Name of the sink.
    #[schemars(with = "schema::Name")]
    pub name: SinkName,
    /// Host and port, `nms.example.net:162`.
    pub address: String,
    /// The version of SNMP that it speaks.
    pub version: SnmpVersion,
    /// The community of version 2c.
    #[serde(default)]
    pub community: Option<SecretHome>,
    /// The user of version 3.
    #[serde(default)]
    pub user: Option<String>,
    /// How the user proves itself.
    #[serde(default)]
    pub auth: Option<Auth>,
    /// How what is sent is encrypted.
    #[serde(default)]
    pub privacy: Option<Privacy>,
    /// Weakens: version 3 without `auth` and `privacy`. Everybody on the way can read what is sent, and anybody
    /// can send in the user's name.
    #[serde(default)]
    pub danger_without_auth: bool,
    /// Weakens: version 3 without `privacy`. Everybody on the way can read what is sent.
    #[serde(default)]
    pub danger_without_privacy: bool,
    /// `"inform"`, which the receiver acknowledges, or `"trap"`, which it does not.
    #[serde(default = "default_delivery")]
    #[schemars(with = "schema::Words<Delivery>")]
    pub notification: Delivery,
    /// Most traps per second; 0 for no limit.
    #[serde(default = "default_rate")]
    pub rate: u32,
    /// Traps that may be sent at once after a rest.
    #[serde(default = "default_burst")]
    pub burst: u32,
    /// Longest datagram in bytes. 1472 fits an Ethernet frame.
    #[serde(default = "default_datagram")]
    #[schemars(range(min = snmp::Limits::MIN_BYTES, max = snmp::Limits::MAX_BYTES))]
    pub max_bytes: usize,
    /// Fold everything to ASCII, for receivers that show other text as numbers.
    #[serde(default)]
    pub ascii: bool,
    /// Local address to send from.
    #[serde(default)]
    pub bind: Option<IpAddr>,
    /// Where a new sink begins.
    #[serde(default)]
    pub start: Start,
    /// `"muted"`: told nothing of what is in a maintenance window, and at its end what is still there;
    /// `"exempt"`: told everything at once.
    #[serde(default = "default_muted")]
    pub maintenance: InMaintenance,
    /// Seconds after which a problem that is still there is told again, for receivers that forget. Default:
    /// never.
    #[serde(default)]
    #[schemars(range(min = MIN_REPEAT))]
    pub repeat_while_active_secs: Option<u64>,
    /// Seconds between two heartbeats to this sink; 0 for none.
    #[serde(default = "default_heartbeat")]
    pub heartbeat_secs: u64,
    /// What names the device to this receiver, in place of the device's name.
    #[serde(default)]
    pub node: Node,
    /// Domain that is put behind a device's name without a dot, `.example.net`.
    #[serde(default)]
    pub node_suffix: Option<String>,
    /// Template of the summary, in place of the alert's; its variables are the fields of the alert.
    #[serde(default)]
    pub summary: Option<String>,
}

/// The version of SNMP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
pub enum SnmpVersion {
    /// Version 2c: a community and nothing else.
    #[serde(rename = "2c")]
    V2c,
    /// Version 3 with users.
    #[serde(rename = "3")]
    V3,
}

/// How a user of SNMPv3 proves itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The hash.
    #[schemars(with = "schema::Words<AuthProtocol>")]
    pub protocol: AuthProtocol,
    /// The passphrase.
    pub secret: SecretHome,
}

/// How SNMPv3 encrypts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// The cipher.
    #[schemars(with = "schema::Words<PrivacyProtocol>")]
    pub protocol: PrivacyProtocol,
    /// The passphrase.
    pub secret: SecretHome,
}

/// `[[syslog]]`: a receiver of syslog.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Name of the sink.
    #[schemars(with = "schema::Name")]
    pub name: SinkName,
    /// Host and port, `siem.example.net:6514`.
    pub address: String,
    /// How syslog travels to it.
    pub transport: Transport,
    /// The format of a line.
    #[serde(default)]
    pub format: SyslogFormat,
    /// How lines are told apart on a stream.
    #[serde(default)]
    pub framing: SyslogFraming,
    /// The facility of every line.
    #[serde(default)]
    #[schemars(with = "schema::FacilityName")]
    pub facility: Facility,
    /// The application name of every line.
    #[serde(default)]
    #[schemars(with = "schema::HeaderName")]
    pub app_name: AppName,
    /// Longest line in bytes. Default: 1024 for `"rfc3164"`, else 2048 for UDP and 8192 for TCP and TLS.
    #[serde(default)]
    #[schemars(with = "Option<usize>", range(min = MaxBytes::LEAST.bytes()))]
    pub max_bytes: Option<MaxBytes>,
    /// What TLS needs besides the system's certificate authorities.
    #[serde(default)]
    pub tls: SyslogTls,
    /// Seconds a connection must stay healthy behind a line before the line counts as delivered.
    #[serde(default = "default_settle")]
    pub settle_secs: u64,
    /// Local address to send from.
    #[serde(default)]
    pub bind: Option<IpAddr>,
    /// Where a new sink begins.
    #[serde(default)]
    pub start: Start,
    /// `"muted"`: told nothing of what is in a maintenance window, and at its end what is still there;
    /// `"exempt"`: told everything at once.
    #[serde(default = "default_exempt")]
    pub maintenance: InMaintenance,
    /// Seconds after which a problem that is still there is told again, for receivers that forget. Default:
    /// never.
    #[serde(default)]
    #[schemars(range(min = MIN_REPEAT))]
    pub repeat_while_active_secs: Option<u64>,
    /// Seconds between two heartbeats to this sink; 0 for none.
    #[serde(default = "default_heartbeat")]
    pub heartbeat_secs: u64,
    /// What names the device to this receiver, in place of the device's name.
    #[serde(default)]
    pub node: Node,
    /// Domain that is put behind a device's name without a dot, `.example.net`.
    #[serde(default)]
    pub node_suffix: Option<String>,
    /// Template of the message, in place of the alert's summary; its variables are the fields of the alert.
    #[serde(default)]
    pub message: Option<String>,
}

/// How syslog travels.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// One line per datagram (RFC 5426).
    Udp,
    /// A stream (RFC 6587).
    Tcp,
    /// A stream over TLS (RFC 5425).
    Tls,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogFormat {
    /// RFC 5424 with structured data.
    #[default]
    Rfc5424,
    /// RFC 3164 with `name="value"` pairs.
    Rfc3164,
    /// An object of JSON behind a header of RFC 5424.
    Json,
    /// ArcSight's Common Event Format behind a header of RFC 3164.
    Cef,
}

/// How lines are told apart on a stream.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogFraming {
    /// Each line is preceded by its length (RFC 6587 3.4.1).
    #[default]
    OctetCounted,
    /// Each line is followed by a line feed (RFC 6587 3.4.2).
    Newline,
}

/// `tls` of `[[syslog]]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyslogTls {
    /// PEM file with the authorities that may vouch for the receiver. Default: those of the system.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The name the receiver's certificate must have. Default: the host of `address`.
    #[serde(default)]
    pub server_name: Option<String>,
    /// PEM file with the relay's own certificate chain, when the receiver asks for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The key of that certificate.
    #[serde(default)]
    pub key: Option<SecretHome>,
}

const fn default_rate() -> u32 {
    200
}

const fn default_burst() -> u32 {
    1000
}

const fn default_datagram() -> usize {
    snmp::Limits::DEFAULT_BYTES
}

const fn default_delivery() -> Delivery {
    Delivery::Inform
}

const fn default_settle() -> u64 {
    2
}

const fn default_heartbeat() -> u64 {
    300
}

const fn default_muted() -> InMaintenance {
    InMaintenance::Muted
}

const fn default_exempt() -> InMaintenance {
    InMaintenance::Exempt
}

/// The shortest time after which a problem may be told again.
pub(crate) const MIN_REPEAT: u64 = 60;
