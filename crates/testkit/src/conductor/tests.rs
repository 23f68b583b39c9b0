//! Tests of the fake itself: what a binding needs, and who judges it.

use ids::{Mac, SiteId};
use serde_json::json;

use super::*;
use crate::cloud::{CloudSettings, FakeCloud};
use crate::router::{Attempt, FakeRouter, Fleet};

const KEY: &str = "MIIBIjAN";

async fn conductor() -> FakeConductor {
    let conductor = FakeConductor::start(ConductorSettings::default()).await.unwrap();
    conductor.add_router("r1", &[("node0", "A1")]);
    onboarding(&conductor, "strong", KEY);
    conductor
}

fn onboarding(conductor: &FakeConductor, mode: &str, key: &str) {
    conductor
        .edit_candidate("/authority/router/r1/system/secure-conductor-onboarding", json!({ "mode": mode }));
    let key = json!({ "endorsement-key": key });
    conductor.edit_candidate("/authority/router/r1/node/node0/secure-conductor-onboarding", key);
    conductor.commit_by_another().unwrap();
}

fn router() -> FakeRouter {
    FakeRouter::virtual_one("5c5b350e0001".parse().unwrap(), "A1", KEY)
}

fn ssr(conductor: &FakeConductor, token: &str) -> Value {
    json!({ "conductor_hosts": conductor.public_hosts(), "conductor_token": token })
}

