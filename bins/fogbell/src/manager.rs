//! Tells a service manager, systemd above all, how the relay is (`sd_notify`).

use std::convert::Infallible;
use std::future::pending;

use relay::Health;
use sd_notify::NotifyState;
use tokio::task::spawn_blocking;
use tokio::time::interval;
use tracing::warn;

/// Says that the relay is ready once it serves, and from then on that it is alive: only while its journal answers, so
/// that a relay that hangs is started anew. One whose journal is full answers, and heals.
pub(crate) async fn tell(health: Health) -> Infallible {
    health.serving().await;
    // a service manager that does not listen in time must not hold up the relay
    let _ = spawn_blocking(|| say(&[NotifyState::Ready])).await;
    let Some(patience) = sd_notify::watchdog_enabled() else { return pending().await };
    let mut every = interval(patience / TIMES);
    loop {
        every.tick().await;
        if health.responds() {
            let _ = spawn_blocking(|| say(&[NotifyState::Watchdog])).await;
        }
    }
}

/// Says that the relay finishes what it began.
pub(crate) fn stopping() {
    let _detached = std::thread::spawn(|| say(&[NotifyState::Stopping]));
}

/// Nothing happens without a service manager that wants to know.
fn say(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "cannot tell the service manager");
    }
}

/// How often the relay is heard within what the service manager waits: one word may be lost.
const TIMES: u32 = 3;
