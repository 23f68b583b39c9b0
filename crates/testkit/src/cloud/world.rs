//! Everything a fake cloud knows.

use ids::{Mac, OrgId, SiteId, Timestamp};
use serde_json::{Map, Value, json};

use super::definitions::Definitions;
use super::device::{CloudDevice, Devices};
use super::foreign::{AssignmentFault, Waiting};
use super::readings::Readings;
use super::rows::Rows;
use super::settings::CloudSettings;
use super::token::Token;
use super::webhook::Webhook;
use super::{NoSuch, Posting};
use crate::mist::Organisation;
use crate::mist::estate::uuid;
use crate::rng::Rng;

#[derive(Debug)]
pub(super) struct World {
    pub(super) rng: Rng,
    pub(super) organisations: Vec<CloudOrganisation>,
    pub(super) tokens: Vec<Token>,
    pub(super) definitions: Definitions,
    pub(super) posting: Posting,
    pub(super) readings: Readings,
    /// What others do before calls to come.
    pub(super) waiting: Vec<Waiting>,
    /// What happens to the next assignment of a device.
    pub(super) assignment_faults: std::collections::HashMap<Mac, AssignmentFault>,
    /// The devices that were assigned by a call while they were at a site.
    pub(super) reassigned: Vec<Mac>,
    /// How far the cloud's clock is ahead of the machine's.
    pub(super) ahead_micros: i64,
    last_micros: i64,
    kept_rows: usize,
}

#[derive(Debug)]
pub(super) struct CloudOrganisation {
    pub(super) id: OrgId,
    pub(super) name: String,
    pub(super) mxcluster_id: String,
    pub(super) administrator: String,
    pub(super) created: i64,
    pub(super) alarmtemplate_id: Option<String>,
    pub(super) templates: Vec<Value>,
    pub(super) sites: Vec<CloudSite>,
    pub(super) devices: Devices,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) setting: Map<String, Value>,
    pub(super) alarms: Rows,
    pub(super) events: Rows,
    pub(super) audits: Rows,
    pub(super) deliveries: Rows,
    /// What `export_idtokens` says instead of a made-up token; `None` is that there is none.
    pub(super) id_tokens: std::collections::HashMap<Mac, Option<String>>,
}

#[derive(Debug)]
pub(super) struct CloudSite {
    pub(super) id: SiteId,
    pub(super) name: String,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) alarmtemplate_id: Option<String>,
    pub(super) setting: Map<String, Value>,
    /// Id and name.
    pub(super) maps: Vec<(String, String)>,
}

impl World {
    pub(super) fn new(settings: &CloudSettings) -> Self {
        let mut world = Self {
            rng: Rng::new(settings.estate.seed ^ 0x00c1_00d5),
            organisations: Vec::new(),
            tokens: Vec::new(),
            definitions: Definitions::bundled(),
            posting: Posting::Once,
            readings: settings.readings.clone(),
            waiting: Vec::new(),
            reassigned: Vec::new(),
            assignment_faults: std::collections::HashMap::new(),
            ahead_micros: 0,
            last_micros: 0,
            kept_rows: settings.kept_rows,
        };
        let age = i64::try_from(settings.estate_age.as_secs()).unwrap_or(i64::MAX);
        let made = world.seconds().saturating_sub(age);
        for organisation in settings.estate.organisations.clone() {
            world.add_organisation(organisation, made);
        }
        world
    }

    /// Adds an organisation that was made, and last changed, at this second.
    pub(super) fn add_organisation(&mut self, organisation: Organisation, made: i64) {
        let mut devices = Devices::default();
        let mut sites = Vec::with_capacity(organisation.sites.len());
        for site in organisation.sites {
            for device in site.devices {
                devices.insert(CloudDevice::new(device, Some(site.id), made));
            }
            sites.push(self.site(site.id, site.name, made));
        }
        let id = organisation.id;
        self.tokens.push(Token::new(&mut self.rng, id, "admin", made));
        self.tokens.push(Token::new(&mut self.rng, id, "read", made));
        let rows = || Rows::new(self.kept_rows);
        self.organisations.push(CloudOrganisation {
            id,
            name: organisation.name,
            mxcluster_id: organisation.mxcluster_id,
            administrator: organisation.administrators.first().cloned().unwrap_or_default(),
            created: made,
            alarmtemplate_id: None,
            templates: Vec::new(),
            sites,
            devices,
            webhooks: Vec::new(),
            setting: Map::new(),
            alarms: rows(),
            events: rows(),
            audits: rows(),
            deliveries: rows(),
            id_tokens: std::collections::HashMap::new(),
        });
    }

