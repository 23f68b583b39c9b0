//! A Mist that is not heard: quiet, cut off, or not to be asked.

use e2e::{Config, DEADLINE, Parameters, Rsyslog, RsyslogSetup, wait_until};
use testkit::cloud::NewWebhook;

use super::scene::{May, Scene};

fn told(siem: &Rsyslog) -> Vec<Parameters> {
    let lines = siem.lines();
    lines.iter().filter(|line| line.msgid == "mist_silent").map(|line| line.parameters(32_473)).collect()
}

/// States and severities of what was told.
fn states(siem: &Rsyslog) -> Vec<(String, String)> {
    told(siem).iter().map(|it| (it["state"].clone(), it["severity"].clone())).collect()
}

fn watched(siem: &Rsyslog, config: Config) -> Config {
    let sink = format!(
        "[[syslog]]\nname = \"siem\"\naddress = \"{}\"\ntransport = \"tcp\"\nsettle_secs = 0\nheartbeat_secs = 0\n",
        siem.tcp()
    );
    config.of_org("silence_secs = 3\n").table(&sink)
}

#[test]
fn a_quiet_network_is_told_from_one_that_is_cut_off_by_a_ping() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let scene = Scene::with(May::Write, |config| watched(&siem, config));
    let good = scene.add(scene.good());
    let pings = || scene.cloud.calls_to("/ping").len();

    assert!(wait_until(DEADLINE, || pings() >= 2), "{} pings", pings());
    let heard = || scene.relay.metric("fogbell_messages_total", "topic=\"ping\"") >= 2.0;
    assert!(wait_until(DEADLINE, heard));
    assert_eq!(states(&siem), [], "pings come through");

    // Mist takes pings on, and what it sends does not count any more
    scene.cloud.remove_webhook(&good).unwrap();
    let wrong = scene.add(NewWebhook::new(&scene.url(), b"another secret", &["alarms"]));
    let raised = ("raised".to_owned(), "critical".to_owned());
    assert!(wait_until(DEADLINE, || states(&siem) == [raised.clone()]), "{:?}", told(&siem));
    assert!(told(&siem)[0]["reason"].contains("a ping that Mist sent did not come through"));

    scene.cloud.remove_webhook(&wrong).unwrap();
    scene.add(scene.good());
    assert!(wait_until(DEADLINE, || states(&siem).len() == 2), "{:?}", told(&siem));
    assert_eq!(states(&siem)[1].0, "cleared");
}

#[test]
fn with_a_token_that_may_only_read_the_silence_alone_counts() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let scene = Scene::with(May::Read, |config| watched(&siem, config));
    scene.add(scene.good());

    let warned = ("raised".to_owned(), "warning".to_owned());
    assert!(wait_until(DEADLINE, || states(&siem) == [warned.clone()]), "{:?}", told(&siem));
    let reason = &told(&siem)[0]["reason"];
    assert!(reason.contains("Mist could not be asked for a ping (Mist did not take it"), "{reason}");
}
