//! Alarms, and the templates that say which there are.

use std::collections::BTreeMap;

use http::Method;
use ids::{OrgId, SiteId, Timestamp};
use serde_json::Value;

use crate::answer::{Answer, Misfit};
use crate::fields::{Extra, Fields};
use crate::request::Call;
use crate::{Id, Listing, Order, Period, Scope};

/// The alarms of an organisation or a site.
///
/// `GET /api/v1/orgs/{org_id}/alarms/search`, operation `searchOrgAlarms`; of a site `searchSiteAlarms`.
pub fn search(scope: Scope, filter: &AlarmFilter) -> Listing<Alarm> {
    let mut call = scope.call(
        Method::GET,
        ("searchOrgAlarms", "/api/v1/orgs/{org_id}/alarms/search"),
        ("searchSiteAlarms", "/api/v1/sites/{site_id}/alarms/search"),
        &[],
    );
    let query = &mut call.query;
    query.add_some("group", filter.group.as_deref());
    query.add_some("severity", filter.severity.as_deref());
    query.add_list("type", &filter.kinds);
    query.add_some("acked", filter.acked);
    query.add_some("sort", filter.order);
    if let Some(period) = filter.period {
        period.add_to(query);
    }
    Listing::chained(call)
}

/// Which alarms are looked for.
#[derive(Clone, Debug, Default)]
pub struct AlarmFilter {
    /// From when to when; the last day when it is not said.
    pub period: Option<Period>,
    /// `infrastructure`, `marvis`, `security` or `certificate_expiry`; in an organisation also several, with commas.
    pub group: Option<String>,
    /// `critical`, `warn` or `info`; in an organisation also several, with commas.
    pub severity: Option<String>,
    /// Of these types; all when there are none.
    pub kinds: Vec<String>,
    /// Whether somebody has acknowledged it.
    pub acked: Option<bool>,
    /// In which order.
    pub order: Option<Order>,
}

/// An alarm.
#[derive(Debug)]
#[non_exhaustive]
pub struct Alarm {
    /// Its id.
    pub id: Option<Id>,
    /// When it was raised.
    pub timestamp: Option<Timestamp>,
    /// When it was seen last.
    pub last_seen: Option<Timestamp>,
    /// Its type, as `device_down`.
    pub kind: Option<String>,
    /// Its group.
    pub group: Option<String>,
    /// Its severity.
    pub severity: Option<String>,
    /// How often it was seen.
    pub count: Option<u64>,
    /// Its organisation.
    pub org_id: Option<OrgId>,
    /// Its site.
    pub site_id: Option<SiteId>,
    /// `open` or `resolved`, or another.
    pub status: Option<String>,
    /// When it was resolved.
    pub resolved: Option<Timestamp>,
    /// Whether somebody has acknowledged it.
    pub acked: Option<bool>,
    /// The whole of it, as it came.
    pub raw: Extra,
}

impl Answer for Alarm {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        Ok(Self {
            raw: fields.all(),
            id: fields.parsed("id"),
            timestamp: fields.time("timestamp"),
            last_seen: fields.time("last_seen"),
            kind: fields.text("type"),
            group: fields.text("group"),
            severity: fields.text("severity"),
            count: fields.count("count"),
            org_id: fields.parsed("org_id"),
            site_id: fields.parsed("site_id"),
            status: fields.text("status"),
            resolved: fields.time("resolved_time"),
            acked: fields.flag("acked"),
        })
    }
}

/// The alarm templates of an organisation. An alarm that the template of its site does not enable is told to no webhook.
///
/// `GET /api/v1/orgs/{org_id}/alarmtemplates`, operation `listOrgAlarmTemplates`.
pub fn templates(org: OrgId) -> Listing<AlarmTemplate> {
    Listing::numbered(Call::get("listOrgAlarmTemplates", "/api/v1/orgs/{org_id}/alarmtemplates", &[&org]))
}

/// An alarm template.
#[derive(Debug)]
#[non_exhaustive]
pub struct AlarmTemplate {
    /// Its id.
    pub id: Option<Id>,
    /// Its name.
    pub name: Option<String>,
    /// Types of alarms that it names, and whether it enables them. A type is spelt here and there with other separators.
    pub rules: BTreeMap<String, bool>,
    /// The rest, with who gets mails.
    pub extra: Extra,
}

impl Answer for AlarmTemplate {
    fn from_json(value: Value) -> Result<Self, Misfit> {
        let mut fields = Fields::of(value)?;
        let rules = fields.object("rules").map(Fields::rest).unwrap_or_default();
        let enabled = |rule: &Value| rule["enabled"].as_bool().unwrap_or(false);
        Ok(Self {
            id: fields.parsed("id"),
            name: fields.text("name"),
            rules: rules.iter().map(|(kind, rule)| (kind.clone(), enabled(rule))).collect(),
            extra: fields.rest(),
        })
    }
}
