//! `fogbell webhook list`, `create` and `disable`: they look first, and a second call changes nothing.

use std::fs;

use serde_json::json;
use testkit::cloud::NewWebhook;

use super::scene::{May, Scene};

#[test]
fn a_webhook_is_made_once_and_a_second_call_changes_nothing() {
    let scene = Scene::with(May::Write, |config| config);

    let planned = scene.ask(&["webhook", "create", "--dry-run"]);
    assert_eq!((planned.code, scene.writes()), (0, 0), "{}", planned.said);
    assert!(planned.out.contains(&format!("make webhook \"fogbell\" to {}", scene.url())), "{}", planned.out);
    let unasked = scene.ask(&["webhook", "create"]);
    assert_eq!((unasked.code, scene.writes()), (1, 0));
    assert!(unasked.said.contains("--yes"), "{}", unasked.said);

    let (made, code) = scene.told(&["webhook", "create", "--yes"]);
    assert_eq!((code, &made["changed"], scene.writes()), (0, &json!(true), 1), "{made}");
    let (again, code) = scene.told(&["webhook", "create", "--yes"]);
    assert_eq!((code, &again["changed"], scene.writes()), (0, &json!(false), 1), "{again}");

    let (listed, _) = scene.told(&["webhook", "list"]);
    let webhooks = listed["webhooks"].as_array().unwrap();
    assert_eq!(webhooks.len(), 1, "{listed}");
    let one = &webhooks[0];
    assert_eq!(
        (&one["enabled"], &one["verify_cert"], &one["secret"]),
        (&json!(true), &json!(true), &json!("known here"))
    );
    assert_eq!(
        one["topics"],
        json!(["alarms", "audits", "device-events", "device-updowns", "mxedge-events"])
    );
    assert_eq!(one["notes"], json!([]));
    // and it works
    assert_eq!(
        scene.ask(&["webhook", "ping", "--id", one["id"].as_str().unwrap()]).code,
        1,
        "there is no sink"
    );
}

#[test]
fn a_webhook_that_is_wrong_is_mended_and_keeps_what_is_not_the_relays() {
    let scene = Scene::with(May::Write, |config| config);
    let bad = NewWebhook::new(&scene.url(), b"another secret", &["alarms", "client-join"]);
    let id = scene.add(bad.field("enabled", json!(false)).field("verify_cert", json!(false)));

    let (told, code) = scene.told(&["webhook", "create", "--yes", "--topics", "alarms,audits"]);

    assert_eq!((code, scene.writes()), (0, 1), "{told}");
    for step in ["switch it on", "check the relay's certificate", "add the topics audits", "set the secret"] {
        assert!(told["steps"].to_string().contains(step), "{told}");
    }
    let (listed, _) = scene.told(&["webhook", "list"]);
    let one = &listed["webhooks"][0];
    assert_eq!((&one["id"], &one["topics"]), (&json!(id), &json!(["alarms", "client-join", "audits"])));
    assert_eq!((&one["notes"], &one["name"]), (&json!([]), &json!("test webhook")));
}

#[test]
fn a_secret_that_is_missing_is_made_and_kept_before_mist_is_told() {
    let scene = Scene::with(May::Write, |config| config);
    let file = scene.folder.path().join("secrets/webhook");
    fs::remove_file(&file).unwrap();

    let answer = scene.ask(&["webhook", "create", "--yes"]);

    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.said);
    assert!(answer.out.contains("the webhook's secret was missing"), "{}", answer.out);
    let secret = fs::read_to_string(&file).unwrap();
    assert_eq!(secret.trim_end().len(), 64);
    assert!(!answer.out.contains(secret.trim_end()) && !answer.said.contains(secret.trim_end()));
    let (listed, _) = scene.told(&["webhook", "list"]);
    assert_eq!(listed["webhooks"][0]["secret"], "known here");
}

#[test]
fn a_token_that_may_only_read_is_told_so_and_one_from_standard_input_is_not_kept() {
    let scene = Scene::with(May::Read, |config| config);

    let refused = scene.ask(&["webhook", "create", "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(refused.said.contains("403") && refused.said.contains("role of the token"), "{}", refused.said);

    let token = scene.cloud.token(scene.org);
    let answer = e2e::ask_fogbell_with(
        scene.folder.path(),
        &["webhook", "create", "--yes", "--ask-token"],
        format!("{token}\n").as_bytes(),
    );
    assert_eq!(answer.code, 0, "{}", answer.said);
    assert!(
        scene.cloud.calls().iter().any(|call| call.method == "POST" && call.token.as_ref() == Some(&token))
    );
    for folder in ["secrets", "state", "."] {
        for entry in fs::read_dir(scene.folder.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let holds = fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(token.len()).any(|it| it == token.as_bytes()));
            assert!(!holds, "{} has the token", path.display());
        }
    }
    // with the token that may only read the secret is hidden
    let (listed, _) = scene.told(&["webhook", "list"]);
    assert_eq!(listed["webhooks"][0]["secret"], "set, hidden");
}

#[test]
fn a_sites_webhook_to_the_same_url_is_found_and_can_be_switched_off() {
    let scene = Scene::with(May::Write, |config| config);
    scene.add(scene.good());
    let (site, name) = scene.cloud.sites(scene.org).unwrap()[0].clone();
    let double =
        scene.add(NewWebhook::new(&scene.url(), e2e::Config::SECRET.as_bytes(), &["alarms"]).for_site(site));
    scene.add(NewWebhook::new("https://elsewhere.example.net/v1/mist", b"x", &["alarms"]));

    let (listed, _) = scene.told(&["webhook", "list"]);
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 2, "{listed}");
    let of_site = listed["webhooks"].as_array().unwrap().iter().find(|it| it["site"] == name).unwrap();
    assert_eq!(of_site["notes"], json!(["the organisation's webhook posts alarms here too"]));
    let (all, _) = scene.told(&["webhook", "list", "--all"]);
    assert_eq!(all["webhooks"].as_array().unwrap().len(), 3);
    let (created, _) = scene.told(&["webhook", "create", "--yes"]);
    assert!(created["steps"].to_string().contains(&format!("webhook disable --id {double}")), "{created}");

    let (off, code) = scene.told(&["webhook", "disable", "--id", &double]);
    assert_eq!((code, &off["changed"], scene.writes()), (0, &json!(true), 1), "{off}");
    let (again, code) = scene.told(&["webhook", "disable", "--id", &double]);
    assert_eq!((code, &again["changed"], scene.writes()), (0, &json!(false), 1));
    let (listed, _) = scene.told(&["webhook", "list"]);
    let of_site = listed["webhooks"].as_array().unwrap().iter().find(|it| it["site"] == name).unwrap();
    assert_eq!(of_site["notes"], json!(["switched off"]));
    assert_eq!(of_site["topics"], json!(["alarms"]));
}
