//! `fogbell replay`: alerts that are kept, once more to one sink.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use ids::Timestamp;
use relay::{Config, Filter, REPLAY};
use serde_json::json;

use crate::alerts::{From, Pages, ask};

/// Which alerts, and to whom.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
    /// Alerts made at this time or later: RFC 3339, or a time ago as `90s`, `30m`, `6h`, `2d`
    #[arg(long, value_parser = moment)]
    since: Timestamp,
    /// Alerts made at this time or before; default: now
    #[arg(long, value_parser = moment)]
    until: Option<Timestamp>,
    /// Name of the sink
    #[arg(long)]
    sink: String,
    /// Only alerts for which this expression in CEL is true, `site == 'Lisboa Store 12'`
    #[arg(long)]
    filter: Option<String>,
    /// How many are sent in a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rate: u64,
    /// Send them without asking; without a terminal they are only counted
    #[arg(short, long)]
    yes: bool,
    /// Print JSON; asks nothing
    #[arg(long)]
    json: bool,
}

/// Counts them, asks, and has them sent.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config)?;
    if !config.sink_names().any(|name| name == args.sink) {
        let known: Vec<_> = config.sink_names().collect();
        return Err(format!("no sink is called `{}`; there are: {}", args.sink, known.join(", ")).into());
    }
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let until = args.until.unwrap_or_else(Timestamp::now);
    let mut pages = Pages::new(&config, From::Since(args.since), Some(until), false);
    let mut positions = Vec::new();
    while let Some(page) = pages.next()? {
        // what was replayed itself is not replayed again
        let fresh = page.iter().filter(|kept| kept.alert.origin != alarm::Origin::Replay);
        let taken = fresh.filter(|kept| filter.as_ref().is_none_or(|filter| filter.takes(&kept.alert)));
        positions.extend(taken.map(|kept| kept.position));
    }
    let mut out = io::stdout().lock();
    if args.json {
        let replayed = if args.yes { send(args, &config, &positions)? } else { 0 };
        let told = json!({
            "sink": args.sink,
            "since": args.since.to_string(),
            "until": until.to_string(),
            "counted": positions.len(),
            "replayed": replayed,
        });
        return Ok(writeln!(out, "{told:#}")?);
    }
    writeln!(
        out,
        "{} alerts made from {} to {until} would go to sink `{}` once more, marked origin=replay",
        positions.len(),
        args.since,
        args.sink
    )?;
    if positions.is_empty() || !(args.yes || agreed(&mut out)?) {
        return Ok(());
    }
    let replayed = send(args, &config, &positions)?;
    Ok(writeln!(out, "{replayed} alerts are stored for sink `{}`", args.sink)?)
}

/// Has them sent; how many are stored for the sink.
fn send(args: &Args, config: &Config, positions: &[u64]) -> Result<u64, Box<dyn Error>> {
    let mut replayed = 0;
    for some in positions.chunks(usize::try_from(args.rate)?) {
        let asked = json!({ "command": REPLAY, "sink": args.sink, "positions": some });
        replayed += ask(config, &asked)?["replayed"].as_u64().unwrap_or(0);
        if replayed < positions.len() as u64 {
            thread::sleep(Duration::from_secs(1));
        }
    }
    Ok(replayed)
}

/// Whether the person at the terminal says yes; without one nobody does.
fn agreed(out: &mut impl Write) -> io::Result<bool> {
    if !io::stdin().is_terminal() {
        writeln!(out, "nothing was sent; say --yes to send them")?;
        return Ok(false);
    }
    write!(out, "Send them? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A time as RFC 3339, or so long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    let unit = |unit: char| match unit {
        's' => Some(1_000_000),
        'm' => Some(60_000_000),
        'h' => Some(3_600_000_000),
        'd' => Some(86_400_000_000_i64),
        _ => None,
    };
    let ago = text.char_indices().last().and_then(|(at, last)| {
        let number: i64 = text[..at].parse().ok().filter(|number| *number >= 0)?;
        unit(last)?.checked_mul(number)
    });
    match ago {
        Some(ago) => Ok(Timestamp::from_micros(Timestamp::now().micros() - ago)),
        None => text.parse().map_err(|_| {
            format!("`{text}` is neither a time as 2026-11-22T14:07:31Z nor a time ago as 30m, 6h or 2d")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_or_as_so_long_ago() {
        let hours = moment("2h").unwrap().since(moment("5h").unwrap()).as_secs_f64() / 3600.0;
        assert!((hours - 3.0).abs() < 0.1, "{hours}");
        assert_eq!(moment("2026-11-22T14:07:31Z").unwrap().to_string(), "2026-11-22T14:07:31.000Z");
        for bad in ["", "h", "-3h", "2w", "yesterday", "é"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
