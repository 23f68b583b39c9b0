//! `fogbell webhook ping`: it comes through, or is said to be lost where it was.

use e2e::{Config, Notification, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup, free_port};
use serde_json::Value;
use testkit::cloud::NewWebhook;

use super::scene::{May, Scene};

/// The stage where it was lost, and what is said of it.
fn lost(scene: &Scene, more: &[&str]) -> (String, String) {
    let (told, code) = scene.told(&[&["webhook", "ping"], more].concat());
    assert_eq!(code, 1, "{told}");
    let stages = told["stages"].as_array().unwrap();
    let stage = stages.iter().find(|stage| stage["passed"] == false).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(told["lost_at"], stage["name"]);
    (stage["name"].as_str().unwrap().to_owned(), stage["text"].as_str().unwrap().to_owned())
}

#[test]
fn a_ping_comes_through_to_every_sink_though_no_route_names_it() {
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["public".to_owned()], ..Default::default() });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let scene = Scene::with(May::Write, |config| {
        config
            .v2c("noc", &nms.address(), "public", Notification::Inform)
            .syslog("siem", &siem.tcp(), "tcp")
            .table("[[route]]\nname = \"pings\"\ntopic = [\"ping\"]\nsinks = [\"siem\"]\n")
    });
    scene.add(scene.good());

    let (told, code) = scene.told(&["webhook", "ping"]);

    assert_eq!(code, 0, "{told}");
    let stages = told["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mist", "listener", "rules", "sink noc", "sink siem"]);
    let times: Vec<u64> = stages.iter().map(|stage| stage["ms"].as_u64().unwrap()).collect();
    assert!(times[1] <= times[2] && times[2] <= times[3].min(times[4]), "{told}");
    let text = |n: usize| stages[n]["text"].as_str().unwrap();
    assert!(text(3).contains("acknowledged; no route gives it pings"), "{}", text(3));
    assert!(!text(4).contains("no route"), "{}", text(4));
    assert_eq!((nms.wait_traps(1).len(), siem.wait_lines(1).len()), (1, 1));
    assert_eq!(siem.wait_lines(1)[0].msgid, "ping");
    // a ping of Mist that nobody follows goes where the routes say, as ever
    let id = scene.told(&["webhook", "list"]).0["webhooks"][0]["id"].as_str().unwrap().to_owned();
    scene.runtime.block_on(scene.cloud.ping(&id)).unwrap();
    assert_eq!((siem.wait_lines(2).len(), nms.wait_traps(1).len()), (2, 1));
}

#[test]
fn a_ping_that_is_lost_is_lost_where_it_is_said() {
    let away = format!("127.0.0.1:{}", free_port());
    let scene = Scene::with(May::Write, |config| config.syslog("away", &away, "tcp"));
    let webhook = |fields: NewWebhook| {
        let id = scene.add(fields);
        let found = lost(&scene, &["--id", &id, "--wait", "6"]);
        scene.cloud.remove_webhook(&id).unwrap();
        found
    };
    let url = scene.url();

    let (at, text) = webhook(NewWebhook::new(&url, b"another secret", &["alarms"]));
    assert_eq!(at, "signature", "{text}");
    assert!(text.contains("another secret") && text.contains("--set-secret"), "{text}");
    let (at, text) = webhook(NewWebhook::new(&url, b"", &["alarms"]));
    assert_eq!(at, "signature", "{text}");
    assert!(text.contains("no secret"), "{text}");
    let (at, text) =
        webhook(NewWebhook::new(&format!("{url}/other"), Config::SECRET.as_bytes(), &["alarms"]));
    assert_eq!(at, "path", "{text}");
    let nobody = format!("https://127.0.0.1:{}/v1/mist", free_port());
    let (at, text) = webhook(NewWebhook::new(&nobody, Config::SECRET.as_bytes(), &["alarms"]));
    assert_eq!(at, "network", "{text}");
    assert!(text.contains("Mist cannot reach") && text.contains("Mist says"), "{text}");
    let (at, text) = webhook(scene.good().field("enabled", Value::Bool(false)));
    assert_eq!(at, "mist", "{text}");
    let (at, text) = webhook(scene.good());
    assert_eq!(at, "sink away", "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[test]
fn a_cloud_that_does_not_trust_the_certificate_is_seen_at_the_handshake() {
    let scene = Scene::that_trusts(false, May::Write, |config| config);
    scene.add(scene.good());

    let (at, text) = lost(&scene, &[]);

    assert_eq!(at, "TLS", "{text}");
    assert!(text.contains("does not trust the certificate"), "{text}");
}

#[test]
fn a_ping_from_an_address_that_is_not_listed_is_seen_at_the_address() {
    let scene = Scene::with(May::Write, |config| config.set("gate", "networks", "[\"192.0.2.0/24\"]"));
    scene.add(scene.good());

    let (at, text) = lost(&scene, &[]);

    assert_eq!(at, "address", "{text}");
    assert!(text.contains("127.0.0.1") && text.contains("global-01"), "{text}");
}
