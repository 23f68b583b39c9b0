//! What a record says was done.

use std::collections::{BTreeMap, BTreeSet};

use ids::{Mac, SiteId, Timestamp};

use super::{
    Assigning, CommittedBy, Entry, Failure, FirstMode, Header, IntendedValue, RouterEntry, SettingsNote,
    TokenNote, Undo, ValueHash, WaveEntry,
};
use crate::config::ConfigPath;
use crate::decide::{Health, Sample};
use crate::observe::{AssetStatus, AuthState};
use crate::token::TokenFingerprint;
use crate::{NodeName, RouterName};

/// What a record says, entry after entry. It is what was intended and what was found then, not what is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The first line.
    pub header: Header,
    /// When it began.
    pub begun: Timestamp,
    /// When the last entry was written.
    pub last: Timestamp,
    /// How often it was begun, the first time included.
    pub starts: u32,
    /// Whether the program ended by itself, and why; none when it was cut off, or is under way.
    pub ended: Option<Box<str>>,
    /// How it is known that every node of the conductor was restarted since this run turned Secure Conductor Onboarding on.
    pub restarted: Option<Box<str>>,
    /// Its waves.
    pub waves: BTreeMap<usize, WaveProgress>,
    /// Its routers.
    pub routers: BTreeMap<RouterName, RouterProgress>,
}

/// What a record says of a wave.
#[derive(Clone, Debug, Default)]
pub struct WaveProgress {
    /// The values that were to be written; of a path that was intended twice the last.
    pub intent: BTreeMap<ConfigPath, IntendedValue>,
    /// The routers that are not part of it any more, and why.
    pub taken_out: BTreeMap<RouterName, Box<str>>,
    /// What its commit concerns beside its routers, when it turns Secure Conductor Onboarding on.
    pub first_mode: Option<FirstMode>,
    /// A commit that was to be sent and of which nothing is known: what the configuration was to hold then, and until
    /// when its effect is looked for.
    pub committing: Option<(ValueHash, Timestamp)>,
    /// Whose commit made its values run.
    pub committed: Option<CommittedBy>,
    /// What else changed with it.
    pub foreign: Vec<ConfigPath>,
    /// Whether there may be more of that.
    pub foreign_unknown: bool,
    /// Whether its values were taken out of the candidate again, after everything else.
    pub reverted: bool,
    /// Why it stopped.
    pub stopped: Option<Box<str>>,
}

/// What a record says of a router.
#[derive(Clone, Debug, Default)]
pub struct RouterProgress {
    /// The token that was made last.
    pub token: Option<TokenNote>,
    /// Every token that was made for it.
    pub tokens: BTreeSet<TokenFingerprint>,
    /// The settings that were to be written last.
    pub settings: Option<SettingsNote>,
    /// What stood in the settings before the first writing.
    pub settings_first: Option<SettingsNote>,
    /// Whether they were written.
    pub settings_written: bool,
    /// Devices that were to be taken from their site, and of which nothing is known.
    pub unassigning: Vec<Mac>,
    /// Devices that were taken from their site.
    pub unassigned: BTreeSet<Mac>,
    /// Devices for which an assignment was ever to be sent, and when Mist's record of each was changed last before; none where
    /// Mist did not tell.
    pub ever_assigning: BTreeMap<Mac, Option<Timestamp>>,
    /// An assignment that was to be sent, and of which nothing is known.
    pub assigning: Option<Assigning>,
    /// The assignment that was made last.
    pub assigned: Option<Assigning>,
    /// The newest of what was seen of each node since the assignment, in the order of time.
    pub samples: BTreeMap<NodeName, Vec<Sample>>,
    /// The last verdict on each node.
    pub verdicts: BTreeMap<NodeName, Health>,
    /// Whether the authentication of a node was ever seen completed.
    pub ever_completed: bool,
    /// Whether an asset was ever seen that may be connected, after the assignment.
    pub ever_connected: bool,
    /// Why it stopped.
    pub failed: Option<Failure>,
    /// The site that it held and holds no more.
    pub released: Option<SiteId>,
    /// A token that was to be taken away from a site, and of which nothing is known.
    pub cleaning: Option<(SiteId, TokenFingerprint)>,
    /// Whether the token of its site is gone, and what a person is told of it.
    pub cleaned: Option<(bool, Box<str>)>,
    /// What was to be taken back, and of which nothing is known.
    pub undoing: Option<Undo>,
    /// What was taken back.
    pub undone: Vec<Undo>,
    /// What a person should know.
    pub notes: Vec<Box<str>>,
}

impl Progress {
    pub(super) fn new(header: Header, at: Timestamp) -> Self {
        Self {
            header,
            begun: at,
            last: at,
            starts: 1,
            ended: None,
            restarted: None,
            waves: BTreeMap::new(),
            routers: BTreeMap::new(),
        }
    }

    pub(super) fn take(&mut self, at: Timestamp, entry: &Entry) {
        self.last = at;
        self.ended = None;
        match entry {
            Entry::Resumed { .. } => self.starts = self.starts.saturating_add(1),
            Entry::Wave { wave, what } => self.waves.entry(*wave).or_default().take(what),
            Entry::Router { router, what } => self.routers.entry(router.clone()).or_default().take(what),
            Entry::Restarted { how } => self.restarted = Some(how.clone()),
            Entry::Ended { why } => self.ended = Some(why.clone()),
        }
    }

