//! A receiver of traps or informs.

use snmp::{Community, Credentials, Limits, Mib, Passphrase, Security, UserName};

use super::{Checks, Kind, ReadSecret, Sink};
use crate::Error;
use crate::config::{Config, SecretHome, Snmp, SnmpVersion};
use crate::sink::Receiver;

/// The credentials of an SNMP sink, read from their homes.
///
/// # Errors
///
/// [`Error::Config`] names the place and what is wrong.
pub fn snmp_credentials(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<Credentials, Error> {
    let checks = Checks { config, read_secret };
    checks.credentials(&format!("snmp[{index}]"), &config.snmp[index])
}

/// One SNMP sink, checked, and what its notifications are named by.
///
/// # Errors
///
/// [`Error::Config`] names the place and what is wrong.
pub(crate) fn snmp_sink(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<(Sink, Mib), Error> {
    let checks = Checks { config, read_secret };
    Ok((checks.snmp(&format!("snmp[{index}]"), &config.snmp[index])?, checks.mib()?))
}

impl Checks<'_> {
    pub(super) fn snmp(&self, keys: &str, snmp: &Snmp) -> Result<Sink, Error> {
        self.address(keys, &snmp.address)?;
        let view = self.view(
            keys,
            snmp.repeat_while_active_secs,
            (snmp.node, snmp.node_suffix.as_deref()),
            ("summary", snmp.summary.as_deref()),
        )?;
        if !(Limits::MIN_BYTES..=Limits::MAX_BYTES).contains(&snmp.max_bytes) {
            let what = format!("a datagram has {} to {} bytes", Limits::MIN_BYTES, Limits::MAX_BYTES);
            return Err(self.wrong(&format!("{keys}.max_bytes"), &what, None));
        }
        let credentials = self.credentials(keys, snmp)?;
        let limits =
            Limits { max_bytes: snmp.max_bytes, header_bytes: credentials.header_bytes(), ascii: snmp.ascii };
        Ok(Sink {
            name: snmp.name.to_string(),
            receiver: Receiver { address: snmp.address.clone(), bind: snmp.bind },
            start: snmp.start,
            heartbeat: Sink::heartbeat(snmp.heartbeat_secs),
            view,
            kind: Kind::Notifications {
                credentials,
                delivery: snmp.notification,
                limits,
                rate: snmp.rate,
                burst: snmp.burst,
            },
        })
    }

    fn credentials(&self, keys: &str, snmp: &Snmp) -> Result<Credentials, Error> {
        let unused = |key: &str, set: bool, version: &str| {
            let what = format!("`{key}` means nothing with version \"{version}\"; remove it");
            if set { Err(self.wrong(&format!("{keys}.{key}"), &what, None)) } else { Ok(()) }
        };
        let missing = |key: &str, version: &str| {
            self.wrong(keys, &format!("version \"{version}\" needs `{key}`"), None)
        };
        match snmp.version {
            SnmpVersion::V2c => {
                unused("user", snmp.user.is_some(), "2c")?;
                unused("auth", snmp.auth.is_some(), "2c")?;
                unused("privacy", snmp.privacy.is_some(), "2c")?;
                unused("danger_without_auth", snmp.danger_without_auth, "2c")?;
                unused("danger_without_privacy", snmp.danger_without_privacy, "2c")?;
                let home = snmp.community.as_ref().ok_or_else(|| missing("community", "2c"))?;
                let keys = format!("{keys}.community.{}", home.key());
                let community = Community::new(&self.text(&keys, home)?)
                    .map_err(|error| self.wrong(&keys, &error.to_string(), None))?;
                Ok(Credentials::V2c { community })
            }
            SnmpVersion::V3 => {
                unused("community", snmp.community.is_some(), "3")?;
                let user = snmp.user.as_ref().ok_or_else(|| missing("user", "3"))?;
                let user = UserName::new(user)
                    .map_err(|error| self.wrong(&format!("{keys}.user"), &error.to_string(), None))?;
                Ok(Credentials::V3 { user, security: self.security(keys, snmp)? })
            }
        }
    }

    /// How packets of version 3 are protected. Whatever is left out must be said to be left out.
    fn security(&self, keys: &str, snmp: &Snmp) -> Result<Security, Error> {
        let contradicts = |key: &str, other: &str| {
            let what = format!("`{key}` and `{other}` contradict each other; remove one");
            self.wrong(&format!("{keys}.{key}"), &what, None)
        };
        if snmp.danger_without_auth {
            return match () {
                () if snmp.auth.is_some() => Err(contradicts("danger_without_auth", "auth")),
                // encryption needs a user that proves itself
                () if snmp.privacy.is_some() => Err(contradicts("danger_without_auth", "privacy")),
                () if snmp.danger_without_privacy => {
                    let what = "`danger_without_auth` leaves out `privacy` too; remove this";
                    Err(self.wrong(&format!("{keys}.danger_without_privacy"), what, None))
                }
                () => Ok(Security::DangerNoAuthNoPriv),
            };
        }
        let Some(auth) = &snmp.auth else {
            let what = "version \"3\" needs `auth`; without it anybody can send in the user's name: if that is \
                        wanted, `danger_without_auth = true` says so";
            return Err(self.wrong(keys, what, None));
        };
        let auth = || -> Result<_, Error> {
            Ok((auth.protocol, self.passphrase(&format!("{keys}.auth"), &auth.secret)?))
        };
        match &snmp.privacy {
            Some(_) if snmp.danger_without_privacy => Err(contradicts("danger_without_privacy", "privacy")),
            Some(privacy) => Ok(Security::AuthPriv {
                auth: auth()?,
                privacy: (privacy.protocol, self.passphrase(&format!("{keys}.privacy"), &privacy.secret)?),
            }),
            None if snmp.danger_without_privacy => Ok(Security::DangerAuthNoPriv { auth: auth()? }),
            None => {
                let what = "version \"3\" needs `privacy`; without it everybody on the way can read what is \
                            sent: if that is wanted, `danger_without_privacy = true` says so";
                Err(self.wrong(keys, what, None))
            }
        }
    }

    fn passphrase(&self, keys: &str, home: &SecretHome) -> Result<Passphrase, Error> {
        let keys = format!("{keys}.secret.{}", home.key());
        Passphrase::new(&self.text(&keys, home)?).map_err(|error| self.wrong(&keys, &error.to_string(), None))
    }
}
