mod drift;
mod properties;
mod safety;

use std::time::Duration;

use ids::SiteId;
use num_bigint::BigUint;
use serde_json::{Value, json};

use super::*;
use crate::config::{Changes, Configuration, Difference};
use crate::decide::SettingsFlag;
use crate::ek::{EndorsementKey, Exported, Screen};
use crate::input::{NodeRequest, RouterRequest};
use crate::observe::{Asset, AssetStatus, ConductorState, Device, Observed, Site, SsrState, TokenState};
use crate::token::TokenFingerprint;

/// A public key made by OpenSSL.
pub(crate) fn spki() -> Vec<u8> {
    use base64::Engine as _;
    let pem = include_str!("../../tests/fixtures/ek/rsa2048.pem");
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// As many keys: numbers near that one that are not weak.
pub(crate) fn keys(count: usize) -> Vec<EndorsementKey> {
    static POOL: std::sync::LazyLock<Vec<EndorsementKey>> = std::sync::LazyLock::new(|| make_keys(8));
    POOL[..count].to_vec()
}

fn make_keys(count: usize) -> Vec<EndorsementKey> {
    let spki = spki();
    let screen = Screen::new();
    let mut modulus = BigUint::from_bytes_be(&spki[33..289]);
    let mut keys = Vec::new();
    while keys.len() < count {
        let bytes = [&spki[..33], &modulus.to_bytes_be(), &spki[289..]].concat();
        let key = EndorsementKey::from_spki(&bytes).unwrap();
        if screen.judge(&key).is_ok() {
            keys.push(key);
        }
        modulus -= 2_u8;
    }
    keys
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

pub(crate) fn site(number: usize) -> SiteId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

pub(crate) fn mac(number: usize) -> Mac {
    format!("0200000{number:05}").parse().unwrap()
}

fn asset_id(number: usize) -> AssetId {
    name(&format!("A{number}"))
}

/// An organisation with virtual routers `0..`, each at its own site to come, and a conductor that has them without keys.
pub(crate) struct World {
    requests: Vec<RouterRequest>,
    observed: Observed,
    options: PlanOptions,
    /// The running configuration, router by router.
    running: Vec<Value>,
}

impl World {
    pub(crate) fn new(routers: usize) -> Self {
        let keys = keys(routers);
        let numbers = || 0..routers;
        let request = |number| RouterRequest {
            name: name(&format!("store-{number}")),
            line: number as u64 + 2,
            site: site(number),
            mode: Mode::Strong,
            conductor_hosts: vec![name("192.0.2.1")],
            nodes: vec![NodeRequest {
                node: name("node0"),
                line: number as u64 + 2,
                mac: mac(number),
                asset_id: Some(asset_id(number)),
                ek: None,
                device_id: None,
            }],
        };
        let device = |number| Device {
            mac: mac(number),
            serial: Some(format!("S{number}").into()),
            model: Some("VSSR".into()),
            name: None,
            site: None,
            connected: Some(true),
            modified: None,
        };
        let token = |number: usize| (mac(number), Exported::Token(keys[number].to_base64().as_str().into()));
        let site_of =
            |number| (site(number), Site { name: format!("ATL-{number}").into(), ssr: SsrState::default() });
        let mut running: Vec<Value> = numbers()
            .map(|number| json!({"name": format!("store-{number}"), "node": [{"name": "node0", "asset-id": format!("A{number}")}]}))
            .collect();
        // so that the first mode is not the plan's
        running.push(json!({"name": "old", "system": {"secure-conductor-onboarding": {"mode": "strong"}}}));
        Self {
            requests: numbers().map(request).collect(),
            observed: Observed {
                time: at(1_800_000_000),
                org: name("00000000-0000-4000-8000-00000000000f"),
                inventory: numbers().map(device).collect(),
                sites: numbers().map(site_of).collect(),
                org_ssr: SsrState::default(),
                exports: numbers().map(token).collect(),
                device_ids: BTreeMap::new(),
                conductor: ConductorState {
                    pin: SpkiFingerprint::of(b"conductor"),
                    version: "7.2.3-8r2".parse().ok(),
                    running: Configuration::default(),
                    candidate: Configuration::default(),
                    assets: BTreeMap::new(),
                    duplicate_assets: BTreeSet::new(),
                    connected: BTreeSet::new(),
                },
            },
            options: PlanOptions::default(),
            running,
        }
    }

    pub(crate) fn plan(&mut self) -> Plan {
        let running = Configuration::from_json(&json!({"router": self.running}));
        (self.observed.conductor.running, self.observed.conductor.candidate) = (running.clone(), running);
        Plan::make(&self.requests, &self.observed, &self.options)
    }

    /// Why the first router is refused.
    fn refusal(&mut self) -> Refusal {
        let plan = self.plan();
        match &plan.routers()[0].outcome {
            RouterOutcome::Refused(refusal) => {
                assert_eq!(
                    plan.changes().filter(|change| *change.router() == plan.routers()[0].name).count(),
                    0
                );
                refusal.clone()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn device(&mut self, number: usize, change: impl Fn(&mut Device)) {
        let mut devices: Vec<Device> = self.observed.inventory.iter().cloned().collect();
        change(&mut devices[number]);
        self.observed.inventory = devices.into_iter().collect();
    }

    fn asset(&mut self, number: usize, status: &str) {
        let asset = Asset {
            router: Some(name(&format!("store-{number}"))),
            node: Some(name("node0")),
            status: AssetStatus::new(status),
            version: None,
            seen: self.observed.time,
        };
        self.observed.conductor.assets.insert(asset_id(number), asset);
    }

    fn set_mode(&mut self, number: usize, mode: &str) {
        self.running[number]["system"] = json!({"secure-conductor-onboarding": {"mode": mode}});
    }

    fn set_key(&mut self, number: usize, key: &EndorsementKey) {
        self.running[number]["node"][0]["secure-conductor-onboarding"] =
            json!({"endorsement-key": key.to_base64()});
    }

    fn key(&self, number: usize) -> EndorsementKey {
        match &self.observed.exports[&mac(number)] {
            Exported::Token(text) => text.expose().parse().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn export(&mut self, number: usize, text: &str) {
        self.observed.exports.insert(mac(number), Exported::Token(text.into()));
    }

    /// The first router as it is when it was onboarded.
    fn onboarded() -> Self {
        let mut world = Self::new(1);
        world.set_mode(0, "strong");
        let key = world.key(0);
        world.set_key(0, &key);
        world.asset(0, "running");
        world.device(0, |device| device.site = Some(site(0)));
        world
    }
}

fn steps(plan: &Plan) -> &Steps {
    plan.steps().next().expect("a router with steps").1
}

#[test]
fn a_virtual_router_gets_its_key_its_mode_and_its_site() {
    let mut world = World::new(1);
    let key = world.key(0);

    let plan = world.plan();

    let router: RouterName = name("store-0");
    assert_eq!(
        steps(&plan),
        &Steps {
            changes: vec![
                Change::EndorsementKey { router: router.clone(), node: name("node0"), key },
                Change::Mode { router, mode: Mode::Strong },
            ],
            token_hours: 2,
            site: site(0),
            conductor_hosts: vec![name("192.0.2.1")],
            unassign: vec![],
            assign: vec![mac(0)],
            flags: vec![],
        }
    );
    assert_eq!(
        plan.routers()[0].basis.nodes[&name::<NodeName>("node0")].confirmation,
        Confirmation::MistOnly
    );
    assert_eq!(plan.cutoff(), None);
    assert_eq!(plan.to_string(), "1 to onboard, 0 unchanged, 0 waiting for their device, 0 refused");
}

#[test]
fn an_ssr440_is_known_by_its_serial_number_and_gets_no_key() {
    let mut world = World::new(1);
    world.device(0, |device| (device.model, device.serial) = (Some("SSR440".into()), Some("A0".into())));
    world.requests[0].nodes[0].asset_id = None;
    world.observed.exports.clear();

    let plan = world.plan();

    assert_eq!(steps(&plan).changes, [Change::Mode { router: name("store-0"), mode: Mode::Strong }]);
    world.requests[0].nodes[0].asset_id = Some(name("A1"));
    let serial = "A0".into();
    assert_eq!(
        world.refusal(),
        Refusal::SerialMismatch { node: name("node0"), asset_id: name("A1"), serial }
    );
    world.device(0, |device| device.serial = None);
    assert_eq!(world.refusal(), Refusal::NoSerial { mac: mac(0) });
}

#[test]
fn a_device_id_certificate_of_another_device_is_refused() {
    let mut world = World::new(1);
    world.device(0, |device| (device.model, device.serial) = (Some("SSR400".into()), Some("A0".into())));
    let certificate = include_bytes!("../../tests/fixtures/pki/devid.crt");
    world.observed.device_ids.insert(mac(0), certificate[..].into());
    assert!(matches!(world.refusal(), Refusal::DeviceId { .. }));

    // also when Mist returns it in place of an ID token
    world.observed.device_ids.clear();
    world.export(0, std::str::from_utf8(certificate).unwrap());
    assert!(matches!(world.refusal(), Refusal::DeviceId { .. }));

    world.device(0, |device| device.serial = Some("AB1234567890".into()));
    world.requests[0].nodes[0].asset_id = None;
    world.running[0]["node"][0]["asset-id"] = json!("AB1234567890");
    let plan = world.plan();
    assert_eq!(plan.steps().count(), 1);
    assert!(plan.routers()[0].warnings[0].contains("unverified"), "{:?}", plan.routers()[0].warnings);
}

#[test]
fn another_model_is_refused_unless_it_is_said_to_be_virtual() {
    let mut world = World::new(1);
    world.device(0, |device| device.model = Some("SSR120".into()));
    assert_eq!(world.refusal(), Refusal::Model { mac: mac(0), model: "SSR120".into() });
    world.options.virtual_models = vec!["SSR120".into()];
    assert_eq!(world.plan().steps().count(), 1);
}

#[test]
fn a_state_in_which_all_is_as_wanted_gets_no_steps() {
    let mut world = World::onboarded();
    // whatever the site's settings tell by now
    world.observed.sites.values_mut().for_each(|site| site.ssr.conductor_hosts = vec!["192.0.2.9".into()]);

    let plan = world.plan();

    assert!(plan.is_empty() && plan.flags().is_empty() && plan.waves().is_empty());
    assert_eq!(plan.routers()[0].outcome, RouterOutcome::Done);
}

#[test]
fn a_pair_is_one_router_with_two_keys_and_one_assignment() {
    let mut world = World::new(2);
    let second = world.requests.remove(1).nodes.remove(0);
    world.requests[0].nodes.push(NodeRequest { node: name("node1"), ..second });
    world.running[0]["node"] =
        json!([{"name": "node0", "asset-id": "A0"}, {"name": "node1", "asset-id": "A1"}]);
    world.running.remove(1);

    let plan = world.plan();

    assert_eq!(plan.changes().filter(|change| matches!(change, Change::EndorsementKey { .. })).count(), 2);
    assert_eq!(steps(&plan).assign, [mac(0), mac(1)]);
    world.device(1, |device| device.model = Some("SSR400".into()));
    assert_eq!(world.refusal(), Refusal::MixedModels);
}

#[test]
fn canaries_come_first_and_routers_of_one_site_one_after_the_other() {
    let mut world = World::new(7);
    world.requests.iter_mut().take(3).for_each(|request| request.site = site(0));
    (world.options.canary, world.options.wave_size) = (1, 4);

    let plan = world.plan();

    let waves: Vec<(bool, usize)> =
        plan.waves().iter().map(|wave| (wave.canary, wave.routers.len())).collect();
    assert_eq!(waves, [(true, 1), (false, 4), (false, 2)]);
    let longest = plan.longest_queue().unwrap();
    assert_eq!(longest.routers, ["store-0", "store-1", "store-2"].map(name::<RouterName>));
    assert_eq!(longest.at_most, Duration::from_secs(3 * 30 * 60));
    assert_eq!(plan.queues().len(), 5);
}

#[test]
fn a_plan_is_kept_as_it_is_and_a_change_to_it_is_told() {
    let mut world = World::new(2);
    world.device(1, |device| device.site = Some(site(7)));
    let plan = world.plan();

    let text = plan.to_json();

    assert_eq!(Plan::from_json(&text), Ok(plan.clone()));
    assert_eq!(plan.hash(), world.plan().hash());
    let changed = text.replacen("store-0", "store-8", 1);
    assert!(matches!(Plan::from_json(&changed), Err(PlanError::Changed { .. })));
    let newer = text.replacen("\"fogbell_plan\": 1", "\"fogbell_plan\": 2", 1);
    assert_eq!(Plan::from_json(&newer), Err(PlanError::Version { found: 2 }));
    assert!(matches!(
        Plan::from_json(&text.replacen("\"made\"", "\"mode\"", 1)),
        Err(PlanError::Broken { .. })
    ));
    assert_eq!(Plan::from_json("{}"), Err(PlanError::NoPlan));
}

#[test]
fn a_plan_holds_no_secret() {
    let mut world = World::new(1);
    world.running[0]["system"] = json!({"secure-conductor-onboarding": {"pre-shared-secret": "FAKE-SECRET"}});
    let token = crate::token::tests::good(&["A0"]);
    let setting = json!({"ssr": {"conductor_token": token}});
    let setting = <mist::ssr::Setting as mist::Answer>::from_json(setting).unwrap();
    world.observed.sites.values_mut().for_each(|site| site.ssr = SsrState::of(setting.ssr.as_ref()));

    let plan = world.plan();

    let printed = format!("{} {plan:?} {:?}", plan.to_json(), world.observed);
    assert!(!printed.contains("FAKE-SECRET") && token.split('.').all(|part| !printed.contains(part)));
}
