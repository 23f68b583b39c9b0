//! What is wrong in Mist.

use e2e::Config;
use serde_json::json;
use testkit::cloud::NewWebhook;

use super::scene::Practice;

#[test]
fn each_fault_of_a_webhook_is_found_and_the_command_mends_it() {
    let practice = Practice::healthy();
    let scene = &practice.scene;
    let id = scene.told(&["webhook", "list"]).0["webhooks"][0]["id"].as_str().unwrap().to_owned();
    scene.cloud.remove_webhook(&id).unwrap();
    let (url, secret) = (scene.url(), Config::SECRET.as_bytes());

    let (status, none) = practice.finding("webhook");
    assert_eq!(status, "fail");
    assert!(none["text"].as_str().unwrap().contains("no webhook of the organisation posts to"), "{none}");
    let answer = practice.mend(&none);
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.said);
    assert!(practice.is_well("webhook"));
    let made = scene.told(&["webhook", "list"]).0["webhooks"][0]["id"].as_str().unwrap().to_owned();
    scene.cloud.remove_webhook(&made).unwrap();

    for (webhook, status, says) in [
        (scene.good().field("enabled", json!(false)), "fail", "switched off"),
        (scene.good().field("secret", json!(null)), "fail", "no secret"),
        (scene.good().field("secret", json!("another")), "fail", "another secret"),
        (scene.good().field("verify_cert", json!(false)), "warn", "does not check"),
        (NewWebhook::new(&url, secret, &["alarms"]), "warn", "does not post audits, device-events"),
    ] {
        let id = scene.add(webhook);
        let (found, finding) = practice.finding("webhook");
        assert_eq!(found, status, "{finding}");
        assert!(finding["text"].as_str().unwrap().contains(says), "{finding}");
        let answer = practice.mend(&finding);
        assert_eq!(answer.code, 0, "{says}: {}{}", answer.out, answer.said);
        assert!(practice.is_well("webhook"), "{says}: {:#}", practice.examine().0);
        scene.cloud.remove_webhook(&id).unwrap();
    }
}

#[test]
fn a_duplicate_and_failed_deliveries_are_found() {
    let practice = Practice::healthy();
    let scene = &practice.scene;
    let (site, _) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    scene.add(NewWebhook::new(&scene.url(), Config::SECRET.as_bytes(), &["alarms"]).for_site(site));

    let (status, double) = practice.finding("webhook");
    assert_eq!(status, "warn");
    assert!(double["text"].as_str().unwrap().contains("arrives twice"), "{double}");
    assert_eq!(practice.mend(&double).code, 0);
    assert!(practice.is_well("webhook"));

    // somebody changed the secret in Mist for a while
    let id = scene.told(&["webhook", "list"]).0["webhooks"][0]["id"].as_str().unwrap().to_owned();
    scene.cloud.remove_webhook(&id).unwrap();
    let id = scene.add(scene.good().field("secret", json!("another")));
    scene.runtime.block_on(scene.cloud.ping(&id)).unwrap();
    let told = scene.told(&["webhook", "create", "--yes"]);
    assert_eq!(told.1, 0, "{}", told.0);
    let (status, failed) = practice.finding("webhook");
    assert_eq!(status, "fail");
    assert!(failed["text"].as_str().unwrap().contains("the relay answered 401"), "{failed}");
    // a ping that comes through is the proof
    assert_eq!(practice.mend(&failed).code, 0);
    assert!(practice.is_well("webhook"), "{:#}", practice.examine().0);
}

#[test]
fn a_token_that_is_dead_or_spent_is_found() {
    let practice = Practice::healthy();
    let (scene, token) = (&practice.scene, practice.scene.cloud.token(practice.scene.org));

    scene.cloud.spend(&token, 4_700).unwrap();
    let (status, finding) = practice.finding("mist api");
    assert_eq!(status, "warn", "{finding}");
    assert!(finding["text"].as_str().unwrap().contains("of 5000 calls left this hour"), "{finding}");

    scene.cloud.revoke(&token).unwrap();
    let (status, finding) = practice.finding("mist api");
    assert_eq!(status, "fail");
    assert!(finding["text"].as_str().unwrap().contains("401"), "{finding}");
    // what mends it is another token, where the finding says
    let file = scene.folder.path().join("secrets/token");
    assert!(finding["mend"].as_str().unwrap().contains(&file.display().to_string()), "{finding}");
    std::fs::write(&file, scene.cloud.read_token(scene.org)).unwrap();
    assert!(practice.is_well("mist api"), "{:#}", practice.examine().0);
}

#[test]
fn alarm_templates_that_send_nothing_and_delays_are_found() {
    let practice = Practice::healthy();
    let scene = &practice.scene;
    assert!(practice.is_well("alarm template") && practice.is_well("up/down delay"));

    scene.cloud.enable_alarms(scene.org, &[]).unwrap();
    let (status, finding) = practice.finding("alarm template");
    assert_eq!(status, "warn");
    assert!(finding["text"].as_str().unwrap().contains("no alarm switched on"), "{finding}");
    scene.cloud.enable_alarms(scene.org, &["device_down"]).unwrap();
    assert!(practice.is_well("alarm template"));

    let (site, name) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    scene.cloud.set_site_setting(site, "switch_updown_threshold", json!(10)).unwrap();
    let (status, finding) = practice.finding("up/down delay");
    assert_eq!((status.as_str(), &finding["target"]), ("warn", &json!(format!("site {name}"))));
    assert!(finding["text"].as_str().unwrap().contains("switches 10 min"), "{finding}");
    scene.cloud.set_site_setting(site, "switch_updown_threshold", json!(0)).unwrap();
    assert!(practice.is_well("up/down delay"));
}
