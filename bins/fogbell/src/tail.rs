//! `fogbell tail`: alerts as they are made.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use alarm::{Alert, Origin, Severity, State};
use relay::{Config, Filter};

use crate::alerts::{From, Kept, Pages};

/// What to show.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
    /// Show the newest alerts that are kept, so many or what there is, and end; without it show ten and go on as
    /// alerts are made
    #[arg(short, long)]
    number: Option<u64>,
    /// Show only alerts for which this expression in CEL is true, `severity == 'critical'`
    #[arg(long)]
    filter: Option<String>,
    /// Print each alert as a line of JSON
    #[arg(long)]
    json: bool,
}

/// Shows the newest alerts; without a number it goes on until it is interrupted.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config)?;
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    // with a filter the newest that it takes may lie far back
    let last =
        if filter.is_some() && args.number.is_some() { SEARCHED } else { args.number.unwrap_or(SHOWN) };
    let mut pages = Pages::new(&config, From::Last(last), None, args.number.is_none());
    if let (Some(filter), Some(number)) = (&filter, args.number) {
        return newest(&mut pages, filter, number, args.json);
    }
    let mut left = args.number.unwrap_or(u64::MAX);
    let mut out = io::stdout().lock();
    while left > 0
        && let Some(page) = pages.next()?
    {
        for kept in page.into_iter().filter(|kept| filter.as_ref().is_none_or(|it| it.takes(&kept.alert))) {
            if left == 0 {
                break;
            }
            left -= 1;
            write(&mut out, &kept, args.json)?;
        }
        out.flush()?;
    }
    Ok(())
}

/// The newest so many that the filter takes, or fewer when there are no more.
fn newest(pages: &mut Pages<'_>, filter: &Filter, number: u64, json: bool) -> Result<(), Box<dyn Error>> {
    let number = usize::try_from(number)?;
    let mut taken: VecDeque<Kept> = VecDeque::new();
    let mut out = io::stdout().lock();
    while let Some(page) = pages.next()? {
        for kept in page.into_iter().filter(|kept| filter.takes(&kept.alert)) {
            taken.push_back(kept);
            if taken.len() > number {
                taken.pop_front();
            }
        }
    }
    for kept in &taken {
        write(&mut out, kept, json)?;
    }
    Ok(())
}

fn write(out: &mut impl Write, kept: &Kept, json: bool) -> io::Result<()> {
    if json {
        return writeln!(out, "{}", serde_json::to_string(&kept.alert).expect("texts and numbers are JSON"));
    }
    writeln!(out, "{}", line(&kept.alert))
}

/// One line: when, state, severity, what, and the beginning of the id.
pub(crate) fn line(alert: &Alert) -> String {
    let state = match alert.state {
        State::Raised => "RAISED ",
        State::Cleared => "CLEARED",
        State::Event => "EVENT  ",
    };
    let severity = match alert.severity {
        Severity::Critical => "crit",
        Severity::Warning | Severity::Unknown => "warn",
        Severity::Info => "info",
    };
    let origin = match alert.origin {
        Origin::Webhook | Origin::Relay => String::new(),
        other => format!(" [{}]", other.word()),
    };
    let id = alert.id.to_string();
    format!("{} {state} {severity} {}{origin}  {}", alert.last_seen, printable(&alert.summary), &id[..8])
}

/// A text that cannot move the cursor of a terminal, whoever wrote it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How far back a filter searches.
const SEARCHED: u64 = 1_000_000;

/// How many are shown before those that are still to come.
const SHOWN: u64 = 10;
