//! What traps and informs share: the encoder, and the socket that follows the receiver's name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use alarm::Stamp;
use snmp::{Credentials, Endpoint, Engine, Limits, Mib, Notification, Sender};
use tokio::time::Instant;

use super::pump::Pump;
use super::{Failure, LOOK_UP_EVERY, Receiver};
use crate::outbox::Parcel;

/// A receiver of SNMP notifications.
#[derive(Debug)]
pub(crate) struct Notify {
    pub(crate) receiver: Receiver,
    pub(crate) credentials: Credentials,
    pub(crate) engine: Option<Engine>,
    pub(crate) mib: Mib,
    pub(crate) limits: Limits,
    pub(crate) relay: String,
    pub(crate) started: std::time::Instant,
}

impl Notify {
    pub(crate) fn encode(&self, parcel: &Parcel, pump: &Pump) -> Notification {
        let stamp = Stamp { relay: &self.relay, sequence: parcel.position.number() };
        let notification = Notification::encode(&pump.shown(parcel, &stamp), &stamp, &self.mib, &self.limits);
        if notification.truncated {
            pump.metrics.truncated.get_or_create(&pump.label).inc();
        }
        notification
    }
}

/// The sender towards wherever the receiver's name leads now.
#[derive(Debug, Default)]
pub(crate) struct Link {
    sender: Option<(Arc<Sender>, SocketAddr)>,
    looked_up: Option<Instant>,
}

impl Link {
    /// The sender; its host is looked up every minute and after [`forget`](Self::forget).
    pub(crate) async fn sender(&mut self, notify: &Notify) -> Result<Arc<Sender>, Failure> {
        let due = self.looked_up.is_none_or(|at| at.elapsed() >= LOOK_UP_EVERY);
        let known = self.sender.as_ref().map(|(sender, address)| (Arc::clone(sender), *address));
        match known {
            Some((sender, _)) if !due => Ok(sender),
            known => {
                self.looked_up = Some(Instant::now());
                let address = match (notify.receiver.look_up().await, known) {
                    // the name leads where it did, or nobody can say: what works goes on
                    (Ok(address), Some((sender, known))) if address == known => return Ok(sender),
                    (Err(_), Some((sender, _))) => return Ok(sender),
                    (found, _) => found?,
                };
                let endpoint = Endpoint {
                    address,
                    bind: notify.receiver.bind.map(|ip| (ip, 0).into()),
                    timeout: ATTEMPT,
                    started: notify.started,
                };
                let connected = Sender::connect(&endpoint, &notify.credentials, notify.engine.as_ref()).await;
                let failed = |source| Failure::new(format!("cannot send to {}", notify.receiver), source);
                let sender = Arc::new(connected.map_err(failed)?);
                self.sender = Some((Arc::clone(&sender), address));
                Ok(sender)
            }
        }
    }

    /// Looks the host up at the next use; with `socket`, opens a new socket too.
    pub(crate) fn forget(&mut self, socket: bool) {
        self.looked_up = None;
        if socket {
            self.sender = None;
        }
    }
}

/// How long one inform waits for its acknowledgement.
pub(crate) const ATTEMPT: Duration = Duration::from_millis(1500);
