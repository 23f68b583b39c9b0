//! What happens in a run, while it happens: bars on a terminal, lines elsewhere, or NDJSON; always on standard error.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use ids::Timestamp;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sco::RouterName;
use sco::decide::Health;
use sco::run::{Happened, Watch};
use serde_json::{Value, json};
use tokio::time::{Instant, interval_at};

/// How it is shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Progress {
    /// Bars on a terminal, lines elsewhere
    #[default]
    Auto,
    /// One line for each thing that happens, and one every 15 seconds
    Lines,
    /// One JSON object a line; lines that do not begin with { are for people
    Ndjson,
    /// Nothing
    None,
}

/// Shows what happens.
#[derive(Debug)]
pub(crate) struct Shower {
    how: How,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
enum How {
    Bar(ProgressBar),
    Lines,
    Ndjson,
    Nothing,
}

/// Where the routers are.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    at: BTreeMap<RouterName, At>,
    waiting_for: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum At {
    Conductor,
    Queued,
    Token,
    Setting,
    Assigned,
    Running,
    Verified,
    Unverified,
    Failed,
}

impl Shower {
    /// One for a run with so many routers.
    pub(crate) fn new(progress: Progress, routers: usize) -> Self {
        let how = match progress {
            Progress::Auto if io::stderr().is_terminal() => How::Bar(bar(routers)),
            Progress::Auto | Progress::Lines => How::Lines,
            Progress::Ndjson => How::Ndjson,
            Progress::None => How::Nothing,
        };
        Self { how, counts: Mutex::new(Counts { all: routers, ..Counts::default() }) }
    }

    /// Says every 15 seconds that it still lives, where no bar does; it never returns.
    pub(crate) async fn beat(&self) {
        let mut beats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            beats.tick().await;
            let text = self.counts().to_string();
            match &self.how {
                How::Lines => say(&format!("{} still running: {text}", now())),
                How::Ndjson => say(&json!({ "time": now(), "event": "heartbeat", "text": text }).to_string()),
                How::Bar(_) | How::Nothing => {}
            }
        }
    }

    /// Says something beside what happens.
    pub(crate) fn say(&self, text: &str) {
        match &self.how {
            How::Bar(bar) => bar.suspend(|| say(&format!("fogpilot: {text}"))),
            How::Ndjson => say(&json!({ "time": now(), "event": "said", "text": text }).to_string()),
            How::Lines | How::Nothing => say(&format!("fogpilot: {text}")),
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let How::Bar(bar) = &self.how {
            bar.finish_and_clear();
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Shower {
    fn happened(&self, what: &Happened) {
        let (text, finished) = {
            let mut counts = self.counts();
            counts.take(what);
            (counts.to_string(), counts.finished())
        };
        match &self.how {
            How::Bar(bar) => {
                if is_news(what) {
                    bar.suspend(|| say(&format!("{} {what}", now())));
                }
                bar.set_position(finished as u64);
                bar.set_message(text);
            }
            How::Lines if is_news(what) => say(&format!("{} {what}", now())),
            How::Ndjson => {
                let mut line = serde_json::to_value(what).unwrap_or_default();
                times(&mut line);
                if let Some(line) = line.as_object_mut() {
                    line.insert("time".to_owned(), json!(now()));
                    line.insert("text".to_owned(), json!(what.to_string()));
                }
                say(&line.to_string());
            }
            How::Lines | How::Nothing => {}
        }
    }
}

impl Counts {
    fn take(&mut self, what: &Happened) {
        let mut at = |router: &RouterName, at: At| {
            self.at.insert(router.clone(), at);
        };
        match what {
            Happened::WaveBegun { routers, .. } => {
                routers.iter().for_each(|router| at(router, At::Conductor))
            }
            Happened::Queued { router, .. } => at(router, At::Queued),
            Happened::TokenMade { router, .. } => at(router, At::Token),
            Happened::SettingsWritten { router, .. } => at(router, At::Setting),
            Happened::Assigned { router, .. } => at(router, At::Assigned),
            Happened::Seen { router, health, .. } if health.frees_site() => at(router, At::Running),
            Happened::Finished { router, nodes } => {
                let verified = nodes.iter().all(|(_, health)| health.is_verified());
                at(router, if verified { At::Verified } else { At::Unverified });
            }
            Happened::Failed { router, .. } | Happened::TakenOut { router, .. } => at(router, At::Failed),
            _ => {}
        }
        self.waiting_for = match what {
            Happened::Waiting { what, .. } => Some(what.clone()),
            Happened::Seen { .. } | Happened::Warning { .. } => self.waiting_for.take(),
            _ => None,
        };
    }

    fn count(&self, at: At) -> usize {
        self.at.values().filter(|here| **here == at).count()
    }

    fn finished(&self) -> usize {
        self.at.values().filter(|at| **at >= At::Verified).count()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = format!("{} of {} done", self.finished(), self.all);
        for (at, name) in [
            (At::Verified, "verified"),
            (At::Running, "settling"),
            (At::Assigned, "assigned"),
            (At::Setting, "site told"),
            (At::Token, "with token"),
            (At::Queued, "queued"),
            (At::Conductor, "on the conductor"),
            (At::Unverified, "not verified"),
            (At::Failed, "failed"),
        ] {
            let count = self.count(at);
            if count > 0 {
                write!(text, ", {count} {name}")?;
            }
        }
        if let Some(what) = &self.waiting_for {
            write!(text, "; waiting for {what}")?;
        }
        f.write_str(&text)
    }
}

/// Makes the times in an event what they are everywhere outside.
fn times(event: &mut Value) {
    match event {
        Value::Array(values) => values.iter_mut().for_each(times),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_i64().filter(|_| matches!(&**name, "since" | "expires")) {
                    Some(micros) => *value = json!(Timestamp::from_micros(micros).to_string()),
                    None => times(value),
                }
            }
        }
        _ => {}
    }
}

/// Whether a person is told; looks that change nothing are not.
fn is_news(what: &Happened) -> bool {
    match what {
        Happened::Seen { health, .. } => {
            !matches!(health, Health::InProgress { .. } | Health::Settling { .. })
        }
        Happened::Patched { .. } => false,
        _ => true,
    }
}

fn bar(routers: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed_precise} [{bar:32}] {pos}/{len} {wide_msg}");
    let bar = ProgressBar::with_draw_target(Some(routers as u64), ProgressDrawTarget::stderr());
    bar.set_style(style.map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("##-")));
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

/// A line on standard error; one that nobody reads is no reason to stop.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The time to the second.
fn now() -> String {
    let text = Timestamp::now().to_string();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

const HEARTBEAT: Duration = Duration::from_secs(15);
