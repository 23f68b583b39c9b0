//! A relay where nothing is wrong, and what the doctor says of it.

use std::fs;

use e2e::{Answer, Config, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup};
use serde_json::Value;

use crate::webhooks::scene::{May, Scene};

pub(super) struct Practice {
    pub(super) scene: Scene,
    pub(super) nms: Snmptrapd,
    pub(super) siem: Rsyslog,
}

impl Practice {
    /// Nothing is wrong.
    pub(super) fn healthy() -> Self {
        Self::with(|config| config)
    }

    /// Nothing is wrong but for what `more` adds.
    pub(super) fn with(more: impl FnOnce(Config) -> Config) -> Self {
        let setup = SnmptrapdSetup { communities: vec!["public".to_owned()], ..SnmptrapdSetup::default() };
        let (nms, siem) = (Snmptrapd::start(&setup), Rsyslog::start(&RsyslogSetup::default()));
        let scene = Scene::with(May::Write, |config| {
            more(config.v2c("noc", &nms.address(), "public", Notification::Inform).syslog(
                "siem",
                &siem.tcp(),
                "tcp",
            ))
        });
        scene.add(scene.good());
        scene.cloud.enable_alarms(scene.org, &["device_down"]).unwrap();
        Self { scene, nms, siem }
    }

    /// All that the doctor finds, with the certificate's own authority trusted.
    pub(super) fn examine(&self) -> (Value, i32) {
        let ca = self.scene.relay.ca().display().to_string();
        self.scene.told(&["doctor", "--ca", &ca])
    }

    /// The one finding of `component` that is not good, and its status.
    pub(super) fn finding(&self, component: &str) -> (String, Value) {
        let (told, _) = self.examine();
        let bad: Vec<&Value> = told["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["component"] == component && it["status"] != "pass")
            .collect();
        assert_eq!(bad.len(), 1, "{component}: {told:#}");
        (bad[0]["status"].as_str().unwrap().to_owned(), bad[0].clone())
    }

    /// Whether everything of `component` is good.
    pub(super) fn is_well(&self, component: &str) -> bool {
        let (told, _) = self.examine();
        let all: Vec<&Value> =
            told["findings"].as_array().unwrap().iter().filter(|it| it["component"] == component).collect();
        !all.is_empty() && all.iter().all(|it| it["status"] == "pass")
    }

    /// Runs what a finding says mends it, a command of ours, and answers its questions with yes.
    pub(super) fn mend(&self, finding: &Value) -> Answer {
        let mend = finding["mend"].as_str().unwrap();
        let words = mend.strip_prefix("fogbell ").unwrap_or_else(|| panic!("{mend} is no command of ours"));
        let mut words: Vec<&str> = words.split_whitespace().collect();
        // the test's token may write, and there is nobody to ask
        words.retain(|word| *word != "--ask-token");
        if words.starts_with(&["webhook", "create"]) {
            words.push("--yes");
        }
        e2e::ask_fogbell(&words)
    }

    /// Changes the text of the configuration.
    pub(super) fn edit(&self, change: impl FnOnce(String) -> String) {
        let path = self.scene.folder.path().join("fogbell.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(text)).unwrap();
    }
}