fn refused(attempt: &Attempt) -> &str {
    match attempt {
        Attempt::Presented(Outcome::Refused(reason)) | Attempt::TokenRefused(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_router_with_its_own_key_and_token_is_bound_and_comes_up() {
    let conductor = conductor().await;
    let token = conductor.make_token("r1", 1).unwrap();

    let attempt = router().assigned(&ssr(&conductor, &token), &conductor);

    assert_eq!(attempt, Attempt::Presented(Outcome::Bound));
    let bindings = conductor.bindings();
    assert_eq!((bindings[0].machine.as_str(), bindings[0].router.as_deref()), ("5c5b350e0001", Some("r1")));
    let states = conductor.shared.world().states("A1", &conductor.shared.settings);
    assert_eq!(states, ("completed".to_owned(), "running".to_owned()));
    conductor.forget_onboarded();
    assert_eq!(conductor.shared.world().states("A1", &conductor.shared.settings).0, "waiting");
}

#[tokio::test]
async fn every_check_of_identity_refuses_and_is_written_down() {
    let conductor = conductor().await;
    let token = conductor.make_token("r1", 1).unwrap();
    let told = ssr(&conductor, &token);

    let other_key = FakeRouter { endorsement_key: Some("MIIBother".to_owned()), ..router() };
    assert_eq!(refused(&other_key.assigned(&told, &conductor)), "the endorsement key is another");
    let other_asset = FakeRouter { asset_id: "A2".to_owned(), ..router() };
    assert_eq!(refused(&other_asset.assigned(&told, &conductor)), "the token is for another asset");
    let hardware = FakeRouter { asset_id: "A1".to_owned(), ..FakeRouter::hardware(router().mac, "OTHER") };
    assert!(refused(&hardware.assigned(&told, &conductor)).contains("another serial number"));
    let late = FakeRouter { ahead_secs: 10 * 365 * 86_400, ..router() };
    assert!(refused(&late.assigned(&told, &conductor)).contains("certificate in the token is not good"));
    conductor.set_clock(2 * 3_600);
    assert_eq!(refused(&router().assigned(&told, &conductor)), "the token is expired");
    conductor.set_clock(0);
    onboarding(&conductor, "disabled", KEY);
    assert_eq!(refused(&router().assigned(&told, &conductor)), "onboarding is off for this router");

    assert!(conductor.bindings().iter().all(|binding| !binding.outcome.is_bound()));
    assert_eq!(conductor.bindings().len(), 4, "what a router does not take itself is not presented");
}

#[tokio::test]
async fn a_token_dies_with_its_secret_and_with_its_certificate() {
    let conductor = conductor().await;
    let token = conductor.make_token("r1", 1).unwrap();
    let secret = crate::base64::encode(&[7; 48]);
    let place = "/authority/router/r1/system/secure-conductor-onboarding";
    conductor.edit_running(place, json!({ "pre-shared-secret": secret }));
    assert_eq!(
        refused(&router().assigned(&ssr(&conductor, &token), &conductor)),
        "the token holds another secret"
    );

    let token = conductor.make_token("r1", 1).unwrap();
    conductor.renew_onboarding_certificate().unwrap();
    assert_eq!(
        refused(&router().assigned(&ssr(&conductor, &token), &conductor)),
        "the token names another certificate"
    );
}

#[tokio::test]
async fn a_token_that_was_changed_is_taken_by_nobody() {
    let conductor = conductor().await;
    let token = conductor.make_token("r1", 1).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let mut payload = jwt::Jwt::read(&token).unwrap().payload;
    payload["exp"] = json!(9_999_999_999_i64);
    let forged = format!("{}.{}.{}", parts[0], jwt::url(payload.to_string().as_bytes()), parts[2]);

    assert_eq!(
        refused(&router().assigned(&ssr(&conductor, &forged), &conductor)),
        "the token is not signed by its certificate"
    );
    let presented = Presented {
        token: forged,
        asset_id: "A1".to_owned(),
        endorsement_key: Some(KEY.to_owned()),
        device_serial: None,
        machine: "m".to_owned(),
    };
    assert_eq!(
        conductor.present(&presented),
        Outcome::Refused("the token is not signed by this conductor".to_owned())
    );
}

#[tokio::test]
async fn every_algorithm_and_form_of_certificate_makes_a_token() {
    let conductor = conductor().await;
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "HS256", "none"] {
        for form in [CertificateForm::Der, CertificateForm::Pem] {
            conductor.read_as(|readings| {
                readings.token_algorithm = algorithm.to_owned();
                readings.certificate_form = form;
            });
            let token = conductor.make_token("r1", 1).unwrap();
            assert_eq!(jwt::Jwt::read(&token).unwrap().algorithm, algorithm);
            let attempt = router().assigned(&ssr(&conductor, &token), &conductor);
            assert_eq!(attempt, Attempt::Presented(Outcome::Bound), "{algorithm} {form:?}");
        }
    }
}

#[tokio::test]
async fn a_token_needs_a_prepared_router_and_a_prepared_conductor() {
    let conductor = conductor().await;
    conductor.add_router("r2", &[("node0", "A2"), ("node1", "A3")]);
    assert!(conductor.make_token("none", 1).unwrap_err().contains("not in the running configuration"));
    assert!(conductor.make_token("r2", 1).unwrap_err().contains("not enabled"));

    conductor
        .edit_candidate("/authority/router/r2/system/secure-conductor-onboarding", json!({ "mode": "weak" }));
    conductor.commit_by_another().unwrap();
    let token = jwt::Jwt::read(&conductor.make_token("r2", 1).unwrap()).unwrap();
    assert_eq!(token.asset_ids(), ["A2", "A3"], "a token of a pair names both nodes");
    conductor.edit_running("/authority/secure-conductor-onboarding", json!({ "ca-certificate": null }));
    assert!(conductor.make_token("r2", 1).unwrap_err().contains("ca-certificate"));
}

#[tokio::test]
async fn an_asset_id_that_another_node_has_cannot_be_committed() {
    let conductor = conductor().await;
    conductor.edit_candidate("/authority/router/r9/node/node0", json!({ "asset-id": "A1" }));

    let found = conductor.commit_by_another().unwrap_err();

    assert!(found[0].contains("already that of"), "{found:?}");
    assert_eq!(conductor.running_at("/authority/router/r9"), None);
}

#[tokio::test]
async fn assignment_in_the_cloud_is_what_a_router_acts_on() {
    let (conductor, cloud) = (conductor().await, FakeCloud::start(CloudSettings::default()).await.unwrap());
    let org = cloud.organisations()[0];
    let ssr_mac = |device: &crate::cloud::CloudDevice| device.model.starts_with("SSR").then_some(device.mac);
    let mac: Mac = cloud.devices(org).unwrap().iter().find_map(ssr_mac).unwrap();
    let site: SiteId = cloud.sites(org).unwrap()[0].0;
    cloud.move_device(mac, None).unwrap();
    let mut fleet = Fleet::new(vec![FakeRouter { mac, ..router() }]);
    assert_eq!(fleet.look(&cloud, &conductor), Ok(vec![]));

    let token = conductor.make_token("r1", 1).unwrap();
    cloud
        .set_setting(org, "ssr", json!({ "conductor_hosts": ["192.0.2.99"], "conductor_token": "eyJ" }))
        .unwrap();
    cloud.set_site_setting(site, "ssr", ssr(&conductor, &token)).unwrap();
    cloud.move_device(mac, Some(site)).unwrap();

    assert_eq!(fleet.look(&cloud, &conductor), Ok(vec![(mac, Attempt::Presented(Outcome::Bound))]));
    assert_eq!(fleet.look(&cloud, &conductor), Ok(vec![]), "it acts once");
    assert_eq!(&*cloud.device(mac).unwrap().conducted.unwrap().router_name, "r1");
    cloud.move_device(mac, None).unwrap();
    fleet.look(&cloud, &conductor).unwrap();
    cloud.set_site_setting(site, "ssr", json!({})).unwrap();
    cloud.move_device(mac, Some(site)).unwrap();
    assert_eq!(
        fleet.look(&cloud, &conductor),
        Ok(vec![(mac, Attempt::NoConductor)]),
        "the site is silent, the organisation names another"
    );
}
