//! The relay's configuration for a story.

use std::collections::BTreeMap;
use std::path::Path;

/// A `fogbell.toml` in the making. It listens on loopback, trusts everybody there, and knows one organisation with
/// one webhook secret; sinks are added.
#[derive(Clone, Debug)]
pub struct Config {
    /// Values of the top level and of plain sections, as TOML: section, key, value.
    values: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// Whole `[[…]]` tables, in order.
    tables: Vec<String>,
    /// Files in `secrets/`: name and value.
    secrets: Vec<(String, String)>,
}

/// Which kind of notification an SNMP sink sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notification {
    /// Unacknowledged.
    Trap,
    /// Acknowledged.
    Inform,
}

/// A user of SNMPv3 with SHA-256 and AES-128.
#[derive(Clone, Debug)]
pub struct V3 {
    /// The user's name.
    pub user: String,
    /// The authentication passphrase.
    pub auth: String,
    /// The privacy passphrase.
    pub privacy: String,
}

/// What a TLS sink of syslog trusts and shows.
#[derive(Clone, Debug)]
pub struct TlsTrust<'a> {
    /// PEM file of the receiver's CA.
    pub ca: &'a Path,
    /// Name that the receiver's certificate must be good for.
    pub server_name: &'a str,
    /// PEM files of a client certificate and its key.
    pub client: Option<(&'a Path, &'a Path)>,
}

impl Default for Config {
    fn default() -> Self {
        let this = Self { values: BTreeMap::new(), tables: Vec::new(), secrets: Vec::new() };
        let mut this = this.set("gate", "networks", "[\"127.0.0.0/8\"]");
        this.secrets.push(("webhook".to_owned(), Self::SECRET.to_owned()));
        this.tables.push(
            "[[org]]\nname = \"acme\"\ncloud = \"global-01\"\nsecrets = [{ file = \"SECRETS/webhook\" }]\n"
                .to_owned(),
        );
        this
    }
}

impl Config {
    /// The webhook secret of the one organisation.
    pub const SECRET: &'static str = "correct horse battery staple";

    /// Where the one organisation's webhooks go.
    pub const PATH: &'static str = "/v1/mist";

    /// A configuration without sinks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key` in `section` (empty: the top level) to a value written as TOML.
    #[must_use]
    pub fn set(mut self, section: &'static str, key: &str, value: &str) -> Self {
        self.values.entry(section).or_default().insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a table as TOML, from `[[…]]` on. `SECRETS` in it stands for the folder of the secrets.
    #[must_use]
    pub fn table(mut self, text: &str) -> Self {
        self.tables.push(text.to_owned());
        self
    }

    /// Puts a `[[org]]` written as TOML in the place of the one organisation. `SECRETS` in it stands for the folder
    /// of the secrets.
    #[must_use]
    pub fn org(mut self, text: &str) -> Self {
        text.clone_into(&mut self.tables[0]);
        self
    }

    /// Adds the file `secrets/NAME`, which only its owner may read.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds keys of its one organisation, as TOML.
    #[must_use]
    pub fn of_org(mut self, text: &str) -> Self {
        self.tables[0] += text;
        self
    }

    /// The same with an API for its one organisation, at `host` with the certificates of `ca`.
    #[must_use]
    pub fn api(mut self, host: &str, org_id: &str, token: &str, ca: &Path) -> Self {
        self.tables[0] += &format!(
            "api = {{ host = {}, org_id = \"{org_id}\", token = {{ file = \"SECRETS/token\" }}, ca = {} }}\n",
            quoted(host),
            path(ca)
        );
        self.secret("token", token)
    }

    /// Adds a sink of SNMP v2c.
    #[must_use]
    pub fn v2c(self, name: &str, address: &str, community: &str, notification: Notification) -> Self {
        let (sink, kind) = (quoted(name), notification.word());
        self.secret(&format!("{name}.community"), community).table(&format!(
            "[[snmp]]\nname = {sink}\naddress = \"{address}\"\nversion = \"2c\"\nnotification = \"{kind}\"\n\
             community = {{ file = \"SECRETS/{name}.community\" }}\n"
        ))
    }

    /// Adds a sink of SNMP v3 with authentication and privacy.
    #[must_use]
    pub fn v3(self, name: &str, address: &str, v3: &V3, notification: Notification) -> Self {
        let (sink, user, kind) = (quoted(name), quoted(&v3.user), notification.word());
        self.secret(&format!("{name}.auth"), &v3.auth).secret(&format!("{name}.privacy"), &v3.privacy).table(&format!(
            "[[snmp]]\nname = {sink}\naddress = \"{address}\"\nversion = \"3\"\nnotification = \"{kind}\"\nuser = {user}\n\
             auth = {{ protocol = \"sha-256\", secret = {{ file = \"SECRETS/{name}.auth\" }} }}\n\
             privacy = {{ protocol = \"aes-128\", secret = {{ file = \"SECRETS/{name}.privacy\" }} }}\n"
        ))
    }

    /// Adds a sink of syslog over `transport`, `udp` or `tcp`.
    #[must_use]
    pub fn syslog(self, name: &str, address: &str, transport: &str) -> Self {
        let name = quoted(name);
        self.table(&format!(
            "[[syslog]]\nname = {name}\naddress = \"{address}\"\ntransport = \"{transport}\"\nformat = \"rfc5424\"\n"
        ))
    }

    /// Adds a sink of syslog over TLS.
    #[must_use]
    pub fn syslog_tls(self, name: &str, address: &str, trust: &TlsTrust<'_>) -> Self {
        let mut tls = format!("ca = {}, server_name = {}", path(trust.ca), quoted(trust.server_name));
        if let Some((certificate, key)) = trust.client {
            tls += &format!(", certificate = {}, key = {{ file = {} }}", path(certificate), path(key));
        }
        let name = quoted(name);
        self.table(&format!(
            "[[syslog]]\nname = {name}\naddress = \"{address}\"\ntransport = \"tls\"\nformat = \"rfc5424\"\ntls = {{ {tls} }}\n"
        ))
    }

    /// Writes it with its secrets and certificates into `home`, for a subcommand that needs no relay.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, home: &Path) {
        super::write_home(home, self);
    }

