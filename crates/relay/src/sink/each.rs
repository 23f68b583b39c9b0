//! Sends one alert after the other; delivered means that the kernel took it.

use std::time::Duration;

use super::pump::Pump;
use super::{Backoff, Failure};
use crate::Error;
use crate::outbox::Parcel;
use crate::stop::Stop;

/// A way to send one alert.
pub(crate) trait SendEach {
    /// How long to wait before the next alert may be sent; `None` when it may be sent now.
    fn pace(&mut self) -> Option<Duration> {
        None
    }

    /// Sends it once.
    async fn send(&mut self, parcel: &Parcel, pump: &Pump) -> Result<(), Failure>;

    /// Makes everything anew for the next attempt, after one that failed.
    fn renew(&mut self);
}

/// Delivers until `stop` is told and everything is sent, or a send fails after that.
pub(crate) async fn run(mut sink: impl SendEach, mut pump: Pump, mut stop: Stop) -> Result<(), Error> {
    let mut backoff = Backoff::default();
    loop {
        let parcels = pump.next(BATCH, false).await?;
        if parcels.is_empty() {
            if stop.is_told() {
                return pump.settle(true).await;
            }
            pump.rest(&mut stop).await?;
            continue;
        }
        'parcels: for parcel in parcels {
            if parcel.position <= pump.confirmed() {
                continue;
            }
            while let Some(wait) = sink.pace() {
                pump.wait(wait).await?;
            }
            while let Err(failure) = sink.send(&parcel, &pump).await {
                if !failure.retry() {
                    pump.set_aside(&parcel, &failure).await?;
                    continue 'parcels;
                }
                let wait = backoff.failed();
                pump.failed(&failure, backoff.failures(), wait);
                sink.renew();
                if stop.is_told() {
                    return pump.settle(true).await;
                }
                pump.pause(wait, &mut stop).await?;
                if parcel.position <= pump.catch_up().await? {
                    continue 'parcels;
                }
            }
            backoff.succeeded();
            pump.delivered(parcel.position);
        }
        pump.all_delivered();
        pump.settle(false).await?;
    }
}

/// How many alerts are read at once.
const BATCH: usize = 256;