    pub(super) fn site(&mut self, id: SiteId, name: String, now: i64) -> CloudSite {
        let maps = vec![(uuid(&mut self.rng), format!("{name}, ground floor"))];
        CloudSite { id, name, created: now, modified: now, alarmtemplate_id: None, setting: Map::new(), maps }
    }

    pub(super) fn uuid(&mut self) -> String {
        uuid(&mut self.rng)
    }

    /// Now by the cloud's clock, and later than every time before unless the clock was set back.
    pub(super) fn now(&mut self) -> Timestamp {
        let now = Timestamp::now().micros().saturating_add(self.ahead_micros);
        self.last_micros = now.max(self.last_micros + 1);
        Timestamp::from_micros(self.last_micros)
    }

    /// The same in whole seconds.
    pub(super) fn seconds(&mut self) -> i64 {
        self.now().micros().div_euclid(1_000_000)
    }

    pub(super) fn set_clock(&mut self, ahead_micros: i64) {
        self.ahead_micros = ahead_micros;
        self.last_micros = i64::MIN + 1;
    }

    pub(super) fn organisation(&self, id: OrgId) -> Result<&CloudOrganisation, NoSuch> {
        self.organisations.iter().find(|org| org.id == id).ok_or(NoSuch::Organisation(id))
    }

    pub(super) fn organisation_mut(&mut self, id: OrgId) -> Result<&mut CloudOrganisation, NoSuch> {
        self.organisations.iter_mut().find(|org| org.id == id).ok_or(NoSuch::Organisation(id))
    }

    /// The organisation that has this site.
    pub(super) fn owner_of(&self, site: SiteId) -> Result<OrgId, NoSuch> {
        let owner = self.organisations.iter().find(|org| org.site(site).is_some());
        owner.map(|org| org.id).ok_or(NoSuch::Site(site))
    }

    /// The organisation that has this device, and the device.
    pub(super) fn device(&self, mac: Mac) -> Result<(OrgId, &CloudDevice), NoSuch> {
        let found = self.organisations.iter().find_map(|org| Some((org.id, org.devices.find(mac)?)));
        found.ok_or(NoSuch::Device(mac))
    }

    pub(super) fn device_mut(&mut self, mac: Mac) -> Result<&mut CloudDevice, NoSuch> {
        let found = self.organisations.iter_mut().find_map(|org| org.devices.find_mut(mac));
        found.ok_or(NoSuch::Device(mac))
    }
}

impl CloudOrganisation {
    pub(super) fn site(&self, id: SiteId) -> Option<&CloudSite> {
        self.sites.iter().find(|site| site.id == id)
    }

    pub(super) fn site_mut(&mut self, id: SiteId) -> Option<&mut CloudSite> {
        self.sites.iter_mut().find(|site| site.id == id)
    }

    pub(super) fn site_name(&self, id: Option<SiteId>) -> &str {
        id.and_then(|id| self.site(id)).map_or("", |site| &site.name)
    }

    /// Whether the alarm template of the site, else of the organisation, lets alarms of this type out; without
    /// a template all of them.
    pub(super) fn alarm_enabled(&self, site: Option<SiteId>, kind: &str) -> bool {
        let site = site.and_then(|id| self.site(id));
        let assigned =
            site.and_then(|site| site.alarmtemplate_id.as_ref()).or(self.alarmtemplate_id.as_ref());
        let Some(id) = assigned else { return true };
        let template = self.templates.iter().find(|template| template["id"] == *id.as_str());
        template.is_none_or(|template| template["rules"][kind]["enabled"] == true)
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "alarmtemplate_id": self.alarmtemplate_id,
            "allow_mist": true,
            "session_expiry": 1440,
            "orggroup_ids": [],
            "created_time": self.created,
            "modified_time": self.created,
        })
    }
}

impl CloudSite {
    pub(super) fn shown(&self, org: OrgId) -> Value {
        json!({
            "id": self.id,
            "org_id": org,
            "name": self.name,
            "timezone": "Europe/Lisbon",
            "country_code": "PT",
            "address": null,
            "notes": null,
            "latlng": { "lat": 38.7, "lng": -9.1 },
            "sitegroup_ids": [],
            "alarmtemplate_id": self.alarmtemplate_id,
            "aptemplate_id": null,
            "gatewaytemplate_id": null,
            "networktemplate_id": null,
            "rftemplate_id": null,
            "secpolicy_id": null,
            "created_time": self.created,
            "modified_time": self.modified,
        })
    }
}