    /// Names and values of the secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.secrets.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The file's text for a relay that lives in `home`.
    pub(crate) fn render(&self, home: &Path, port: u16, admin: u16) -> String {
        let mut values = self.values.clone();
        let mut default = |section: &'static str, key: &str, value: String| {
            values.entry(section).or_default().entry(key.to_owned()).or_insert(value);
        };
        default("", "state", path(&home.join("state")));
        default("listen", "address", format!("\"127.0.0.1:{port}\""));
        default("admin", "address", format!("\"127.0.0.1:{admin}\""));
        if !self.values.contains_key("tls") {
            default("tls", "certificate", path(&home.join("certs/server.pem")));
            default("tls", "key", format!("{{ file = {} }}", path(&home.join("certs/server.key"))));
        }
        let secrets = home.join("secrets").display().to_string();
        let mut text = String::new();
        // The empty section sorts first, where the top level must stand.
        for (section, keys) in &values {
            if !section.is_empty() {
                text += &format!("\n[{section}]\n");
            }
            for (key, value) in keys {
                text += &format!("{key} = {}\n", value.replace("SECRETS", &secrets));
            }
        }
        for table in &self.tables {
            text += "\n";
            text += &table.replace("SECRETS", &secrets);
        }
        text
    }
}

impl Notification {
    fn word(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Inform => "inform",
        }
    }
}

/// `text` as a TOML string; JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A path as a TOML string.
fn path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_the_contract_with_the_storys_own_values_in_place() {
        let config = Config::new()
            .set("", "grace_secs", "3")
            .set("listen", "address", "\"127.0.0.1:1\"")
            .v2c("noc", "127.0.0.1:162", "public", Notification::Inform)
            .syslog("siem", "127.0.0.1:514", "tcp");

        let text = config.render(Path::new("/home"), 8443, 9460);

        let expect = r#"grace_secs = 3
state = "/home/state"

[admin]
address = "127.0.0.1:9460"

[gate]
networks = ["127.0.0.0/8"]

[listen]
address = "127.0.0.1:1"

[tls]
certificate = "/home/certs/server.pem"
key = { file = "/home/certs/server.key" }

[[org]]
name = "acme"
cloud = "global-01"
secrets = [{ file = "/home/secrets/webhook" }]

[[snmp]]
name = "noc"
address = "127.0.0.1:162"
version = "2c"
notification = "inform"
community = { file = "/home/secrets/noc.community" }

[[syslog]]
name = "siem"
address = "127.0.0.1:514"
transport = "tcp"
format = "rfc5424"
"#;
        assert_eq!(text, expect);
    }
}