    /// What it says of a wave; nothing when there is nothing.
    #[must_use]
    pub fn wave(&self, wave: usize) -> WaveProgress {
        self.waves.get(&wave).cloned().unwrap_or_default()
    }

    /// What it says of a router; nothing when there is nothing.
    #[must_use]
    pub fn router(&self, router: &RouterName) -> RouterProgress {
        self.routers.get(router).cloned().unwrap_or_default()
    }

    /// What this run found when it turned Secure Conductor Onboarding on, as long as it is not known that the conductor's nodes
    /// were restarted since: it is not in effect before.
    #[must_use]
    pub fn restart_due(&self) -> Option<&FirstMode> {
        let mut committed = self.waves.values().filter(|wave| wave.committed.is_some());
        committed.find_map(|wave| wave.first_mode.as_ref()).filter(|_| self.restarted.is_none())
    }

    /// Every value that any wave was to write, by its path.
    pub fn intended(&self) -> impl Iterator<Item = (usize, &IntendedValue)> {
        self.waves.iter().flat_map(|(wave, progress)| progress.intent.values().map(|value| (*wave, value)))
    }
}

impl WaveProgress {
    fn take(&mut self, entry: &WaveEntry) {
        match entry {
            WaveEntry::Intent { values } => {
                for value in values {
                    // what stood there before the first time is what stood there
                    let before =
                        self.intent.get(&value.path).map_or(&value.before, |first| &first.before).clone();
                    self.intent.insert(value.path.clone(), IntendedValue { before, ..value.clone() });
                }
                (self.reverted, self.stopped) = (false, None);
            }
            WaveEntry::TakenOut { router, why } => {
                self.taken_out.insert(router.clone(), why.clone());
            }
            WaveEntry::FirstMode(first) => self.first_mode = Some(first.clone()),
            WaveEntry::Committing { expected, until } => self.committing = Some((*expected, *until)),
            WaveEntry::Committed { by, foreign, foreign_unknown } => {
                self.committing = None;
                self.committed = Some(*by);
                self.foreign.clone_from(foreign);
                self.foreign_unknown = *foreign_unknown;
                self.stopped = None;
            }
            WaveEntry::Reverting => {}
            WaveEntry::Reverted => {
                self.committing = None;
                self.reverted = true;
            }
            WaveEntry::Stopped { why } => self.stopped = Some(why.clone()),
        }
    }

    /// Whether its values may still stand in the candidate.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.intent.is_empty() && self.committed.is_none() && !self.reverted
    }
}

impl RouterProgress {
    fn take(&mut self, entry: &RouterEntry) {
        match entry {
            RouterEntry::TokenMade(token) => {
                self.tokens.insert(token.token);
                self.token = Some(token.clone());
            }
            RouterEntry::SettingsIntended(settings) => {
                self.settings_first.get_or_insert_with(|| settings.clone());
                self.settings = Some(settings.clone());
                self.settings_written = false;
            }
            RouterEntry::SettingsWritten { .. } => self.settings_written = true,
            RouterEntry::Unassigning { macs } => self.unassigning.clone_from(macs),
            RouterEntry::Unassigned { macs } => {
                self.unassigning.clear();
                self.unassigned.extend(macs);
            }
            RouterEntry::Assigning(assigning) => {
                let modified = |mac: &Mac| (*mac, assigning.modified.get(mac).copied());
                self.ever_assigning.extend(assigning.macs.iter().map(modified));
                self.assigning = Some(assigning.clone());
                self.samples.clear();
                self.verdicts.clear();
            }
            RouterEntry::Assigned(assigned) => {
                self.assigning = None;
                self.assigned = Some(assigned.clone());
                self.released = None;
            }
            RouterEntry::Seen { node, sample } => self.see(node, sample),
            RouterEntry::Verdict { node, health } => {
                self.verdicts.insert(node.clone(), health.clone());
            }
            RouterEntry::Failed(failure) => self.failed = Some(failure.clone()),
            RouterEntry::Retried => self.failed = None,
            RouterEntry::Released { site } => self.released = Some(*site),
            RouterEntry::Cleaning { site, token } => self.cleaning = Some((*site, *token)),
            RouterEntry::Cleaned { removed, outcome, .. } => {
                self.cleaning = None;
                self.cleaned = Some((*removed, outcome.clone()));
            }
            RouterEntry::Undoing(undo) => self.undoing = Some(undo.clone()),
            RouterEntry::Undone(undo) => {
                self.undoing = None;
                self.undone.push(undo.clone());
            }
            RouterEntry::Note(note) => self.notes.push(note.text.clone()),
        }
    }

    fn see(&mut self, node: &NodeName, sample: &Sample) {
        self.ever_completed |= sample.auth == AuthState::Completed;
        self.ever_connected |= sample.asset.as_ref().is_some_and(AssetStatus::may_be_connected);
        let samples = self.samples.entry(node.clone()).or_default();
        if samples.len() >= MOST_SAMPLES {
            samples.remove(0);
        }
        samples.push(sample.clone());
    }
}

/// Some hours of looking every half minute.
const MOST_SAMPLES: usize = 1_000;
