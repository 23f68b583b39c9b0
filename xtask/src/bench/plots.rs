//! `bench plots`: how the cost of an event goes with what it comes in, goes to, and lies behind.

use anyhow::Result;
use serde_json::{Value, json};

use super::figures::{Spread, number, short};
use super::lab::{BODY_BYTES, Extent, Lab, Load, wait_for_messages};
use super::report::Report;
use super::stage::Sink;
use super::start::{Filling, journal_mib};
use super::svg::{Plot, Scale};
use super::table::Table;

const EVENTS: [u64; 4] = [1, 10, 100, 1000];
/// Bytes of an alarm there: the most of which a thousand fit into the megabyte that the relay reads.
const EVENT_BYTES: u64 = 1000;
const SINKS: [u64; 5] = [0, 1, 2, 4, 8];

/// Events of a measurement for each second of the plan.
const EVENTS_PER_SECOND: u64 = 7000;

/// Sizes of the journal in MiB; a short run has only the first two.
const SIZES: [u64; 4] = [100, 500, 1000, 2000];
const SHORT: usize = 2;

/// As in `burst`: accepting, while interpreting is put off.
const BURST: Extent = Extent::Window { warm_up_ms: 200, window_ms: 1200 };

/// A figure of every round at each place of an axis.
type Line = Vec<(f64, Vec<f64>)>;

/// Measures.
///
/// # Errors
///
/// When a program does not do what it is for.
pub(crate) fn run(lab: &Lab<'_>) -> Result<Report> {
    let mut failed = 0;
    let mut by_events: Line = EVENTS.iter().map(|events| (*events as f64, Vec::new())).collect();
    let mut by_sinks: Line = SINKS.iter().map(|sinks| (*sinks as f64, Vec::new())).collect();
    for round in 0..lab.plan.rounds {
        eprintln!("bench: plots, round {}", round + 1);
        for (events, (_, costs)) in EVENTS.into_iter().zip(&mut by_events) {
            costs.push(cost(lab, events, EVENT_BYTES, 1, &mut failed)?);
        }
        for (sinks, (_, costs)) in SINKS.into_iter().zip(&mut by_sinks) {
            costs.push(cost(lab, 1, BODY_BYTES, sinks, &mut failed)?);
        }
    }
    let (rates, costs) = by_size(lab, &mut failed)?;
    Ok(report(&by_events, &by_sinks, &rates, &costs, failed))
}

/// The relay's processor time for each event, from the first request until everything is delivered; microseconds.
fn cost(lab: &Lab<'_>, events: u64, body_bytes: u64, sinks: u64, failed: &mut u64) -> Result<f64> {
    let stage = lab.stage("plots")?;
    let (mut drain, address) = lab.speaker("bench-drain", &[])?;
    let sinks: Vec<Sink<'_>> =
        (0..sinks).map(|index| Sink::Syslog { name: format!("siem-{index}"), address: &address }).collect();
    let relay = lab.relay(&stage.configure("127.0.0.1:0", &sinks)?)?;
    let before = relay.server.cpu()?;
    let all = EVENTS_PER_SECOND * lab.plan.seconds;
    let load = Load { events, body_bytes, ..Load::new(Extent::Requests(all.div_ceil(events))) };
    let loaded = lab.load(&relay.address, &relay.server, &load)?;
    let accepted = loaded.accepted_in_all * events as f64;
    wait_for_messages(&mut drain, accepted * sinks.len() as f64)?;
    relay.wait_for_alerts(accepted)?;
    let cost = (relay.server.cpu()? - before) / accepted;
    *failed += loaded.failed;
    relay.server.end(true)?;
    drain.end(false)?;
    Ok(cost)
}

