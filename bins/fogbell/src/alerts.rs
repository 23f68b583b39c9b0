//! Alerts that the running relay keeps, page by page.

use std::error::Error;

use alarm::Alert;
use ids::Timestamp;
use relay::{ALERTS, Config};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::socket;

/// An alert as it is kept.
#[derive(Debug, Deserialize)]
pub(crate) struct Kept {
    /// Its place in the outbox.
    pub(crate) position: u64,
    pub(crate) alert: Alert,
}

/// Where to begin.
#[derive(Clone, Copy, Debug)]
pub(crate) enum From {
    /// So many before the newest.
    Last(u64),
    /// With the first that was made at this time or later.
    Since(Timestamp),
}

/// Reads on from page to page.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    config: &'a Config,
    from: From,
    until: Option<Timestamp>,
    /// Whether to wait for what is still to come.
    follow: bool,
    after: Option<u64>,
    done: bool,
}

/// A page as the relay tells it.
#[derive(Debug, Deserialize)]
struct Page {
    alerts: Vec<Kept>,
    next: u64,
    done: bool,
}

impl<'a> Pages<'a> {
    pub(crate) const fn new(config: &'a Config, from: From, until: Option<Timestamp>, follow: bool) -> Self {
        Self { config, from, until, follow, after: None, done: false }
    }

    /// The next page, which may be empty; `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<Kept>>, Box<dyn Error>> {
        if self.done && !self.follow {
            return Ok(None);
        }
        let mut asked = json!({ "command": ALERTS, "wait": self.follow });
        match (self.after, self.from) {
            (Some(after), _) => asked["after"] = after.into(),
            (None, From::Last(last)) => asked["last"] = last.into(),
            (None, From::Since(_)) => asked["after"] = 0.into(),
        }
        if let From::Since(since) = self.from {
            asked["since"] = since.micros().into();
        }
        asked["until"] = self.until.map(Timestamp::micros).into();
        let page: Page = serde_json::from_value(ask(self.config, &asked)?)?;
        (self.after, self.done) = (Some(page.next), page.done);
        Ok(Some(page.alerts))
    }
}

/// Asks the running relay, which has to be there.
pub(crate) fn ask(config: &Config, request: &Value) -> Result<Value, Box<dyn Error>> {
    socket::request(config, request)?
        .ok_or_else(|| "no relay runs here; start it, or name its configuration with --config".into())
}
