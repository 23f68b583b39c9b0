//! Asks the receiver of an SNMP sink whether it would take what the relay sends.

use std::time::{Duration, Instant};

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp};
use ids::Timestamp;
use snmp::{Endpoint, Finding, Notification};

use crate::Config;
use crate::error::Cause;
use crate::setup::{self, Kind, ReadSecret};

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

/// An alert that becomes an `fbHeartbeat` and says that it is none.
fn heartbeat(sink: &str) -> Alert {
    let now = Timestamp::now();
    let key = AlarmKey::of(&[b"probe", sink.as_bytes()]);
    let id = AlertId::of(&[b"probe", sink.as_bytes(), now.to_string().as_bytes()]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, "heartbeat", now);
    alert.severity = Severity::Info;
    alert.origin = alarm::Origin::Relay;
    alert.category = sink.to_owned();
    alert.summary = format!("heartbeat: an operator tries sink {sink}; nothing is wrong");
    alert
}

/// How long each question waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