/// The rate of accepting and the processor time for each message at every size of one growing journal.
fn by_size(lab: &Lab<'_>, failed: &mut u64) -> Result<(Line, Line)> {
    let stage = lab.stage("sizes")?;
    let relay = lab.relay(&stage.configure("127.0.0.1:0", &[])?)?;
    let mut filling = Filling::default();
    let sizes = if lab.plan.seconds < 3 { &SIZES[..SHORT] } else { &SIZES[..] };
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for size in sizes {
        filling.grow(lab, &stage, &relay, size << 20)?;
        let (mut rate, mut cost) = (Vec::new(), Vec::new());
        let at = journal_mib(&stage)?;
        for _ in 0..lab.plan.rounds {
            let loaded = filling.load(lab, &relay, &Load::new(BURST))?;
            rate.push(loaded.accepted * 1e6 / loaded.window_us);
            cost.push(loaded.server_cpu_us / loaded.accepted);
            filling.settle(&relay)?;
        }
        eprintln!("bench: plots, {at:.0} MiB");
        rates.push((at, rate));
        costs.push((at, cost));
    }
    *failed += filling.failed;
    relay.server.end(true)?;
    Ok((rates, costs))
}

fn report(by_events: &Line, by_sinks: &Line, rates: &Line, costs: &Line, failed: u64) -> Report {
    let table = |what: &str, figure: &str, line: &Line| {
        let mut table = Table::new(&[what, figure]);
        for (at, figures) in line {
            table.push(vec![short(*at), spread(figures).text()]);
        }
        table
    };
    let plot = |title: &str, x, y, scale, line: &Line| {
        let points = line.iter().map(|(at, figures)| (*at, spread(figures))).collect();
        Plot { title: title.to_owned(), x, y, scale, points }
    };
    let mut sizes = Table::new(&["journal MiB", "accepted/s", "CPU µs each"]);
    for ((at, rates), (_, costs)) in rates.iter().zip(costs) {
        sizes.push(vec![number(*at), spread(rates).text(), spread(costs).text()]);
    }
    let json =
        |line: &Line| line.iter().map(|(at, all)| json!({ "at": at, "rounds": all })).collect::<Value>();
    Report {
        name: "plots",
        tables: vec![
            (
                "By events of 1 KB in a message, one receiver of syslog; until everything is delivered"
                    .to_owned(),
                table("events", "CPU µs per event", by_events),
            ),
            (
                "By receivers of syslog, one event in a message; until everything is delivered".to_owned(),
                table("receivers", "CPU µs per event", by_sinks),
            ),
            (
                "By size of the journal, accepting while interpreting is put off, no receiver".to_owned(),
                sizes,
            ),
        ],
        notes: Vec::new(),
        goals: Vec::new(),
        plots: vec![
            (
                "cpu-by-events",
                plot(
                    "CPU per event, by events in a message",
                    "events in a message",
                    "µs",
                    Scale::Logarithmic,
                    by_events,
                ),
            ),
            (
                "cpu-by-sinks",
                plot("CPU per event, by receivers", "receivers of syslog", "µs", Scale::Linear, by_sinks),
            ),
            (
                "rate-by-size",
                plot("Messages accepted a second", "journal, MiB", "per second", Scale::Linear, rates),
            ),
            ("cpu-by-size", plot("CPU per message accepted", "journal, MiB", "µs", Scale::Linear, costs)),
        ],
        figures: json!({
            "cpu_us_by_events": json(by_events),
            "cpu_us_by_sinks": json(by_sinks),
            "accepted_per_s_by_mib": json(rates),
            "cpu_us_by_mib": json(costs),
        }),
        failed,
    }
}

fn spread(figures: &[f64]) -> Spread {
    Spread::of(figures.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plot_is_of_the_numbers_in_its_table() {
        let line = |at: f64| vec![(at, vec![40.0, 50.0, 60.0])];
        let report = report(&line(1.0), &line(2.0), &line(512.0), &line(512.0), 0);

        let text = report.text();
        assert!(text.contains("| 1      | 50.0 (40.0 to 60.0) |"), "{text}");
        assert!(text.contains("| 512         | 50.0 (40.0 to 60.0) |"), "{text}");
        let (_, plot) = &report.plots[1];
        assert_eq!(plot.points, [(2.0, Spread { median: 50.0, min: 40.0, max: 60.0 })]);
        assert!(report.document().contains("![CPU per event, by receivers](plots/cpu-by-sinks.svg)"));
    }
}
