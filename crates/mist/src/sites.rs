//! Sites, and their maps.

use ids::{OrgId, SiteId, Timestamp};
use serde_json::Value;

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::request::Call;
use crate::{Id, Listing, Request};

/// The sites of an organisation.
///
/// `GET /api/v1/orgs/{org_id}/sites`, operation `listOrgSites`.
pub fn list(org: OrgId) -> Listing<Site> {
    Listing::numbered(Call::get("listOrgSites", "/api/v1/orgs/{org_id}/sites", &[&org]))
}

/// One site.
///
/// `GET /api/v1/sites/{site_id}`, operation `getSiteInfo`.
pub fn info(site: SiteId) -> Request<Site> {
    Request::new(Call::get("getSiteInfo", "/api/v1/sites/{site_id}", &[&site]))
}

/// The maps of a site.
///
/// `GET /api/v1/sites/{site_id}/maps`, operation `listSiteMaps`.
pub fn maps(site: SiteId) -> Listing<Map> {
    Listing::numbered(Call::get("listSiteMaps", "/api/v1/sites/{site_id}/maps", &[&site]))
}

/// A site.
#[derive(Debug)]
#[non_exhaustive]
pub struct Site {
    /// Its id.
    pub id: Option<SiteId>,
    /// Its name.
    pub name: Option<String>,
    /// The organisation it is of.
    pub org_id: Option<OrgId>,
    /// Its time zone, as in `America/Los_Angeles`.
    pub timezone: Option<String>,
    /// Its alarm template, where it has one of its own.
    pub alarm_template: Option<Id>,
    /// Groups of sites it is in.
    pub sitegroups: Vec<String>,
    /// When it was changed.
    pub modified: Option<Timestamp>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for Site {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            name: fields.text("name"),
            org_id: fields.parsed("org_id"),
            timezone: fields.text("timezone"),
            alarm_template: fields.parsed("alarmtemplate_id"),
            sitegroups: fields.texts("sitegroup_ids"),
            modified: fields.time("modified_time"),
            extra: fields.rest(),
        })
    }
}

/// A map of a site.
#[derive(Debug)]
#[non_exhaustive]
pub struct Map {
    /// Its id.
    pub id: Option<Id>,
    /// Its name.
    pub name: Option<String>,
    /// The site it is of.
    pub site_id: Option<SiteId>,
    /// The rest.
    pub extra: Extra,
}

impl Answer for Map {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            id: fields.parsed("id"),
            name: fields.text("name"),
            site_id: fields.parsed("site_id"),
            extra: fields.rest(),
        })
    }
}
