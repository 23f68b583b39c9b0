//! What interpreting came across, besides alerts.

use super::Unnamed;
use crate::Text;

/// What interpreting came across.
///
/// What is counted adds up: what was told and held ends as repeated, unchanged, damped, held still, or an alert of
/// [`Occasion::Event`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Remarks {
    /// What was told, by whom.
    pub told: PerTeller,
    /// Alerts that one event is beyond its first: one for each device it names.
    pub fanned_out: u64,
    /// Answers to what the relay asked that changed nothing.
    pub unchanged: u64,
    /// Alerts, by why they were made now.
    pub alerts: PerOccasion,
    /// Devices and sites that the directory does not name, each with its organisation.
    pub unnamed: Vec<(Text, Unnamed)>,
    /// Types that are in no catalogue.
    pub unknown_types: Vec<String>,
    /// Events that were told before.
    pub repeated: u64,
    /// Raises and clears that a damping rule kept back for good.
    pub damped: u64,
}

impl Remarks {
    /// Takes note of a site without a name, unless it was just done: many events in a row are of one.
    pub(super) fn site_unnamed(&mut self, org: &str, id: &str) {
        let same =
            |(of, it): &(Text, Unnamed)| of == org && matches!(it, Unnamed::Site(known) if known == id);
        if !self.unnamed.iter().rev().take(2).any(same) {
            self.unnamed.push((org.into(), Unnamed::Site(id.to_owned())));
        }
    }

    pub(super) fn told(&mut self, teller: Teller) {
        self.told.0[teller as usize] += 1;
    }
}

/// A count for each [`Teller`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PerTeller([u64; Teller::ALL.len()]);

impl PerTeller {
    /// Each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Teller, u64)> {
        Teller::ALL.into_iter().zip(self.0)
    }
}

/// A count for each [`Occasion`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PerOccasion([u64; Occasion::ALL.len()]);

impl PerOccasion {
    /// Each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Occasion, u64)> {
        Occasion::ALL.into_iter().zip(self.0)
    }

    pub(super) const fn add(&mut self, occasion: Occasion, count: u64) {
        self.0[occasion as usize] += count;
    }
}

/// Who told an event.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Teller {
    /// Mist, by a webhook.
    Webhook,
    /// Mist, when the relay asked.
    Fetched,
    /// The relay, of itself.
    Relay,
    /// An operator, who had an alert sent once more.
    Operator,
}

impl Teller {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Fetched, Self::Relay, Self::Operator];

    /// One word for counters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Fetched => "fetched",
            Self::Relay => "relay",
            Self::Operator => "operator",
        }
    }
}

/// Why an alert is made when it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Occasion {
    /// Something was told, now or before it was held down.
    Event,
    /// A sink wants to be told again of what is still there.
    Repeat,
    /// A maintenance window ended, and what it kept back is still there.
    WindowOver,
    /// A problem that flapped is calm.
    Calm,
    /// Nothing was heard of a problem for too long.
    Expired,
    /// More problems are open than may be, and the oldest goes.
    NoRoom,
}

impl Occasion {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::Event, Self::Repeat, Self::WindowOver, Self::Calm, Self::Expired, Self::NoRoom];

    /// One word for counters.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Repeat => "repeat",
            Self::WindowOver => "window_over",
            Self::Calm => "calm",
            Self::Expired => "expired",
            Self::NoRoom => "no_room",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_without_a_name_is_not_said_again_at_once() {
        let mut remarks = Remarks::default();
        let device = |last| (Text::from("acme"), Unnamed::Device(ids::Mac::new([2, 0, 0, 0, 0, last])));
        for last in 0..2 {
            remarks.unnamed.push(device(last));
            remarks.site_unnamed("acme", "s-1");
        }
        remarks.site_unnamed("other", "s-1");
        remarks.site_unnamed("acme", "s-2");

        let site = |org: &str, id: &str| (Text::from(org), Unnamed::Site(id.to_owned()));
        let all = [device(0), site("acme", "s-1"), device(1), site("other", "s-1"), site("acme", "s-2")];
        assert_eq!(remarks.unnamed, all);
    }

    #[test]
    fn each_count_stands_where_its_word_is_listed() {
        for teller in Teller::ALL {
            let mut remarks = Remarks::default();
            remarks.told(teller);
            remarks.told(teller);
            let counted = remarks.told.iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
            assert_eq!(counted, [(teller, 2)]);
        }
        for occasion in Occasion::ALL {
            let mut counts = PerOccasion::default();
            counts.add(occasion, 3);
            assert_eq!(counts.iter().find(|(_, count)| *count > 0), Some((occasion, 3)));
        }
    }
}
