//! Tests of the fake itself: what a binding needs, and who judges it.

use ids::{Mac, SiteId};
use serde_json::json;

use super::*;
use crate::cloud::{CloudSettings, FakeCloud};
use crate::router::{Attempt, FakeRouter, Fleet, TriesAgain};
use crate::test_client::Client;

const KEY: &str = "MIIBIjAN";

async fn conductor() -> FakeConductor {
    let conductor = FakeConductor::start(ConductorSettings::default()).await.unwrap();
    conductor.add_router("r1", &[("node0", "A1")]);
    onboarding(&conductor, "strong", KEY);
    conductor.restart().await.unwrap();
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
async fn nobody_is_bound_before_every_node_was_restarted_after_the_first_mode() {
    let settings = ConductorSettings { pair: true, ..ConductorSettings::default() };
    let conductor = FakeConductor::start(settings).await.unwrap();
    conductor.add_router("r1", &[("node0", "A1")]);
    conductor.restart().await.unwrap();
    onboarding(&conductor, "strong", KEY);
    let told = ssr(&conductor, &conductor.make_token("r1", 1).unwrap());

    for nodes in [&[][..], &[1], &[1]] {
        conductor.restart_nodes(nodes).await.unwrap();
        assert!(refused(&router().assigned(&told, &conductor)).contains("not in effect"), "{nodes:?}");
    }
    conductor.restart_nodes(&[0]).await.unwrap();

    assert_eq!(router().assigned(&told, &conductor), Attempt::Presented(Outcome::Bound));
    let settings = ConductorSettings { in_effect: true, ..ConductorSettings::default() };
    let used = FakeConductor::start(settings).await.unwrap();
    used.add_router("r1", &[("node0", "A1")]);
    onboarding(&used, "strong", KEY);
    let told = ssr(&used, &used.make_token("r1", 1).unwrap());
    assert_eq!(router().assigned(&told, &used), Attempt::Presented(Outcome::Bound));
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

#[tokio::test]
async fn a_router_that_was_not_taken_tries_again_when_that_is_read_so() {
    let (conductor, cloud) = (conductor().await, FakeCloud::start(CloudSettings::default()).await.unwrap());
    let org = cloud.organisations()[0];
    let site: SiteId = cloud.sites(org).unwrap()[0].0;
    for (tries_again, second) in [(TriesAgain::Never, 0), (TriesAgain::WhenToldOtherwise, 1)] {
        let mac = cloud.add_device(org, Some(site), crate::mist::DeviceKind::Gateway, "r").unwrap();
        let mut fleet = Fleet::new(vec![FakeRouter { mac, ..router() }]);
        fleet.tries_again = tries_again;
        cloud.set_site_setting(site, "ssr", json!({})).unwrap();
        assert_eq!(fleet.look(&cloud, &conductor), Ok(vec![(mac, Attempt::NoConductor)]));

        let token = conductor.make_token("r1", 1).unwrap();
        cloud.set_site_setting(site, "ssr", ssr(&conductor, &token)).unwrap();

        assert_eq!(fleet.look(&cloud, &conductor).unwrap().len(), second, "{tries_again:?}");
        assert_eq!(fleet.look(&cloud, &conductor), Ok(vec![]));
    }
}

/// The answer on the command line to one command, as the program of the login shell asks; `None` without an answer.
async fn typed(conductor: &FakeConductor, lines: &[&str]) -> Option<(String, Option<i64>)> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("pcli");
    conductor.serve_command_line(&socket).unwrap();
    let (reading, mut writing) = tokio::net::UnixStream::connect(&socket).await.unwrap().into_split();
    let mut answers = BufReader::new(reading).lines();
    let (mut out, mut exit) = (String::new(), None);
    for (number, line) in lines.iter().enumerate() {
        let asked = if number == 0 { json!({ "begin": line }) } else { json!({ "line": line }) };
        writing.write_all(format!("{asked}\n").as_bytes()).await.unwrap();
        let said =
            tokio::time::timeout(std::time::Duration::from_millis(500), answers.next_line()).await.ok()?;
        let said: Value = serde_json::from_str(&said.unwrap()?).unwrap();
        out.push_str(said["out"].as_str().unwrap());
        exit = said["exit"].as_i64();
    }
    Some((out, exit))
}

const MODE: &str = "configure authority router r1 system secure-conductor-onboarding mode weak";

#[tokio::test]
async fn what_is_disturbed_on_the_command_line_is_done_or_not_as_it_says() {
    use Disturbance::*;
    let conductor = conductor().await;
    for (what, done, expect) in [
        (Silence, false, None),
        (DoneButSilence, true, None),
        (Status(3), true, Some(("\n".to_owned(), Some(3)))),
        (CutOff, true, Some((String::new(), Some(255)))),
        (Noise("Last login".to_owned()), true, Some(("Last login\n\n".to_owned(), Some(0)))),
        (Refused("Permission denied".to_owned()), false, Some(("✖ Permission denied\n".to_owned(), Some(1)))),
        (Latency(std::time::Duration::from_millis(20)), true, Some(("\n".to_owned(), Some(0)))),
    ] {
        conductor.foreign(Foreign::Revert);
        conductor.disturb(what.clone()).on("mode weak").times(1);

        let said = typed(&conductor, &[MODE]).await;

        assert_eq!(said, expect, "{what:?}");
        assert_eq!(conductor.is_dirty(), done, "{what:?}");
        assert_eq!(typed(&conductor, &["validate"]).await.unwrap().1, Some(0), "once");
    }
}

#[tokio::test]
async fn a_disturbed_commit_is_the_one_that_runs_not_its_question() {
    let conductor = conductor().await;
    typed(&conductor, &[MODE]).await.unwrap();
    conductor.disturb(Disturbance::DoneButSilence).on("commit").times(1);

    assert!(typed(&conductor, &["commit"]).await.unwrap().0.contains("[y/N]"));
    assert_eq!(conductor.commits().len(), 1, "the question is no commit");
    assert_eq!(typed(&conductor, &["commit", "y"]).await, None);
    assert_eq!(conductor.commits().len(), 2);
}

#[tokio::test]
async fn configuration_is_deleted_below_its_container() {
    let conductor = conductor().await;
    let node = "configure authority router r1 node node0";

    let asked =
        typed(&conductor, &[&format!("{node} delete secure-conductor-onboarding endorsement-key"), "y"])
            .await;
    assert!(asked.unwrap().0.contains("[y/N]"));
    assert_eq!(typed(&conductor, &[&format!("{node} delete force asset-id")]).await.unwrap().1, Some(0));

    let left = tree::find(&conductor.candidate(), &["authority", "router", "r1", "node", "node0"]).cloned();
    let expect = json!({ "name": "node0", "role": "combo", "secure-conductor-onboarding": {} });
    assert_eq!(left, Some(expect));
    assert_eq!(typed(&conductor, &["configure authority delete force router r1"]).await.unwrap().1, Some(0));
    assert_eq!(tree::find(&conductor.candidate(), &["authority", "router", "r1"]), None);
    assert!(tree::find(&conductor.candidate(), &["authority", "router", "conductor"]).is_some());
    for wrong in [
        "delete authority router r1",
        "configure authority router r1 delete force node",
        "configure delete force x",
    ] {
        assert_eq!(typed(&conductor, &[wrong]).await.unwrap().1, Some(1), "{wrong}");
    }
    assert!(conductor.running_at("/authority/router/r1/node/node0/asset-id").is_some());
}

#[tokio::test]
async fn delete_by_rest_does_what_it_is_read_as() {
    let conductor = conductor().await;
    let client = Client::logged_in(&conductor).await;
    let key =
        "/api/v1/config/candidate/authority/router/r1/node/node0/secure-conductor-onboarding/endorsement-key";
    for (means, status, dirty) in [
        (DeleteMeans::NotAllowed, 405, false),
        (DeleteMeans::Ignored, 200, false),
        (DeleteMeans::Removes, 200, true),
        (DeleteMeans::Removes, 404, true),
    ] {
        conductor.read_as(|readings| readings.delete = means);
        let said = client.call("DELETE", key, None).await.unwrap();
        assert_eq!((said.status, conductor.is_dirty()), (status, dirty), "{means:?}");
    }
    let asked = conductor.writes();
    assert!(
        asked.iter().all(|ask| ask.account == "admin" && ask.what.starts_with("DELETE /api")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn graphql_tells_of_links_to_both_nodes_and_of_assets_that_are_there_twice() {
    let conductor =
        FakeConductor::start(ConductorSettings { pair: true, ..ConductorSettings::default() }).await.unwrap();
    conductor.add_router("r1", &[("node0", "A1")]);
    conductor.set_asset_status("A1", "running");
    conductor.duplicate_asset("A1");
    let client = Client::logged_in(&conductor).await;
    let ask = async |query: &str| {
        client.send("POST", "/api/v1/graphql", &json!({ "query": query, "variables": {} })).await.json()
    };

    let assets = ask("{allAuthorities{nodes{assets{assetId} duplicateAssets{assetId}}}}").await;
    assert_eq!(assets["data"]["allAuthorities"]["nodes"][0]["duplicateAssets"], json!([{ "assetId": "A1" }]));
    let routers = ask("{allRouters{nodes{nodes{nodes{connectivity{status}}}}}}").await;
    let links = routers["data"]["allRouters"]["nodes"][1]["nodes"]["nodes"][0]["connectivity"].clone();
    let nodes: Vec<&Value> = links.as_array().unwrap().iter().map(|link| &link["remoteNodeName"]).collect();
    assert_eq!(nodes, ["node0", "node1"], "{routers}");
}

#[tokio::test]
async fn what_is_done_late_is_done_though_nobody_waits() {
    let conductor = conductor().await;
    let client = Client::logged_in(&conductor).await;
    conductor.edit_candidate("/authority/router/r1", json!({ "description": "d" }));
    let late = std::time::Duration::from_millis(200);
    conductor.misbehave(Misbehaviour::Late(late)).on("/config/commit").times(1);

    let impatient = client.call("POST", "/api/v1/config/commit", None);
    assert!(tokio::time::timeout(late / 4, impatient).await.is_err());

    assert_eq!(conductor.commits().len(), 1, "not yet");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while conductor.commits().len() < 2 {
        assert!(tokio::time::Instant::now() < deadline, "never");
        tokio::time::sleep(late / 20).await;
    }
}

#[tokio::test]
async fn somebody_else_acts_right_before_the_call_that_is_named() {
    let conductor = conductor().await;
    let client = Client::logged_in(&conductor).await;
    let edit = Foreign::Edit("/authority/router/r1".to_owned(), json!({ "description": "his" }));
    conductor.foreign_before("GET /api/v1/config/running", 2, edit);
    conductor.foreign_before("POST /api/v1/config/validate", 1, Foreign::Commit);
    let running = "/api/v1/config/running/authority/router/r1";

    client.get(running).await;
    assert!(!conductor.is_dirty());
    client.get(running).await;
    assert!(conductor.is_dirty());
    client.send("POST", "/api/v1/config/validate", &json!({})).await;

    assert!(!conductor.is_dirty());
    assert_eq!(conductor.commits().last().unwrap().by, "another");
    assert_eq!(client.get(running).await["description"], "his");
}

#[tokio::test]
async fn the_ports_beside_https_open_and_close_and_show_the_certificate() {
    let hosts: Vec<std::net::IpAddr> = ["127.0.0.1", "127.0.0.2"].map(|host| host.parse().unwrap()).into();
    let ports = Ports { onboarding: 0, tunnels: 0, legacy: [0, 0], legacy_open: true, hosts };
    let settings = ConductorSettings { ports: Some(ports), pair: true, ..ConductorSettings::default() };
    let conductor = FakeConductor::start(settings).await.unwrap();
    let reaches =
        async |node, port| tokio::net::TcpStream::connect(conductor.port(node, port).unwrap()).await.is_ok();
    for (node, port) in [(0, 933), (0, 930), (0, 4505), (1, 4506)] {
        assert!(reaches(node, port).await, "{node} {port}");
    }
    assert_ne!(conductor.addresses()[0].ip(), conductor.addresses()[1].ip());

    let served = |conductor: &FakeConductor| {
        let address = conductor.port(1, 933).unwrap();
        let trust = crate::Trust::pem(&conductor.onboarding_certificate_pem()).unwrap();
        async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let name = crate::tls::server_name(None, address).unwrap();
            tokio_rustls::TlsConnector::from(trust.client_config()).connect(name, stream).await.is_ok()
        }
    };
    assert!(served(&conductor).await, "the certificate of the tokens");
    conductor.renew_onboarding_certificate().unwrap();
    assert!(served(&conductor).await, "the new one");
    conductor.read_as(|readings| readings.onboarding = Onboarding::Plain);
    assert!(!served(&conductor).await);

    conductor.set_port(0, 933, false).await.unwrap();
    assert!(!reaches(0, 933).await && reaches(1, 933).await);
    conductor.add_legacy_asset("OLD");
    conductor.restart().await.unwrap();
    assert!(reaches(0, 4505).await, "no router has secure onboarding");
    onboarding(&conductor, "strong", KEY);
    conductor.restart().await.unwrap();
    assert!(!reaches(0, 4505).await && !reaches(1, 4506).await);
    assert_eq!(
        conductor.asset_status("OLD"),
        "disconnected",
        "whoever was onboarded in the legacy way is cut off"
    );
    assert!(conductor.knocks().iter().filter(|knock| knock.port == 933).count() >= 4);
}
