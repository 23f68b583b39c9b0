//! The sinks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use snmp::{Credentials, Limits};
use syslog::{Format, Framing};

use super::Checks;
use crate::Error;
use crate::config::{MIN_REPEAT, Node, Start};
use crate::sink::Receiver;
use crate::sink::standing::Means;
use crate::view::View;
use crate::view::template::Template;

/// One sink, checked.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) name: String,
    pub(crate) receiver: Receiver,
    pub(crate) start: Start,
    /// How often it is told that the relay is alive.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) view: View,
    pub(crate) kind: Kind,
}

impl Sink {
    /// The time between two heartbeats; `None` for 0 seconds.
    pub(super) const fn heartbeat(secs: u64) -> Option<Duration> {
        if secs == 0 { None } else { Some(Duration::from_secs(secs)) }
    }

    /// Whether it sends as an SNMPv3 engine.
    pub(crate) const fn needs_engine(&self) -> bool {
        matches!(self.kind, Kind::Notifications { credentials: Credentials::V3 { .. }, .. })
    }

    /// How it sends.
    pub(crate) const fn means(&self) -> Means {
        match &self.kind {
            Kind::Notifications { delivery: snmp::Delivery::Inform, .. } => Means::Inform,
            Kind::Notifications { delivery: snmp::Delivery::Trap, .. } => Means::Trap,
            Kind::Datagrams { .. } => Means::Udp,
            Kind::Stream { tls: None, .. } => Means::Tcp,
            Kind::Stream { tls: Some(_), .. } => Means::Tls,
        }
    }
}

/// What a sink speaks.
pub(crate) enum Kind {
    Notifications {
        credentials: Credentials,
        delivery: snmp::Delivery,
        limits: Limits,
        rate: u32,
        burst: u32,
    },
    Datagrams {
        format: Format,
    },
    Stream {
        format: Format,
        framing: Framing,
        settle: Duration,
        tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    },
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Notifications { .. } => "Notifications",
            Self::Datagrams { .. } => "Datagrams",
            Self::Stream { .. } => "Stream",
        })
    }
}

impl Checks<'_> {
    pub(super) fn sinks(&self) -> Result<Vec<Sink>, Error> {
        let mut names = HashSet::new();
        let mut sinks = Vec::new();
        for (i, snmp) in self.config.snmp.iter().enumerate() {
            let keys = format!("snmp[{i}]");
            self.sink_name(&mut names, &keys, snmp.name.as_str())?;
            sinks.push(self.snmp(&keys, snmp)?);
        }
        for (i, syslog) in self.config.syslog.iter().enumerate() {
            let keys = format!("syslog[{i}]");
            self.sink_name(&mut names, &keys, syslog.name.as_str())?;
            sinks.push(self.syslog(&keys, syslog)?);
        }
        Ok(sinks)
    }

    fn sink_name(&self, names: &mut HashSet<String>, keys: &str, name: &str) -> Result<(), Error> {
        if names.insert(name.to_owned()) {
            return Ok(());
        }
        let what =
            format!("another sink is called `{name}`; its place in the journal is kept under its name");
        Err(self.wrong(&format!("{keys}.name"), &what, None))
    }

    pub(super) fn address(&self, keys: &str, address: &str) -> Result<String, Error> {
        let port = address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        match port {
            Some((host, Ok(1..))) if !host.is_empty() => Ok(host.trim_matches(['[', ']']).to_owned()),
            _ => {
                let what =
                    format!("`{address}` is not host:port, as nms.example.net:162 or [2001:db8::1]:162");
                Err(self.wrong(&format!("{keys}.address"), &what, None))
            }
        }
    }

    /// Checks what every kind of sink may say of repeats, of the device's name and of its text, which is at `key`.
    pub(super) fn view(
        &self,
        keys: &str,
        repeat_secs: Option<u64>,
        (node, suffix): (Node, Option<&str>),
        (key, template): (&str, Option<&str>),
    ) -> Result<View, Error> {
        if repeat_secs.is_some_and(|secs| secs < MIN_REPEAT) {
            let what = format!("a problem is told again after {MIN_REPEAT} seconds at the earliest");
            return Err(self.wrong(&format!("{keys}.repeat_while_active_secs"), &what, None));
        }
        let is_domain = |suffix: &str| {
            let labels = suffix.strip_prefix('.').map(|rest| rest.split('.'));
            let is_label = |label: &str| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            labels.is_some_and(|mut labels| labels.all(is_label))
        };
        if suffix.is_some_and(|suffix| !is_domain(suffix)) {
            let what = "this is no domain to put behind a name; it begins with a dot, as .example.net";
            return Err(self.wrong(&format!("{keys}.node_suffix"), what, None));
        }
        let template = template.map(|source| {
            let keys = format!("{keys}.{key}");
            Template::compile(source).map_err(|fault| self.wrong_in(&keys, fault.offset, &fault.what))
        });
        Ok(View { node, suffix: suffix.map(str::to_owned), template: template.transpose()? })
    }
}
