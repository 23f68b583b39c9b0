//! Every sample that the project keeps, with names from the cloud.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{DEADLINE, Parameters, wait_until};
use serde_json::Value;
use testkit::cloud::Estate;
use testkit::ids::{Mac, SiteId};
use testkit::mist::{Device, DeviceKind, Organisation, Site};

use super::Scene;
use crate::delivery::samples::Sample;

/// What the samples become when everything has a name: the table of `fogbell-alarm`, which its own tests hold.
const TABLE: &str = include_str!("../../../crates/alarm/tests/golden/samples.txt");

#[test]
fn every_sample_has_the_names_that_the_cloud_knows() {
    let samples = Sample::all();
    let rows: Vec<Row<'_>> = TABLE.lines().filter_map(Row::read).collect();
    let topics: BTreeSet<&str> = samples.iter().map(|sample| sample.topic.as_str()).collect();
    let topics: Vec<&str> = topics.into_iter().collect();
    let route = format!("[[route]]\ntopic = {topics:?}\nsinks = [\"siem\"]\n");
    let scene = Scene::with(estate(&samples, &rows), |config| config.table(&route));
    scene.wait_names();
    wait_until_named(&scene);

    let before = scene.siem.lines().len();
    for sample in &samples {
        scene.relay.deliver(&sample.body);
    }
    // behind the last sample, so that everything has come when it has
    scene
        .relay
        .deliver(r#"{"topic":"alarms","events":[{"id":"last","type":"last","timestamp":1767323045}]}"#);
    let last = |line: &e2e::Line| line.parameters(super::ENTERPRISE)["type"] == "last";
    assert!(wait_until(DEADLINE, || scene.siem.lines().last().is_some_and(last)));

    let lines = scene.siem.lines();
    let mut said: Vec<Parameters> =
        lines[before..].iter().map(|line| line.parameters(super::ENTERPRISE)).collect();
    said.pop();
    let mut named = 0;
    for said in &said {
        let row = rows.iter().find(|row| row.is(said));
        assert!(row.is_some(), "it is in no line of the table: {said:?}");
        assert!(!said["group"].is_empty() && !said["severity"].is_empty(), "{said:?}");
        named += usize::from(said.get("device").is_some_and(|name| name.starts_with("dev-")));
    }
    for row in &rows {
        assert!(said.iter().any(|said| row.is(said)), "nothing came of {row:?}");
    }
    assert!(rows.len() > 120 && named > 40, "{} lines, {named} names of the cloud's", rows.len());
}

/// Waits until a device is named that nothing but the cloud names: then everything is.
fn wait_until_named(scene: &Scene) {
    let (mac, name) = scene.devices("ap")[0].clone();
    let mut posted = 0;
    let named = wait_until(DEADLINE, || {
        posted += 1;
        scene.relay.deliver(&super::bare("AP_CONFIG_CHANGED_BY_USER", mac, 1_767_000_000 + posted));
        let said = scene.said(usize::try_from(posted).unwrap());
        said.last().unwrap().get("device") == Some(&name)
    });
    assert!(named);
}

/// One line of the table; `-` stands for what an alert does not have.
#[derive(Debug)]
struct Row<'a> {
    columns: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let columns: Vec<&str> = line.trim().split(" | ").collect();
        (columns.len() == 12).then_some(Self { columns })
    }

    /// Whether this is what `said` says; the cloud may know more than the table, and nothing else.
    ///
    /// State and count are left out: here the samples come one behind the other to the same relay, and some tell of the
    /// same problem; so does the severity of a clear, which is its raise's.
    fn is(&self, said: &Parameters) -> bool {
        let names = ["severity", "group", "type", "device_type", "device", "mac", "site", "port", "ip"];
        [1, 2, 3, 4, 5, 6, 7, 8, 9].iter().zip(names).all(|(column, name)| {
            // what has no severity is told as a warning
            let expect = Some(self.columns[*column]).filter(|it| *it != "unknown").unwrap_or("warning");
            if name == "severity" && said["state"] == "cleared" {
                return true;
            }
            let may_be_added = ["device_type", "device", "mac", "site", "ip"].contains(&name);
            match said.get(name) {
                Some(value) => value == expect || (expect == "-" && may_be_added),
                None => expect == "-",
            }
        })
    }
}

/// A cloud that has every site and every device that occurs in the samples, named as in the table.
fn estate(samples: &[Sample], rows: &[Row<'_>]) -> Estate {
    let kinds: BTreeMap<&str, &str> = rows.iter().map(|row| (row.columns[6], row.columns[4])).collect();
    let mut found = Found::default();
    for sample in samples {
        sample.events.iter().for_each(|event| found.look(event, "", None));
    }
    let nowhere = found.sites.keys().next().cloned().unwrap();
    for (mac, site) in found.devices {
        let kind = match kinds.get(mac.to_string().as_str()) {
            Some(&"switch") => DeviceKind::Switch,
            Some(&"gateway") => DeviceKind::Gateway,
            _ => DeviceKind::Ap,
        };
        let device = Device::new(kind, mac, format!("dev-{mac}"));
        found.sites.get_mut(site.as_ref().unwrap_or(&nowhere)).unwrap().push(device);
    }
    let sites = found.sites.into_iter().map(|(id, devices)| {
        let name = format!("site-{}", &id[..8]);
        Site::new(id.parse::<SiteId>().unwrap(), name, devices)
    });
    let organisation = "9777c1a0-6ef6-11e6-8bbf-02e208b2d34f".parse().unwrap();
    Estate::of(vec![Organisation::new(organisation, "Example", sites.collect())], 11)
}

/// What occurs in the samples: sites, and devices with the site they were first seen in.
#[derive(Default)]
struct Found {
    sites: BTreeMap<String, Vec<Device>>,
    devices: BTreeMap<Mac, Option<String>>,
}

impl Found {
    fn look(&mut self, value: &Value, field: &str, site: Option<&str>) {
        match value {
            Value::Object(fields) => {
                let own = fields.get("site_id").and_then(Value::as_str).filter(|id| id.len() > 8);
                fields.iter().for_each(|(field, value)| self.look(value, field, own.or(site)));
            }
            Value::Array(values) => values.iter().for_each(|value| self.look(value, field, site)),
            Value::String(id) if field == "site_id" && id.len() > 8 => {
                self.sites.entry(id.clone()).or_default();
            }
            Value::String(text) => {
                // an id of a device ends in its address
                let text = text.strip_prefix("00000000-0000-0000-1000-").unwrap_or(text);
                if let Ok(mac) = text.parse::<Mac>() {
                    let at = self.devices.entry(mac).or_default();
                    *at = at.take().or_else(|| site.map(str::to_owned));
                }
            }
            _ => {}
        }
    }
}
