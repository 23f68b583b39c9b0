//! Commands, of which every value is a word.

use std::fmt;

use thiserror::Error;

use crate::{ConfigPath, Name, Word};

/// One command on one line: keywords that stand here, and values that are [`Word`]s.
///
/// There is no other constructor, so nothing that came from outside can add a second command.
/// Source: command line reference, 7.2.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    text: String,
    /// The same with `…` in place of values.
    label: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Shows,
    Validates,
    Makes,
    Changes,
    Commits,
}

impl Line {
    /// `show system version`.
    #[must_use]
    pub fn show_version() -> Self {
        Self::of("show system version", Kind::Shows)
    }

    /// `show secure-conductor-onboarding [ASSET]`: the state of all assets, or the details of one.
    #[must_use]
    pub fn show_onboarding(asset: Option<&Word>) -> Self {
        let line = Self::of("show secure-conductor-onboarding", Kind::Shows);
        asset.into_iter().fold(line, Self::value)
    }

    /// `show assets [ASSET]`.
    #[must_use]
    pub fn show_assets(asset: Option<&Word>) -> Self {
        asset.into_iter().fold(Self::of("show assets", Kind::Shows), Self::value)
    }

    /// `show config running PATH`.
    #[must_use]
    pub fn show_running(path: &ConfigPath) -> Self {
        Self::of("show config running", Kind::Shows).path(path)
    }

    /// `show config candidate PATH`.
    #[must_use]
    pub fn show_candidate(path: &ConfigPath) -> Self {
        Self::of("show config candidate", Kind::Shows).path(path)
    }

    /// `compare config running candidate`: what a commit would change.
    #[must_use]
    pub fn compare() -> Self {
        Self::of("compare config running candidate", Kind::Shows)
    }

    /// `create secure-conductor-onboarding token router-name ROUTER expiration-timeout TIME`.
    ///
    /// Of the two spellings in the documents `router-name` is the one that names the router; `router` says where the
    /// command runs.
    #[must_use]
    pub fn create_token(router: &Name, lifetime: Lifetime) -> Self {
        Self::of("create secure-conductor-onboarding token router-name", Kind::Makes)
            .value(&router.into())
            .keyword("expiration-timeout")
            .value(&crate::path::word(&lifetime.to_string()))
    }

    /// `configure PATH FIELD VALUE`: sets a field of the candidate; what is on the way to it is made.
    #[must_use]
    pub fn set(path: &ConfigPath, field: &Name, value: &Word) -> Self {
        Self::of("configure", Kind::Changes).path(path).value(&field.into()).value(value)
    }

    /// `validate`.
    #[must_use]
    pub fn validate() -> Self {
        Self::of("validate", Kind::Validates)
    }

    /// `commit`; a question is answered with yes. Never with `force`.
    #[must_use]
    pub fn commit() -> Self {
        Self::of("commit", Kind::Commits)
    }

    /// The command.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn label(&self) -> Box<str> {
        self.label.as_str().into()
    }

    /// Whether it changes something on the conductor. A token changes nothing: none is kept.
    pub(super) const fn changes(&self) -> bool {
        matches!(self.kind, Kind::Changes | Kind::Commits)
    }

    /// Whether its output is no more than what was asked for, so that a complaint in it may be the answer itself.
    pub(super) const fn only_shows(&self) -> bool {
        matches!(self.kind, Kind::Shows)
    }

    /// Whether a question is answered with yes.
    pub(super) const fn confirms(&self) -> bool {
        matches!(self.kind, Kind::Commits | Kind::Makes)
    }

    pub(super) const fn is_slow(&self) -> bool {
        matches!(self.kind, Kind::Commits | Kind::Validates)
    }

    fn of(keywords: &'static str, kind: Kind) -> Self {
        Self { text: keywords.to_owned(), label: keywords.to_owned(), kind }
    }

    fn keyword(mut self, keyword: &'static str) -> Self {
        for text in [&mut self.text, &mut self.label] {
            text.push(' ');
            text.push_str(keyword);
        }
        self
    }

    fn value(mut self, word: &Word) -> Self {
        self.text.push(' ');
        self.text.push_str(word.as_str());
        self.label.push_str(" …");
        self
    }

    fn path(self, path: &ConfigPath) -> Self {
        let label = self.label.clone() + &path.template().replace('/', " ");
        let line = path.words().iter().fold(self, Self::value);
        Self { label, ..line }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How long an onboarding token is good for, in whole hours.
///
/// Shape: 1 hour to 365 days, written as hours: the documents agree on that unit and on a year as the most.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lifetime(u16);

impl Lifetime {
    /// So many hours.
    ///
    /// # Errors
    ///
    /// [`LifetimeError`] for none, or more than a year.
    pub const fn hours(hours: u16) -> Result<Self, LifetimeError> {
        if hours == 0 || hours > 365 * 24 { Err(LifetimeError) } else { Ok(Self(hours)) }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}h", self.0)
    }
}

/// A lifetime that no token has.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an onboarding token is good for 1 to 8760 hours")]
pub struct LifetimeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_of_the_documents() {
        let (router, node) = (Name::new("r1").unwrap(), Name::new("node0").unwrap());
        let key = Word::new("MIIB+/=").unwrap();
        let asset = Word::new("LR1").unwrap();
        for (line, text) in [
            (
                Line::create_token(&router, Lifetime::hours(24).unwrap()),
                "create secure-conductor-onboarding token router-name r1 expiration-timeout 24h",
            ),
            (
                Line::set(
                    &ConfigPath::router_onboarding(&router),
                    &Name::new("mode").unwrap(),
                    &Word::new("strong").unwrap(),
                ),
                "configure authority router r1 system secure-conductor-onboarding mode strong",
            ),
            (
                Line::set(
                    &ConfigPath::node_onboarding(&router, &node),
                    &Name::new("endorsement-key").unwrap(),
                    &key,
                ),
                "configure authority router r1 node node0 secure-conductor-onboarding endorsement-key MIIB+/=",
            ),
            (Line::show_onboarding(Some(&asset)), "show secure-conductor-onboarding LR1"),
            (Line::show_onboarding(None), "show secure-conductor-onboarding"),
            (Line::commit(), "commit"),
        ] {
            assert_eq!(line.text(), text);
        }
    }

    #[test]
    fn a_label_names_no_value() {
        let line = Line::set(
            &ConfigPath::router_onboarding(&Name::new("r1").unwrap()),
            &Name::new("mode").unwrap(),
            &Word::new("strong").unwrap(),
        );
        assert_eq!(
            &*line.label(),
            "configure authority router {router} system secure-conductor-onboarding … …"
        );
    }

    #[test]
    fn lifetimes_are_hours_up_to_a_year() {
        assert_eq!(Lifetime::hours(8_760).unwrap().to_string(), "8760h");
        assert_eq!([Lifetime::hours(0), Lifetime::hours(8_761)], [Err(LifetimeError); 2]);
    }
}
