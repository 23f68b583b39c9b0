//! A receiver of syslog.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, ServerName};
use snmp::Limits;
use syslog::{Cef, Format, Framing, Json, MaxBytes, Rfc3164, Rfc5424};

use super::{Checks, Kind, ReadSecret, Sink};
use crate::Error;
use crate::config::{Config, SecretHome, Syslog, SyslogFormat, SyslogFraming, Transport};
use crate::sink::Receiver;
use crate::tls::{self, Identity};

/// The syslog sink at `index` of `config`.
pub(crate) fn syslog_sink(config: &Config, index: usize, read_secret: ReadSecret<'_>) -> Result<Sink, Error> {
    Checks { config, read_secret }.syslog(&format!("syslog[{index}]"), &config.syslog[index])
}

impl Checks<'_> {
    pub(super) fn syslog(&self, keys: &str, syslog: &Syslog) -> Result<Sink, Error> {
        let host = self.address(keys, &syslog.address)?;
        let view = self.view(
            keys,
            syslog.repeat_while_active_secs,
            (syslog.node, syslog.node_suffix.as_deref()),
            ("message", syslog.message.as_deref()),
        )?;
        let default = match (syslog.format, syslog.transport) {
            (SyslogFormat::Rfc3164, _) => MaxBytes::PACKET,
            (_, Transport::Udp) => MaxBytes::DATAGRAM,
            (_, Transport::Tcp | Transport::Tls) => MaxBytes::STREAM,
        };
        let max_bytes = syslog.max_bytes.unwrap_or(default);
        if syslog.transport == Transport::Udp && max_bytes.bytes() > Limits::MAX_BYTES {
            let what = format!("a datagram has at most {} bytes", Limits::MAX_BYTES);
            return Err(self.wrong(&format!("{keys}.max_bytes"), &what, None));
        }
        let (facility, app_name) = (syslog.facility, syslog.app_name.clone());
        let format = match syslog.format {
            SyslogFormat::Rfc5424 => {
                Format::Rfc5424(Rfc5424 { facility, app_name, enterprise: self.config.enterprise, max_bytes })
            }
            SyslogFormat::Rfc3164 => Format::Rfc3164(Rfc3164 { facility, app_name, max_bytes }),
            SyslogFormat::Json => Format::Json(Json { facility, app_name, max_bytes }),
            SyslogFormat::Cef => Format::Cef(Cef { facility, app_name, max_bytes }),
        };
        let tls = &syslog.tls;
        let set =
            tls.ca.is_some() || tls.server_name.is_some() || tls.certificate.is_some() || tls.key.is_some();
        if syslog.transport != Transport::Tls && set {
            return Err(self.wrong(
                &format!("{keys}.tls"),
                "this means something only with transport \"tls\"",
                None,
            ));
        }
        let kind = match syslog.transport {
            Transport::Udp => Kind::Datagrams { format },
            _ if syslog.settle_secs >= self.config.journal.sink_max_age_secs => {
                let what =
                    "journal.sink_max_age_secs must be longer, or what is still settling would be given up";
                return Err(self.wrong(&format!("{keys}.settle_secs"), what, None));
            }
            transport => Kind::Stream {
                format,
                framing: match syslog.framing {
                    SyslogFraming::OctetCounted => Framing::OctetCounted,
                    SyslogFraming::Newline => Framing::Newline,
                },
                settle: Duration::from_secs(syslog.settle_secs),
                tls: match transport {
                    Transport::Tls => Some(self.syslog_tls(keys, syslog, &host)?),
                    _ => None,
                },
            },
        };
        Ok(Sink {
            name: syslog.name.to_string(),
            receiver: Receiver { address: syslog.address.clone(), bind: syslog.bind },
            start: syslog.start,
            heartbeat: Sink::heartbeat(syslog.heartbeat_secs),
            view,
            kind,
        })
    }

    fn syslog_tls(
        &self,
        keys: &str,
        syslog: &Syslog,
        host: &str,
    ) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>), Error> {
        let tls = &syslog.tls;
        let name = tls.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| self.wrong(&format!("{keys}.tls.server_name"), &error.to_string(), None))?;
        let identity = match (&tls.certificate, &tls.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some(self.identity(&format!("{keys}.tls"), certificate, key)?)
            }
            _ => {
                let what = "a client certificate needs both `certificate` and `key`";
                return Err(self.wrong(&format!("{keys}.tls"), what, None));
            }
        };
        let config = tls::client(tls.ca.as_deref(), identity).map_err(|source| {
            let what = "TLS towards this receiver cannot be set up with these files";
            self.wrong(&format!("{keys}.tls.ca"), what, Some(source))
        })?;
        Ok((Arc::new(config), name))
    }

    fn identity(&self, keys: &str, certificate: &Path, key: &SecretHome) -> Result<Identity, Error> {
        let chain = tls::certificates(certificate).map_err(|source| {
            let what = format!("`{}` is not a PEM certificate", certificate.display());
            self.wrong(&format!("{keys}.certificate"), &what, Some(source))
        })?;
        let keys = format!("{keys}.key.{}", key.key());
        let pem = self.secret(&keys, key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|source| self.wrong(&keys, "this is not a PEM private key", Some(source.into())))?;
        Ok(Identity { chain, key })
    }
}
