//! What is wrong in Mist.

use std::fs;

use e2e::Config;
use serde_json::{Value, json};
use testkit::cloud::{Misbehaviour, NewWebhook};

use super::scene::Practice;

impl Practice {
    /// Has the only webhook that is here be this one; its id.
    fn with_webhook(&self, webhook: NewWebhook) -> String {
        for one in self.scene.told(&["webhook", "list"]).0["webhooks"].as_array().unwrap() {
            self.scene.cloud.remove_webhook(one["id"].as_str().unwrap()).unwrap();
        }
        self.scene.add(webhook)
    }

    /// Runs the command that mends a finding, which has to work.
    fn must_mend(&self, finding: &Value) {
        let answer = self.mend(finding);
        assert_eq!(answer.code, 0, "{finding}: {}{}", answer.out, answer.said);
    }
}

#[test]
fn a_webhook_that_is_missing_off_or_has_no_secret_or_another_is_found_and_the_command_mends_it() {
    let practice = Practice::healthy();
    let good = || practice.scene.good();

    let id = practice.with_webhook(good());
    practice.scene.cloud.remove_webhook(&id).unwrap();
    practice.must_mend(&practice.finds("webhook_none"));
    practice.mended("webhook_none");

    practice.with_webhook(good().field("enabled", json!(false)));
    practice.must_mend(&practice.finds("webhook_off"));
    practice.mended("webhook_off");

    practice.with_webhook(good().field("secret", json!(null)));
    practice.must_mend(&practice.finds("webhook_unsigned"));
    practice.mended("webhook_unsigned");

    practice.with_webhook(good().field("secret", json!("another")));
    practice.must_mend(&practice.finds("webhook_other_secret"));
    practice.mended("webhook_other_secret");
    assert!(practice.is_well("webhook"), "{:#}", practice.examine().0);
}

#[test]
fn a_webhook_that_checks_nothing_or_posts_too_little_is_found_and_the_command_mends_it() {
    let practice = Practice::healthy();

    practice.with_webhook(practice.scene.good().field("verify_cert", json!(false)));
    practice.must_mend(&practice.finds("webhook_unverified"));
    practice.mended("webhook_unverified");

    let (url, secret) = (practice.scene.url(), Config::SECRET.as_bytes());
    practice.with_webhook(NewWebhook::new(&url, secret, &["alarms"]));
    let few = practice.finds("webhook_topics");
    assert!(few["text"].as_str().unwrap().contains("audits, device-events"), "{few}");
    practice.must_mend(&few);
    practice.mended("webhook_topics");
    assert!(practice.is_well("webhook"), "{:#}", practice.examine().0);
}

#[test]
fn a_duplicate_and_failed_deliveries_are_found() {
    let practice = Practice::healthy();
    let scene = &practice.scene;
    let (site, _) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    scene.add(NewWebhook::new(&scene.url(), Config::SECRET.as_bytes(), &["alarms"]).for_site(site));

    practice.must_mend(&practice.finds("webhook_twice"));
    practice.mended("webhook_twice");

    // somebody changed the secret in Mist for a while
    let id = practice.with_webhook(scene.good().field("secret", json!("another")));
    scene.runtime.block_on(scene.cloud.ping(&id)).unwrap();
    let told = scene.told(&["webhook", "create", "--yes"]);
    assert_eq!(told.1, 0, "{}", told.0);
    let failed = practice.finds("webhook_failed");
    assert!(failed["text"].as_str().unwrap().contains("the relay answered 401"), "{failed}");
    // a ping that comes through is the proof
    practice.must_mend(&failed);
    practice.mended("webhook_failed");
}

#[test]
fn webhooks_that_may_not_be_looked_at_are_said_to_be_such() {
    let practice = Practice::healthy();
    practice.scene.cloud.misbehave(Misbehaviour::Status(403)).on("/webhooks").always();

    let finding = practice.finds("webhook_unseen");

    assert!(finding["text"].as_str().unwrap().contains("403"), "{finding}");
    practice.scene.cloud.behave();
    practice.mended("webhook_unseen");
}

#[test]
fn a_token_that_is_spent_or_dead_is_found_and_another_at_its_place_mends_it() {
    let practice = Practice::healthy();
    let (scene, token) = (&practice.scene, practice.scene.cloud.token(practice.scene.org));
    let file = scene.folder.path().join("secrets/token");

    scene.cloud.spend(&token, 4_700).unwrap();
    let finding = practice.finds("calls_short");
    assert!(finding["mend"].as_str().unwrap().contains("a token of its own"), "{finding}");
    fs::write(&file, scene.cloud.add_token(scene.org, "admin").unwrap()).unwrap();
    practice.mended("calls_short");

    fs::write(&file, &token).unwrap();
    scene.cloud.revoke(&token).unwrap();
    let finding = practice.finds("token_refused");
    assert!(finding["mend"].as_str().unwrap().contains(&file.display().to_string()), "{finding}");
    fs::write(&file, scene.cloud.read_token(scene.org)).unwrap();
    practice.mended("token_refused");
}

#[test]
fn a_token_of_another_organisation_is_found() {
    let practice = Practice::healthy();
    let org = practice.scene.org.to_string();
    practice.edit(|text| text.replace(&org, "2818e386-8dec-2562-9ede-5b8a0fbbdc71"));

    let finding = practice.finds("token_powerless");

    assert!(finding["mend"].as_str().unwrap().contains("correct `org_id`"), "{finding}");
    practice.edit(|text| text.replace("2818e386-8dec-2562-9ede-5b8a0fbbdc71", &org));
    practice.mended("token_powerless");
}

#[test]
fn a_persons_token_is_found_and_one_of_the_organisation_mends_it() {
    let practice = Practice::healthy();
    let scene = &practice.scene;
    let file = scene.folder.path().join("secrets/token");
    fs::write(&file, scene.cloud.add_personal_token(scene.org, "admin").unwrap()).unwrap();

    let finding = practice.finds("token_personal");

    assert!(finding["text"].as_str().unwrap().contains("admin@example.com"), "{finding}");
    fs::write(&file, scene.cloud.read_token(scene.org)).unwrap();
    practice.mended("token_personal");
}

#[test]
fn alarm_templates_that_send_nothing_and_delays_are_found() {
    let practice = Practice::without_template();
    let scene = &practice.scene;

    practice.finds("template_none");
    scene.cloud.enable_alarms(scene.org, &[]).unwrap();
    practice.mended("template_none");

    practice.finds("template_silent");
    scene.cloud.enable_alarms(scene.org, &["device_down"]).unwrap();
    practice.mended("template_silent");
    assert!(practice.is_well("alarm template") && practice.is_well("up/down delay"));

    let (site, name) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    scene.cloud.set_site_setting(site, "switch_updown_threshold", json!(10)).unwrap();
    let finding = practice.finds("delay_set");
    assert_eq!(finding["target"], format!("site {name}"));
    assert!(finding["text"].as_str().unwrap().contains("switches 10 min"), "{finding}");
    scene.cloud.set_site_setting(site, "switch_updown_threshold", json!(0)).unwrap();
    practice.mended("delay_set");
}
