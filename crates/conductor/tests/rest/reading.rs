//! Login, the conductor itself, running configuration, assets, connectivity.

use std::time::{Duration, SystemTime};

use fogbell_conductor::{ConfigPath, Name, Password, Problem};
use serde_json::json;
use testkit::conductor::SecretShown;

use super::{client, client_with, start, start_with};

#[tokio::test]
async fn a_conductor_tells_its_software_and_its_clock() {
    let fake = start_with(|settings| settings.pair = true).await;
    fake.set_clock(-3_600);

    let system = client(&fake).system().await.unwrap();

    assert_eq!(system.version.to_string(), "7.2.3-8r2");
    assert_eq!((system.is_conductor, system.node.as_deref()), (Some(true), Some("node0")));
    let (skew, ahead) = system.skew(SystemTime::now()).unwrap();
    assert!(!ahead && skew.abs_diff(Duration::from_secs(3_600)) < Duration::from_secs(60), "{skew:?}");
    let second = fake.addresses()[1].to_string().parse().unwrap();
    let other = client_with(&fake, |settings| settings.host = second).system().await.unwrap();
    assert_eq!(other.node.as_deref(), Some("node1"));
}

#[tokio::test]
async fn one_login_serves_many_calls_and_an_ended_session_is_renewed_once() {
    let fake = start().await;
    let client = client(&fake);

    client.system().await.unwrap();
    let (first, second) = tokio::join!(client.system(), client.system());
    first.and(second).unwrap();
    assert_eq!(fake.asked_for("/login").len(), 1);

    fake.end_sessions();
    let (first, second) = tokio::join!(client.system(), client.system());
    first.and(second).unwrap();
    assert_eq!(fake.asked_for("/login").len(), 2, "who comes while another logs in does not log in too");
}

#[tokio::test]
async fn a_session_that_is_refused_again_is_the_end() {
    let fake = start().await;
    fake.misbehave(testkit::cloud::Misbehaviour::Status(401)).on("/system").always();

    let problem = client(&fake).system().await.unwrap_err();

    assert_eq!(problem.status().unwrap(), 401);
    assert!(!problem.retry_helps());
    assert_eq!((fake.asked_for("/login").len(), fake.asked_for("/system").len()), (2, 2));
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_never_said() {
    let fake = start().await;
    let client = client_with(&fake, |settings| settings.password = Password::new("FAKE-WRONG").unwrap());

    let problem = client.system().await.unwrap_err();

    assert_eq!(fake.asked_for("/login").len(), 1);
    let said = format!("{problem} {problem:?}");
    assert!(problem.to_string().starts_with("`POST /api/v1/login` was answered with 401"), "{problem}");
    assert!(!said.contains("FAKE-WRONG"), "{said}");
}

#[tokio::test]
async fn a_pre_shared_secret_never_leaves_the_crate() {
    let fake = start().await;
    let client = client(&fake);
    let router = Name::new("r1").unwrap();
    let path = ConfigPath::router_onboarding(&router);
    client.candidate().patch(&path, &json!({ "mode": "strong" })).await.unwrap();
    let _ = client.candidate().commit().await.unwrap();
    let secret = fake.running_at("/authority/router/r1/system/secure-conductor-onboarding/pre-shared-secret");
    let secret = secret.unwrap().as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 64);

    for shown in [SecretShown::Plain, SecretShown::Removed, SecretShown::Absent] {
        fake.read_as(|readings| readings.secret_shown = shown);
        let all = [
            client.running(&path).await.unwrap().unwrap(),
            client.whole_running().await.unwrap(),
            client.candidate().whole().await.unwrap(),
            client.candidate().read(&ConfigPath::router(&router)).await.unwrap().unwrap(),
        ];
        for value in &all {
            let text = value.to_string();
            assert!(!text.contains(&secret) && !text.contains("pre-shared-secret"), "{shown:?}: {text}");
        }
        assert_eq!(all[0], json!({ "mode": "strong" }));
    }
}

#[tokio::test]
async fn what_is_not_there_is_nothing() {
    let fake = start().await;
    let client = client(&fake);
    let none = Name::new("none").unwrap();

    assert_eq!(client.running(&ConfigPath::router(&none)).await.unwrap(), None);
    let nodes = client.running(&ConfigPath::nodes(&Name::new("r1").unwrap())).await.unwrap().unwrap();
    assert_eq!(nodes[0]["asset-id"], "LR1");
}

#[tokio::test]
async fn assets_come_with_their_errors_as_warnings() {
    let fake = start().await;
    fake.add_legacy_asset("OLD1");
    fake.read_as(|readings| readings.graphql_noise = true);
    let client = client(&fake);

    let judged = client.assets(&[]).await.unwrap();

    assert_eq!(judged.warnings, ["Sequence contains no elements"]);
    let ids: Vec<&str> = judged.value.assets.iter().map(|asset| asset.id.as_str()).collect();
    assert_eq!(ids, ["LR1", "OLD1", "conductor-0"]);
    let one = client.assets(&["OLD1"]).await.unwrap().value;
    assert_eq!((one.assets.len(), one.assets[0].status.as_deref()), (1, Some("RUNNING")));
}

#[tokio::test]
async fn a_release_with_fewer_fields_is_asked_for_fewer() {
    let fake = start().await;
    fake.read_as(|readings| readings.graphql_all_fields = false);

    let assets = client(&fake).assets(&["LR1"]).await.unwrap().value.assets;

    assert_eq!((assets[0].router.as_deref(), assets[0].node.as_deref()), (Some("r1"), Some("node0")));
    assert_eq!(fake.asked_for("/graphql").len(), 2);
}

#[tokio::test]
async fn the_link_to_the_conductor_is_seen() {
    let fake = start().await;
    let (client, router) = (client(&fake), Name::new("r1").unwrap());

    for (status, link) in [("disconnected", "disconnected"), ("running", "connected")] {
        fake.set_asset_status("LR1", status);
        let links = client.connectivity(&router).await.unwrap().value;
        assert_eq!((links.len(), links[0].status.as_deref()), (1, Some(link)));
    }
    let none = client.connectivity(&Name::new("none").unwrap()).await.unwrap_err();
    assert!(matches!(none, Problem::NoData { .. }), "{none}");
}
