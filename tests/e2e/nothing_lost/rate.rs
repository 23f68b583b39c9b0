//! How soon answers come, and how many: figures for `cargo xtask faults`, which a busy machine may miss in a test.

use std::time::Duration;

use e2e::{Config, Fogbell, Rsyslog, RsyslogSetup};
use serde_json::json;
use testkit::mist::FakeMist;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::load::{Target, post};
use super::{DRAINED, admin, rounds, tell};

#[test]
fn every_message_of_a_steady_load_is_acknowledged() {
    let seconds = rounds(2, 60) as u64;
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let mut relay = Fogbell::start(&Config::new().syslog("siem", &siem.tcp(), "tcp"));
    let target = Target::of(&relay);

    let took = steady(&target, seconds);
    let began = Instant::now();
    let count = rounds(20, 2_000) as u64;
    let told = post(&target, 0, CONNECTIONS, count);
    let rate = told.acknowledged().count() as f64 / began.elapsed().as_secs_f64();
    admin::wait_drained(&mut relay, DRAINED);

    let quantile = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    tell(&json!({
        "steady_messages": took.len(),
        "p50_ms": quantile(0.5).round(),
        "p99_ms": quantile(0.99).round(),
        "acknowledged_per_s": rate.round(),
    }));
    assert_eq!(told.acknowledged().count() as u64, CONNECTIONS * count, "{:?}", told.refusals);
}

/// Posts [`STEADY`] messages a second, whether answers come or not, from an equal share of it on each connection:
/// how long each answer took from when it was due, ascending.
fn steady(target: &Target, seconds: u64) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let mut post = target.post();
            connections.spawn(async move {
                let mist = FakeMist::new(1);
                let every = Duration::from_secs(1) * u32::try_from(CONNECTIONS).unwrap() / STEADY;
                let number = |count: u64| 500_000_000 + connection * 1_000_000 + count;
                // The handshake is not what is measured.
                assert_eq!(post.deliver(&mist.alarm_of_size(700, number(0))).await.unwrap().status, 200);
                let mut due =
                    interval_at(Instant::now() + every * connection as u32 / CONNECTIONS as u32, every);
                due.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut took = Vec::new();
                for count in 1..=seconds * u64::from(STEADY) / CONNECTIONS {
                    let delivery = mist.alarm_of_size(700, number(count));
                    let start = due.tick().await;
                    assert_eq!(post.deliver(&delivery).await.unwrap().status, 200);
                    took.push(start.elapsed());
                }
                took
            });
        }
        let mut took: Vec<Duration> = connections.join_all().await.concat();
        took.sort_unstable();
        took
    })
}

/// Messages a second.
const STEADY: u32 = 500;

/// Connections they come on.
const CONNECTIONS: u64 = 50;
