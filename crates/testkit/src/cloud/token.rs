//! API tokens and what they may still ask.

use ids::OrgId;
use serde_json::{Value, json};

use crate::mist::estate::uuid;
use crate::rng::Rng;

/// A token of an organisation.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) org: OrgId,
    pub(super) role: String,
    pub(super) name: String,
    /// Of a person's own token: the person's address.
    pub(super) email: Option<String>,
    pub(super) created: i64,
    pub(super) last_used: Option<i64>,
    pub(super) revoked: bool,
    /// Calls since `since`.
    pub(super) calls: u64,
    /// When the hour began, in seconds since 1970.
    since: i64,
}

impl Token {
    pub(super) fn new(rng: &mut Rng, org: OrgId, role: &str, now: i64) -> Self {
        Self {
            id: uuid(rng),
            key: format!("FAKE{:016x}{:016x}", rng.bits(), rng.bits()),
            org,
            role: role.to_owned(),
            name: format!("{role} token"),
            email: None,
            created: now,
            last_used: None,
            revoked: false,
            calls: 0,
            since: now,
        }
    }

    pub(super) fn may_write(&self) -> bool {
        matches!(self.role.as_str(), "admin" | "write")
    }

    /// Counts a call; false when it is one too many.
    pub(super) fn spend(&mut self, now: i64, calls_per_hour: u64) -> bool {
        if !(self.since..self.since + HOUR).contains(&now) {
            self.since = now;
            self.calls = 0;
        }
        self.last_used = Some(now);
        self.calls = self.calls.saturating_add(1);
        self.calls <= calls_per_hour
    }

    /// In how many seconds the hour is over.
    pub(super) const fn seconds_left(&self, now: i64) -> i64 {
        self.since + HOUR - now
    }

    /// Who shows it: a token of the organisation has a name, a person an address.
    pub(super) fn account(&self) -> Value {
        match &self.email {
            None => json!({ "name": self.name, "privileges": self.privileges() }),
            Some(email) => json!({ "email": email, "privileges": self.privileges() }),
        }
    }

    pub(super) fn privileges(&self) -> Value {
        json!([{ "scope": "org", "role": self.role, "org_id": self.org }])
    }

    /// A row of `apitokens`; the key only when it is told for the first time.
    pub(super) fn shown(&self, whole: bool) -> Value {
        let (head, tail) = (&self.key[..4], &self.key[self.key.len() - 4..]);
        json!({
            "id": self.id,
            "name": self.name,
            "org_id": self.org,
            "key": if whole { self.key.clone() } else { format!("{head}...{tail}") },
            "privileges": self.privileges(),
            "created_by": "user@example.com",
            "created_time": self.created,
            "last_used": self.last_used,
        })
    }
}

const HOUR: i64 = 3_600;
