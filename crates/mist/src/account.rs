//! Who asks, and what is left of the hour.

use std::time::Duration;

use ids::{OrgId, SiteId, Timestamp};
use serde_json::Value;

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::open::open_enum;
use crate::request::Call;
use crate::{Budget, Request};

/// Who the token belongs to, and what it may do.
///
/// `GET /api/v1/self`, operation `getSelf`.
pub fn whoami() -> Request<Account> {
    Request::new(Call::get("getSelf", "/api/v1/self", &[]))
}

/// What the token has spent of its calls; better asked through [`Client::usage`](crate::Client::usage), which does not
/// wait for a free call and tells the budget.
///
/// `GET /api/v1/self/usage`, operation `getSelfApiUsage`.
pub fn usage() -> Request<Usage> {
    Request::new(Call::get("getSelfApiUsage", "/api/v1/self/usage", &[]))
}

/// An administrator, or a token of an organisation, which has a name alone.
#[derive(Debug)]
#[non_exhaustive]
pub struct Account {
    /// Of a token of an organisation: its name.
    pub name: Option<String>,
    /// Of an administrator: the address.
    pub email: Option<String>,
    /// What it may do, and where.
    pub privileges: Vec<Privilege>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for Account {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            name: fields.text("name"),
            email: fields.text("email"),
            privileges: fields.records("privileges", Privilege::new),
            extra: fields.rest(),
        })
    }
}

/// A role somewhere.
#[derive(Debug)]
#[non_exhaustive]
pub struct Privilege {
    /// What it may do there.
    pub role: Option<Role>,
    /// Where.
    pub scope: Option<PrivilegeScope>,
    /// The organisation, where it is of one.
    pub org_id: Option<OrgId>,
    /// The site, where it is of one.
    pub site_id: Option<SiteId>,
    /// The rest.
    pub extra: Extra,
}

impl Privilege {
    fn new(mut fields: Fields) -> Self {
        Self {
            role: fields.named("role", Role::new),
            scope: fields.named("scope", PrivilegeScope::new),
            org_id: fields.parsed("org_id"),
            site_id: fields.parsed("site_id"),
            extra: fields.rest(),
        }
    }
}

open_enum! {
    /// What a privilege allows.
    Role {
        /// Everything.
        Admin = "admin",
        /// Changes, but of administrators.
        Write = "write",
        /// Looking.
        Read = "read",
        /// Installing devices.
        Installer = "installer",
        /// Looking and helping clients.
        Helpdesk = "helpdesk",
    }
}

open_enum! {
    /// What a privilege is for.
    PrivilegeScope {
        /// An organisation.
        Org = "org",
        /// A site.
        Site = "site",
        /// A group of sites.
        Sitegroup = "sitegroup",
        /// All sites of an organisation, but not the organisation.
        Orgsites = "orgsites",
        /// A managed service provider.
        Msp = "msp",
    }
}

/// What a token has spent of its calls.
#[derive(Debug)]
#[non_exhaustive]
pub struct Usage {
    /// Calls since the count began anew.
    pub requests: Option<u32>,
    /// Calls in an hour; 5,000 when Mist does not say.
    pub limit: Option<u32>,
    /// Seconds until the count begins anew; the vendor's own example has none.
    pub seconds: Option<f64>,
    /// The rest.
    pub extra: Extra,
}

impl Usage {
    /// How long it is until the count begins anew: between a second and an hour.
    #[must_use]
    pub fn reset(&self) -> Option<Duration> {
        self.seconds.map(|seconds| Duration::from_secs_f64(seconds.clamp(1.0, 3_600.0)))
    }

    /// Whether no call is left, as far as that is known.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.requests.is_none_or(|requests| requests >= self.limit.unwrap_or(Budget::MIST))
    }
}

impl Answer for Usage {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let mut count = |key| fields.count(key).map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        Ok(Self {
            requests: count("requests"),
            limit: count("request_limit"),
            seconds: fields.seconds("seconds"),
            extra: fields.rest(),
        })
    }
}

/// An organisation.
///
/// `GET /api/v1/orgs/{org_id}`, operation `getOrg`.
pub fn org(org: OrgId) -> Request<Org> {
    Request::new(Call::get("getOrg", "/api/v1/orgs/{org_id}", &[&org]))
}

/// An organisation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Org {
    /// Its id.
    pub id: Option<OrgId>,
    /// Its name.
    pub name: Option<String>,
    /// The alarm template of its sites that have none of their own.
    pub alarm_template: Option<crate::Id>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for Org {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            name: fields.text("name"),
            alarm_template: fields.parsed("alarmtemplate_id"),
            modified: fields.time("modified_time"),
            extra: fields.rest(),
        })
    }
}
