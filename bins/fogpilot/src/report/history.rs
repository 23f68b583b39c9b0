//! The entries of a record, in words.

use ids::{Mac, Timestamp};
use sco::run::{CommittedBy, Entry, RouterEntry, SettingsNote, TokenSource, Undo, WaveEntry};
use serde::Serialize;

/// One line of the history.
#[derive(Serialize)]
pub(super) struct Event {
    #[serde(serialize_with = "crate::output::time")]
    time: Timestamp,
    /// A router, a wave, or the run.
    of: String,
    what: String,
}

/// The history; looks that found the same as before are left out.
pub(super) fn events(entries: &[(Timestamp, Entry)]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for (time, entry) in entries {
        let (of, what) = match entry {
            Entry::Resumed { options } => ("run".to_owned(), format!("gone on with: {}", options.join(" "))),
            Entry::Restarted { how } => ("run".to_owned(), format!("the conductor was restarted: {how}")),
            Entry::Ended { why } => ("run".to_owned(), format!("ended: {why}")),
            Entry::Wave { wave, what } => (format!("wave {}", wave + 1), of_wave(what)),
            Entry::Router { router, what } => (router.to_string(), of_router(what)),
            _ => ("run".to_owned(), "something that this program does not know".to_owned()),
        };
        let same = events.iter().rev().find(|event| event.of == of).is_some_and(|event| event.what == what);
        if !same {
            events.push(Event { time: *time, of, what });
        }
    }
    events
}

fn of_wave(entry: &WaveEntry) -> String {
    match entry {
        WaveEntry::Intent { values } => {
            let paths: Vec<String> = values.iter().map(|value| value.path.to_string()).collect();
            format!("to be written: {}", paths.join("; "))
        }
        WaveEntry::TakenOut { router, why } => format!("{router} was taken out: {why}"),
        WaveEntry::FirstMode(first) => format!(
            "its commit turns Secure Conductor Onboarding on, which concerns {} routers without it",
            first.legacy
        ),
        WaveEntry::Committing { .. } => "commit sent".to_owned(),
        WaveEntry::Committed { by, foreign, foreign_unknown } => {
            let mut text = format!("runs ({})", whose(*by));
            if !foreign.is_empty() {
                let paths: Vec<String> = foreign.iter().map(ToString::to_string).collect();
                text += &format!("; committed together with changes of somebody else: {}", paths.join("; "));
            }
            if *foreign_unknown {
                text += "; whether somebody else's changes went with it is not known";
            }
            text
        }
        WaveEntry::Reverting => "its changes are taken out of the candidate".to_owned(),
        WaveEntry::Reverted => "the candidate is the running configuration again".to_owned(),
        WaveEntry::Stopped { why } => format!("stopped: {why}"),
        _ => "something that this program does not know".to_owned(),
    }
}

/// Whose commit it was.
pub(super) const fn whose(by: CommittedBy) -> &'static str {
    match by {
        CommittedBy::Us => "by this run",
        CommittedBy::UsUnanswered => "by this run, whose commit was not answered; reading showed it",
        CommittedBy::Another => "by somebody else's commit",
        CommittedBy::Nobody => "it ran before",
    }
}

fn of_router(entry: &RouterEntry) -> String {
    match entry {
        RouterEntry::TokenMade(token) => {
            let source = match token.source {
                TokenSource::CommandLine => "made by the conductor",
                TokenSource::Person => "brought by a person",
            };
            let until = token.expires.map_or_else(String::new, |time| format!(", taken until {time}"));
            format!("token {} {source}{until}", token.token)
        }
        RouterEntry::SettingsIntended(SettingsNote { site, hosts, token, .. }) => {
            let hosts: Vec<&str> = hosts.iter().map(sco::ConductorHost::as_str).collect();
            format!("site {site} is to tell {} and token {token}", hosts.join(" "))
        }
        RouterEntry::SettingsWritten { site, .. } => format!("site {site} tells it, read back"),
        RouterEntry::Unassigning { macs } => format!("{} to be taken from the site", list(macs)),
        RouterEntry::Unassigned { macs } => format!("{} taken from the site", list(macs)),
        RouterEntry::Assigning(assigning) => {
            format!("{} to be assigned to site {}", list(&assigning.macs), assigning.site)
        }
        RouterEntry::Assigned(assigned) => {
            format!("{} assigned to site {}", list(&assigned.macs), assigned.site)
        }
        RouterEntry::Seen { node, sample } => {
            let asset = sample.asset.as_ref().map_or_else(|| "not known".to_owned(), ToString::to_string);
            let told = |connected: Option<bool>| match connected {
                Some(true) => "connected",
                Some(false) => "not connected",
                None => "not told",
            };
            format!(
                "{node}: {}, asset {asset}, conductor {}, Mist {}",
                sample.auth,
                told(sample.conductor),
                told(sample.mist)
            )
        }
        RouterEntry::Verdict { node, health } => format!("{node}: {health}"),
        RouterEntry::Failed(failure) => format!("stopped before {}: {}", failure.step, failure.why),
        RouterEntry::Retried => "tried once more".to_owned(),
        RouterEntry::Released { site } => format!("does not hold site {site} any more"),
        RouterEntry::Cleaning { site, .. } => format!("the token of site {site} is to be taken away"),
        RouterEntry::Cleaned { site, outcome, .. } => format!("token of site {site}: {outcome}"),
        RouterEntry::Undoing(undo) => format!("to be taken back: {}", undone(undo)),
        RouterEntry::Undone(undo) => format!("taken back: {}", undone(undo)),
        RouterEntry::Note(note) => note.text.to_string(),
        _ => "something that this program does not know".to_owned(),
    }
}

fn undone(undo: &Undo) -> String {
    match undo {
        Undo::Assignment { macs } => format!("the assignment of {}", list(macs)),
        Undo::Settings { site } => format!("the settings of site {site}"),
        Undo::Config { paths } => {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            format!("the conductor's {}", paths.join("; "))
        }
        _ => "something that this program does not know".to_owned(),
    }
}

fn list(macs: &[Mac]) -> String {
    macs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
