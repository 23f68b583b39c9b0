//! Asks the receiver of an SNMP sink whether it would take what the relay sends.

use std::time::{Duration, Instant};

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp};
use ids::Timestamp;
use snmp::{Endpoint, Finding, Notification};

use crate::Config;
use crate::error::Cause;
use crate::setup::{self, Kind, ReadSecret};
use crate::sink::stream::Stream;

/// Asks the receiver of the SNMP sink at `index` of `config`, step by step, with a heartbeat that is sent as an
/// inform; see [`snmp::probe`]. It starts nothing and writes nothing, and the relay may be running.
///
/// # Errors
///
/// When the configuration is wrong, the receiver's name cannot be looked up, or no socket can be had. What the receiver says is no error.
pub async fn probe_snmp(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<Vec<Finding>, Cause> {
    let (sink, mib) = setup::snmp_sink(config, index, read_secret)?;
    let Kind::Notifications { credentials, delivery, limits, .. } = sink.kind else {
        return Err("only a sink of SNMP can be probed".into());
    };
    let endpoint = Endpoint {
        address: sink.receiver.look_up().await?,
        bind: sink.receiver.bind.map(|ip| (ip, 0).into()),
        timeout: PATIENCE,
        started: Instant::now(),
    };
    let name = setup::relay_name(config);
    let stamp = Stamp { relay: &name, sequence: 0 };
    let heartbeat = Notification::encode(&heartbeat(sink.name.as_str()), &stamp, &mib, &limits);
    Ok(snmp::probe(&endpoint, &credentials, delivery, &heartbeat).await?)
}

/// Connects to the receiver of the syslog sink at `index` of `config` as for a delivery: it is looked up, and TCP and TLS
/// are tried with the sink's own certificates. Nothing is written; what can be said of it.
///
/// # Errors
///
/// When the configuration is wrong, or the receiver cannot be reached.
pub async fn probe_syslog(
    config: &Config,
    index: usize,
    read_secret: ReadSecret<'_>,
) -> Result<&'static str, Cause> {
    let sink = setup::syslog_sink(config, index, read_secret)?;
    match sink.kind {
        Kind::Stream { format, framing, settle, tls } => {
            let over = if tls.is_some() { "TCP and TLS hold" } else { "it takes connections" };
            let relay = setup::relay_name(config);
            Stream { receiver: sink.receiver, tls, format, framing, settle, relay }.probe().await?;
            Ok(over)
        }
        _ => {
            sink.receiver.look_up().await?;
            Ok("its name is known; whether anybody hears datagrams there cannot be known")
        }
    }
}

/// An alert that becomes an `fbHeartbeat` and says that it is none.
fn heartbeat(sink: &str) -> Alert {
    let now = Timestamp::now();
    let key = AlarmKey::of(&[b"probe", sink.as_bytes()]);
    let id = AlertId::of(&[b"probe", sink.as_bytes(), now.to_string().as_bytes()]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, "heartbeat", now);
    alert.severity = Severity::Info;
    alert.origin = alarm::Origin::Relay;
    alert.category = sink.into();
    alert.summary = format!("heartbeat: an operator tries sink {sink}; nothing is wrong").into();
    alert
}

/// How long each question waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
