//! Tests of the estate itself: routers act when they are assigned, and the judge sees what is wrong.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::conductor::Foreign;
use crate::test_client::Client;

async fn started(settings: EstateSettings) -> WholeEstate {
    WholeEstate::start(settings).await.unwrap()
}

/// Does on the conductor what an onboarding of the router needs, and gives its site the token.
fn prepare(estate: &WholeEstate, place: &Place, key: Option<&str>) {
    let (conductor, router) = (estate.conductor(), &place.router);
    let onboarding = format!("/authority/router/{router}/system/secure-conductor-onboarding");
    conductor.foreign(Foreign::Edit(onboarding, json!({ "mode": "strong" })));
    if let Some(key) = key {
        let node = format!("/authority/router/{router}/node/{}/secure-conductor-onboarding", place.node);
        conductor.foreign(Foreign::Edit(node, json!({ "endorsement-key": key })));
    }
    conductor.foreign(Foreign::Commit);
    let token = conductor.make_token(router, 1).unwrap();
    let ssr = json!({ "conductor_hosts": conductor.public_hosts(), "conductor_token": token });
    estate.cloud().set_site_setting(place.site, "ssr", ssr).unwrap();
}

async fn assign(estate: &WholeEstate, place: &Place) {
    let client = Client::new(estate.cloud(), Some(estate.cloud().token(estate.org())));
    let path = format!("/api/v1/orgs/{}/inventory", estate.org());
    let body =
        json!({ "op": "assign", "macs": [place.mac], "site_id": place.site, "mist_configured": false });
    assert_eq!(client.send("PUT", &path, &body).await.json()["error"], json!([]));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !estate.attempts().iter().any(|(_, mac, _)| *mac == place.mac) {
        assert!(tokio::time::Instant::now() < deadline, "the router does nothing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn routers_of_every_kind_are_bound_once_they_are_assigned() {
    let settings =
        EstateSettings { virtual_routers: 1, hardware: 1, pairs: 1, sites: 2, ..Default::default() };
    let estate = started(settings).await;
    let before = estate.mark();

    for nodes in estate.places().chunk_by(|one, other| one.router == other.router) {
        nodes.iter().for_each(|place| prepare(&estate, place, place.endorsement_key));
        for place in nodes {
            assign(&estate, place).await;
        }
    }

    let mut assets: Vec<String> = estate.places().iter().map(|place| place.asset_id.clone()).collect();
    assets.sort();
    assert_eq!(estate.bound(), assets);
    assert_eq!(estate.broken_rules(), [] as [String; 0]);
    let macs: Vec<Mac> = estate.places().iter().map(|place| place.mac).collect();
    assert_eq!((estate.assignments(), estate.unassignments()), (macs, vec![]));
    assert_eq!((estate.commits(), estate.mist_calls()), (0, 4), "somebody else commits here");
    let writes = estate.writes_since(before);
    assert_eq!(writes.len(), 4, "{writes:?}");
    assert!(
        writes.iter().all(|write| write.starts_with("a token in the cloud: PUT /api/v1/orgs/")),
        "{writes:?}"
    );
    assert_eq!(estate.writes_since(estate.mark()), [] as [String; 0]);
    assert!(estate.most_assignments_a_second() >= 1);
}

#[tokio::test]
async fn a_machine_on_the_place_of_another_is_a_wrong_binding() {
    let estate = started(EstateSettings { virtual_routers: 2, sites: 2, ..Default::default() }).await;
    let (own, other) = (estate.places()[0].clone(), estate.places()[1].clone());
    // somebody took the keys of both for each other's, and the machines call themselves so too
    for router in &mut estate.fleet().routers {
        let taken = if router.mac == own.mac { &other } else { &own };
        router.asset_id.clone_from(&taken.asset_id);
    }
    prepare(&estate, &other, own.endorsement_key);
    let ssr = estate.cloud().site_ssr(other.site).unwrap();
    estate.cloud().set_site_setting(own.site, "ssr", ssr).unwrap();

    assign(&estate, &own).await;

    let wrong = estate.wrong_bindings();
    assert_eq!(wrong.len(), 1, "{:?}", estate.attempts());
    assert_eq!(
        (wrong[0].machine.clone(), wrong[0].router.clone()),
        (own.mac.to_string(), Some(other.router))
    );
}

#[tokio::test]
async fn a_machine_with_another_tpm_on_its_own_place_is_a_wrong_binding() {
    let estate = started(EstateSettings::default()).await;
    let place = estate.places()[0].clone();
    let other = crate::endorsement_keys::endorsement_key(99);
    estate.fleet().routers[0].endorsement_key = Some(other.to_owned());
    prepare(&estate, &place, Some(other));

    assign(&estate, &place).await;

    assert_eq!(estate.bound(), [place.asset_id]);
    assert_eq!(estate.wrong_bindings()[0].endorsement_key.as_deref(), Some(other));
}

#[tokio::test]
async fn two_runs_that_end_alike_have_equal_end_states() {
    let mut states = Vec::new();
    for assigned in [true, true, false] {
        let estate = started(EstateSettings { legacy: 1, ..Default::default() }).await;
        let place = estate.places()[0].clone();
        prepare(&estate, &place, place.endorsement_key);
        if assigned {
            assign(&estate, &place).await;
        }
        let state = estate.end_state();
        let token = estate.cloud().site_ssr(place.site).unwrap()["conductor_token"].clone();
        assert!(!state.to_string().contains(token.as_str().unwrap()));
        states.push(state);
    }

    assert_eq!(states[0], states[1], "secrets and tokens differ, and are left out");
    assert_ne!(states[0], states[2]);
    assert_eq!(states[0]["sites"]["Store 0001"]["conductor_token"], "a token");
}

#[tokio::test]
async fn an_estate_is_written_as_files_that_a_program_can_use() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let settings = EstateSettings { virtual_routers: 0, pairs: 1, legacy: 1, ..Default::default() };
    let estate = started(settings).await;

    let told = estate.write(folder.path()).unwrap();

    let list = std::fs::read_to_string(told["list"].as_str().unwrap()).unwrap();
    let expect = "name,node,mac,asset_id,site,conductor_hosts\n\
                  store-0001,node0,02005eaa0000,store-0001-vm0,Store 0001,192.0.2.10\n\
                  store-0001,node1,02005eaa0001,store-0001-vm1,Store 0001,192.0.2.10\n";
    assert_eq!(list, expect);
    for file in [&told["mist"]["token_file"], &told["conductor"]["password_file"]] {
        let mode = std::fs::metadata(file.as_str().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(told["legacy"][0]["router"], "legacy-0002");
    assert_eq!(told["conductor"]["pin"].as_str().unwrap().len(), 71);
    assert_eq!(told["ssh"], json!(null));
    assert_eq!(
        estate.conductor().running_at("/authority/router/store-0001/node/node1/asset-id"),
        Some(json!("store-0001-vm1"))
    );
}

#[tokio::test]
async fn a_router_that_was_taken_is_gone_from_mist_for_a_while() {
    let estate = started(EstateSettings::default()).await;
    let place = estate.places()[0].clone();
    estate.fleet().away = Duration::from_millis(300);
    prepare(&estate, &place, place.endorsement_key);

    assign(&estate, &place).await;

    let connected = || estate.cloud().device(place.mac).unwrap().connected;
    assert!(!connected());
    estate.cloud().move_device(place.mac, None).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !connected() {
        assert!(tokio::time::Instant::now() < deadline, "it does not come back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn routers_live_on_when_one_of_them_is_taken_out_of_the_inventory() {
    let estate = started(EstateSettings { virtual_routers: 2, sites: 2, ..Default::default() }).await;
    let (gone, place) = (estate.places()[0].mac, estate.places()[1].clone());
    prepare(&estate, &place, place.endorsement_key);
    estate.cloud().foreign(cloud::Foreign::Remove(gone));

    assign(&estate, &place).await;

    assert_eq!(estate.bound(), [place.asset_id]);
}

#[tokio::test]
async fn every_switch_of_all_is_known_to_one_of_them() {
    let estate = started(EstateSettings::default()).await;
    for (name, values) in WholeEstate::switches() {
        values.iter().for_each(|value| estate.switch(name, value).unwrap());
    }
    assert!(estate.switch("token-shown", "upside-down").is_err());
    assert_eq!(estate.fleet().tries_again, crate::router::TriesAgain::WhenToldOtherwise);
}

#[tokio::test]
async fn every_rule_that_is_broken_is_told_and_no_other() {
    let settings = EstateSettings { legacy: 1, ..Default::default() };
    let estate = started(settings).await;
    let (place, old) = (estate.places()[0].clone(), estate.legacy()[0].clone());
    let cloud = Client::new(estate.cloud(), Some(estate.cloud().token(estate.org())));
    let conductor = Client::logged_in(estate.conductor()).await;
    let candidate = |path: &str| format!("/api/v1/config/candidate/authority{path}");
    let commit = async || conductor.send("POST", "/api/v1/config/commit", &json!({})).await.status;
    let inventory = format!("/api/v1/orgs/{}/inventory", estate.org());
    let assign =
        json!({ "op": "assign", "macs": [place.mac], "site_id": place.site, "mist_configured": false });
    let unassign = json!({ "op": "unassign", "macs": [place.mac] });
    let own = candidate(&format!("/router/{}", place.router));

    // what an onboarding does
    conductor.send("PATCH", &own, &json!({ "description": "d" })).await;
    assert_eq!(commit().await, 200);
    for body in [&assign, &unassign, &assign] {
        cloud.send("PUT", &inventory, body).await;
    }
    assert_eq!(estate.broken_rules(), [] as [String; 0]);

    let mut expected: Vec<String> = Vec::new();
    let mut now = |rule: String| {
        expected.push(rule);
        expected.sort();
        assert_eq!(estate.broken_rules(), expected);
    };
    cloud.send("PUT", &inventory, &assign).await;
    now(format!("{} was assigned while it was at a site", place.mac));
    let managed = json!({ "op": "assign", "macs": [old.mac], "site_id": place.site });
    cloud.send("PUT", &inventory, &managed).await;
    now(format!("{} was assigned without mist_configured: false", old.mac));
    let setting = format!("/api/v1/sites/{}/setting", place.site);
    cloud.send("PUT", &setting, &json!({ "ssr": { "conductor_token": "********" } })).await;
    now(format!("a mask was written as a token: {setting}"));
    conductor
        .send("PATCH", &candidate(&format!("/router/{}", old.router)), &json!({ "description": "d" }))
        .await;
    commit().await;
    now(format!("a commit changed {}, which is not to be onboarded", old.router));
    conductor.send("PATCH", &candidate("/asset-connection-resiliency"), &json!({ "ssh-only": false })).await;
    let strange = format!("no onboarding needs this: PATCH {}", candidate("/asset-connection-resiliency"));
    now(strange);
    commit().await;
    now("a commit changed the authority outside of its routers".to_owned());
    let org = format!("/api/v1/orgs/{}/setting", estate.org());
    cloud.send("PUT", &org, &json!({ "ssr": { "disable_stats": false } })).await;
    now(format!("settings of the organisation were written: {org}"));
    conductor.send("POST", "/api/v1/router/conductor/node/node0/restart", &json!({})).await;
    now("no onboarding needs this: POST /api/v1/router/conductor/node/node0/restart".to_owned());
    let secret = json!({ "system": { "secure-conductor-onboarding": { "pre-shared-secret": "(removed)" } } });
    conductor.send("PATCH", &own, &secret).await;
    now("a pre-shared secret was written".to_owned());
    conductor.send("POST", "/api/v1/config/commit", &json!({ "force": true })).await;
    now("forced: POST /api/v1/config/commit".to_owned());
    estate.conductor().set_asset_status(&old.asset_id, "disconnected");
    now(format!("{}, which ran in the legacy way, is disconnected", old.router));
}
