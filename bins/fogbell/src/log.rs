//! Where the log goes, and in which form.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use rustix::fs::fstat;
use tracing_journald::{Layer, Priority, PriorityMappings};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod spoken;

use spoken::Spoken;

/// A form of the log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Form {
    /// To the journal of systemd when that is what standard error is, else as text
    #[default]
    Auto,
    /// Lines for people, to standard error
    Text,
    /// One JSON object in a line, to standard error
    Json,
    /// To the journal of systemd, each value in a field of its own
    Journald,
}

/// The log that was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    /// Whether what is not logged would stand between what machines read.
    structured: bool,
}

impl Log {
    /// Starts the log; what is logged before is lost.
    ///
    /// # Errors
    ///
    /// Only of [`Form::Journald`], when there is no journal to write to.
    pub(crate) fn start(form: Form) -> io::Result<Self> {
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
        let registry = tracing_subscriber::registry().with(filter);
        let journald = match form {
            Form::Journald => Some(journald()?),
            // what cannot be written to in its own way is standard error all the same
            Form::Auto if is_the_journal(io::stderr()) => journald().ok(),
            _ => None,
        };
        let structured = journald.is_some() || form == Form::Json;
        if let Some(journald) = journald {
            registry.with(Spoken(journald)).init();
        } else if form == Form::Json {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
            registry
                .with(lines.with_current_span(false).with_span_list(false).with_writer(io::stderr))
                .init();
        } else {
            let lines = tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal());
            registry.with(lines.with_writer(io::stderr)).init();
        }
        Ok(Self { structured })
    }

    /// Says why the program ends.
    pub(crate) fn last(self, error: &(dyn Error + 'static)) {
        let error = relay::Chain(error);
        match self.structured {
            true => tracing::error!(%error, "the relay has ended"),
            // who reads it is a person, and the last words are no part of the log
            false => drop(writeln!(io::stderr(), "fogbell: {error}")),
        }
    }
}

/// Writes to the journal: `FOGBELL_PEER`, `FOGBELL_REASON`, `FOGBELL_SINK` and so on beside `MESSAGE` and `PRIORITY`.
fn journald() -> io::Result<Layer> {
    let priorities = PriorityMappings {
        error: Priority::Error,
        warn: Priority::Warning,
        info: Priority::Informational,
        debug: Priority::Debug,
        trace: Priority::Debug,
    };
    let layer = Layer::new().map_err(|error| {
        io::Error::new(error.kind(), format!("there is no journal of systemd to log to: {error}"))
    })?;
    Ok(layer
        .with_field_prefix(Some("FOGBELL".to_owned()))
        .with_syslog_identifier("fogbell".to_owned())
        .with_priority_mappings(priorities))
}

/// Whether `stream` is one that systemd connected to its journal: `JOURNAL_STREAM` has its device and inode, see
/// systemd.exec(5).
fn is_the_journal(stream: impl std::os::fd::AsFd) -> bool {
    let Some(named) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    fstat(stream).is_ok_and(|it| named == format!("{}:{}", it.st_dev, it.st_ino))
}

/// The SNMP library logs every send and its errors by itself; the relay says what matters of them.
const DEFAULT_FILTER: &str = "info,async_snmp=off";

#[cfg(test)]
mod tests;
