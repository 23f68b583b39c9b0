//! `bench traps`: how many traps of SNMP v2c a second leave a full outbox when nothing paces them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::figures::Spread;
use super::goal::{Against, Goal, Judged};
use super::lab::{Extent, Lab, Load};
use super::report::Report;
use super::server::Server;
use super::stage::Sink;
use super::table::Table;

/// Alarms in a message that fills the outbox, and messages for each second of the plan up to ten: more alerts would
/// be more than a receiver's share of the journal.
const EVENTS: u64 = 100;
const MESSAGES_PER_SECOND: u64 = 350;
const MOST_SECONDS: u64 = 10;

/// What one start of the relay sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    traps: f64,
    received: f64,
    bytes: f64,
    /// From the first datagram to the last.
    took_us: f64,
    /// Processor time for each of the traps that were received while it was measured.
    cpu_us: f64,
}

/// Fills an outbox once, and in every round starts the relay with a new receiver that begins at the oldest alert.
///
/// # Errors
///
/// When a program does not do what it is for.
pub(crate) fn run(lab: &Lab<'_>) -> Result<Report> {
    let stage = lab.stage("traps")?;
    let messages = MESSAGES_PER_SECOND * lab.plan.seconds.min(MOST_SECONDS);
    let relay = lab.relay(&stage.configure("127.0.0.1:0", &[])?)?;
    let load = Load { events: EVENTS, connections: 16, ..Load::new(Extent::Requests(messages)) };
    let filled = lab.load(&relay.address, &relay.server, &load)?;
    let alerts = filled.accepted_in_all * EVENTS as f64;
    relay.wait_for_alerts(alerts)?;
    relay.server.end(true)?;
    let mut all = Vec::new();
    for round in 0..lab.plan.rounds {
        let (mut receiver, address) = lab.speaker("bench-datagrams", &[])?;
        let name = format!("noc-{round}");
        let sink = Sink::Traps { name: name.clone(), address: &address };
        let relay = lab.relay(&stage.configure("127.0.0.1:0", &[sink])?)?;
        let seen = watch(&relay.server, &mut receiver, alerts)?;
        // counted by the relay a moment after the last of them has left
        let metric = format!("fogbell_delivered_total{{sink=\"{name}\"}}");
        relay.wait_for(&metric, alerts)?;
        let sent = Sent { traps: relay.metric(&metric)?, ..seen };
        relay.server.end(true)?;
        receiver.end(false)?;
        eprintln!("bench: traps, round {}: {:.0}/s", round + 1, sent.per_s());
        all.push(sent);
    }
    Ok(report(&all, filled.failed))
}

/// Looks at the receiver until `alerts` have come, or nothing comes any more.
fn watch(relay: &Server, receiver: &mut Server, alerts: f64) -> Result<Sent> {
    let mut begun: Option<(f64, f64)> = None;
    let (mut received, mut bytes, mut first, mut last) = (0.0, 0.0, 0.0, 0.0);
    let mut cpu = 0.0;
    let mut news = Instant::now();
    while received < alerts {
        let said = receiver.ask("")?;
        let number = |key: &str| said[key].as_f64().with_context(|| format!("the receiver says no {key}"));
        let came = number("datagrams")?;
        if came > 0.0 {
            cpu = relay.cpu()?;
            if begun.is_none() {
                first = number("first_us")?;
                begun = Some((cpu, came));
            }
            received += came;
            bytes += number("bytes")?;
            last = number("last_us")?;
            news = Instant::now();
        } else if news.elapsed() > SILENCE {
            break;
        }
        thread::sleep(LOOK);
    }
    let Some((cpu_before, received_before)) = begun else { bail!("no trap came within {SILENCE:?}") };
    Ok(Sent {
        traps: 0.0,
        received,
        bytes,
        took_us: last - first,
        cpu_us: (cpu - cpu_before) / (received - received_before),
    })
}

impl Sent {
    /// Traps received in a second, from the first to the last.
    fn per_s(&self) -> f64 {
        (self.received - 1.0) * 1e6 / self.took_us
    }

    fn json(&self) -> Value {
        json!({
            "sent": self.traps,
            "received": self.received,
            "traps_per_s": self.per_s(),
            "cpu_us": self.cpu_us,
            "bytes": self.bytes / self.received,
        })
    }
}

fn report(all: &[Sent], failed: u64) -> Report {
    let spread = |figure: fn(&Sent) -> f64| Spread::of(all.iter().map(figure));
    let mut table = Table::new(&["", "traps/s", "CPU µs each", "bytes each", "sent", "received"]);
    table.push(vec![
        "relay".to_owned(),
        spread(Sent::per_s).text(),
        spread(|sent| sent.cpu_us).text(),
        spread(|sent| sent.bytes / sent.received).text(),
        spread(|sent| sent.traps).text(),
        spread(|sent| sent.received).text(),
    ]);
    let lost: f64 = all.iter().map(|sent| (sent.traps - sent.received).max(0.0)).sum();
    let mut notes = Vec::new();
    if lost > 0.0 {
        notes.push(format!(
            "{lost} traps left the relay and did not reach the receiver, which has one core: datagrams are not \
             acknowledged; the rate is of those that came"
        ));
    }
    Report {
        name: "traps",
        tables: vec![("from a full outbox, from the first datagram to the last".to_owned(), table)],
        notes,
        goals: vec![Judged {
            what: "traps: v2c with all objects, received".to_owned(),
            unit: "/s",
            measured: spread(Sent::per_s),
            against: Against::Nothing,
            goal: Goal::AtLeast(30_000.0),
        }],
        plots: Vec::new(),
        figures: all.iter().map(Sent::json).collect::<Value>(),
        failed,
    }
}

const LOOK: Duration = Duration::from_millis(10);

/// How long nothing comes when there is no more to come, or what is missing was lost.
const SILENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_of_what_came_and_what_was_lost_is_said() {
        let sent = |traps| Sent { traps, received: 1001.0, bytes: 2002.0, took_us: 1e6 / 31.0, cpu_us: 9.0 };

        let whole = report(&[sent(1001.0)], 0);
        assert!(whole.goals[0].reached());
        assert_eq!(whole.figures[0]["traps_per_s"], 31_000.0);
        assert!(whole.notes.is_empty());
        assert!(report(&[sent(1101.0)], 0).text().contains("100 traps left the relay and did not reach"));
    }
}
