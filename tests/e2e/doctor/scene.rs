//! A relay where nothing is wrong, and what the doctor says of it.

use std::fs;

use e2e::{
    Answer, Config, DEADLINE, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, wait_until,
};
use serde_json::Value;

use super::table;
use crate::webhooks::scene::{May, Scene};

pub(crate) struct Practice {
    pub(crate) scene: Scene,
    pub(crate) nms: Snmptrapd,
    pub(crate) siem: Rsyslog,
}

impl Practice {
    /// Nothing is wrong.
    pub(crate) fn healthy() -> Self {
        Self::with(|config| config)
    }

    /// Nothing is wrong but for what `more` adds.
    pub(crate) fn with(more: impl FnOnce(Config) -> Config) -> Self {
        let this = Self::new(more);
        this.scene.cloud.enable_alarms(this.scene.org, &["device_down"]).unwrap();
        this
    }

    /// Nothing is wrong but that Mist sends no alarms.
    pub(crate) fn without_template() -> Self {
        Self::new(|config| config)
    }

    fn new(more: impl FnOnce(Config) -> Config) -> Self {
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
        Self { scene, nms, siem }
    }

    /// All that the doctor finds, with the certificate's own authority trusted.
    pub(crate) fn examine(&self) -> (Value, i32) {
        self.examine_under(&[])
    }

    /// The same with the doctor under another program, such as `env` with its arguments.
    pub(crate) fn examine_under(&self, wrapper: &[&str]) -> (Value, i32) {
        let ca = self.scene.relay.ca().display().to_string();
        let answer = e2e::ask_fogbell_under(
            wrapper,
            &["doctor", "--json", "--ca", &ca, "--config", &self.config().display().to_string()],
        );
        let told = serde_json::from_str(&answer.out);
        (told.unwrap_or_else(|_| panic!("{}{}", answer.out, answer.said)), answer.code)
    }

    /// The one finding with this code, which says what `docs/doctor.md` has.
    pub(crate) fn finds(&self, code: &str) -> Value {
        found(&self.examine().0, code)
    }

    /// Whether nothing has this code any more, now or soon; whatever was looked at before is looked at.
    pub(crate) fn mended(&self, code: &str) {
        let mut told = Value::Null;
        let mended = wait_until(DEADLINE, || {
            told = self.examine().0;
            is_gone(&told, code)
        });
        assert!(mended, "{code}: {told:#}");
    }

    /// Whether everything of `component` is good.
    pub(crate) fn is_well(&self, component: &str) -> bool {
        let (told, _) = self.examine();
        let all: Vec<&Value> =
            told["findings"].as_array().unwrap().iter().filter(|it| it["component"] == component).collect();
        !all.is_empty() && all.iter().all(|it| it["status"] == "pass")
    }

    /// Runs what a finding says mends it, a command of ours, and answers its questions with yes.
    pub(crate) fn mend(&self, finding: &Value) -> Answer {
        mend(finding, &[])
    }

    /// Changes the text of the configuration.
    pub(crate) fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), change(text)).unwrap();
    }

    /// The same, and has the relay go by it.
    pub(crate) fn reload(&self, change: impl FnOnce(String) -> String) {
        self.edit(change);
        let answer = self.scene.ask(&["reload"]);
        assert_eq!(answer.code, 0, "{}", answer.said);
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.scene.folder.path().join("fogbell.toml")
    }
}

/// The one finding with this code in what was told.
pub(crate) fn found(told: &Value, code: &str) -> Value {
    let all = told["findings"].as_array().unwrap();
    let coded: Vec<&Value> = all.iter().filter(|it| it["code"] == code).collect();
    assert_eq!(coded.len(), 1, "{code}: {told:#}");
    table::agrees(coded[0]);
    coded[0].clone()
}

/// Whether nothing that was told has this code.
pub(crate) fn is_gone(told: &Value, code: &str) -> bool {
    told["findings"].as_array().unwrap().iter().all(|it| it["code"] != code)
}

/// Runs what a finding says mends it, a command of ours with `more` behind.
pub(crate) fn mend(finding: &Value, more: &[&str]) -> Answer {
    let mend = finding["mend"].as_str().unwrap();
    let words = mend.strip_prefix("fogbell ").unwrap_or_else(|| panic!("{mend} is no command of ours"));
    let mut words: Vec<&str> = words.split_whitespace().collect();
    // the test's token may write, and there is nobody to ask
    words.retain(|word| *word != "--ask-token");
    if words.starts_with(&["webhook", "create"]) {
        words.push("--yes");
    }
    e2e::ask_fogbell(&[&words, more].concat())
}
