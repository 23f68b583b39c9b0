use serde_json::Value;

use super::*;

#[tokio::test]
async fn ssr_is_replaced_whole_and_the_rest_stays() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    cloud.set_setting(org, "pcap", json!({ "max_pkt_len": 128 })).unwrap();
    for path in [format!("/api/v1/orgs/{org}/setting"), format!("/api/v1/sites/{site}/setting")] {
        let ssr = json!({ "conductor_hosts": ["192.0.2.10"], "conductor_token": "T", "disable_stats": true });
        assert_eq!(client.send("PUT", &path, &json!({ "ssr": ssr })).await.json()["ssr"], ssr);

        let other = json!({ "conductor_hosts": ["192.0.2.11"] });
        client.send("PUT", &path, &json!({ "ssr": other })).await;

        assert_eq!(client.get(&path).await["ssr"], other, "{path}");
        for wrong in [
            json!({ "conductor_hosts": "192.0.2.10" }),
            json!({ "conductor_token": null }),
            json!({ "conductors": [] }),
        ] {
            assert_eq!(client.send("PUT", &path, &json!({ "ssr": wrong })).await.status, 400, "{wrong}");
        }
    }
    assert_eq!(client.get(&format!("/api/v1/orgs/{org}/setting")).await["pcap"]["max_pkt_len"], 128);
    let derived = client.get(&format!("/api/v1/sites/{site}/setting/derived")).await;
    assert_eq!(derived["ssr"]["conductor_hosts"], json!(["192.0.2.11"]));
    let other = cloud.sites(org).unwrap()[1].0;
    assert_eq!(client.get(&format!("/api/v1/sites/{other}/setting")).await.get("ssr"), None);
}

#[tokio::test]
async fn secrets_are_hidden_from_readers_and_by_policy_from_all() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let reader = Client::new(&cloud, Some(cloud.read_token(org)));
    cloud.set_setting(org, "ssr", json!({ "conductor_token": "T" })).unwrap();
    cloud.add_webhook(org, NewWebhook::new("https://127.0.0.1:9/", b"secret", &["alarms"])).unwrap();
    let seen = async |client: &Client| {
        let setting = client.get(&format!("/api/v1/orgs/{org}/setting")).await;
        let webhooks = client.get(&format!("/api/v1/orgs/{org}/webhooks")).await;
        let inventory = client.get(&format!("/api/v1/orgs/{org}/inventory?limit=1")).await;
        [&setting["ssr"]["conductor_token"], &webhooks[0]["secret"], &inventory[0]["magic"]]
            .map(|value: &Value| value.as_str().unwrap().to_owned())
    };

    let hidden = ["********"; 3];
    assert_eq!(seen(&client).await[..2], ["T", "secret"]);
    assert_eq!(seen(&reader).await, hidden);
    cloud.set_setting(org, "api_policy", json!({ "no_reveal": true })).unwrap();
    assert_eq!(seen(&client).await, hidden);
}

#[tokio::test]
async fn id_tokens_are_exported_of_routers_alone() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/ssr/export_idtokens");
    let routers: Vec<Mac> =
        cloud.devices(org).unwrap().iter().filter(|d| &*d.model == "SSR120").map(|d| d.mac).collect();
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    cloud.set_id_token(routers[1], "another").unwrap();

    let macs = json!([routers[0], ap, "0200000000ff", routers[1], "x"]);
    let said = client.send("POST", &path, &json!({ "macs": macs })).await.json();

    let rows = said["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["mac"], json!(routers[0]));
    assert_eq!(rows[0]["token"].as_str().unwrap().len(), 392);
    assert_eq!(rows[1], json!({ "mac": routers[1], "token": "another" }));
    for wrong in [json!({}), json!({ "macs": [] }), json!({ "macs": [ap, ap] }), json!({ "macs": [1] })] {
        assert_eq!(client.send("POST", &path, &wrong).await.status, 400, "{wrong}");
    }

    let conducted = Conducted { router_name: "r1".into(), conductor_name: "c1".into() };
    cloud.set_conducted(routers[0], Some(conducted)).unwrap();
    let stats =
        client.get(&format!("/api/v1/orgs/{org}/stats/devices?type=gateway&mac={}", routers[0])).await;
    assert_eq!((&stats[0]["router_name"], &stats[0]["conductor_name"]), (&json!("r1"), &json!("c1")));
}

#[tokio::test]
async fn an_old_contract_names_the_token_otherwise() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    cloud.read_as(|readings| readings.id_token_fields = vec!["idtoken".to_owned()]);
    let router = cloud.add_device(org, None, DeviceKind::Gateway, "r").unwrap();

    let path = format!("/api/v1/orgs/{org}/ssr/export_idtokens");
    let said = client.send("POST", &path, &json!({ "macs": [router] })).await.json();

    assert!(said["results"][0]["idtoken"].is_string());
}

#[tokio::test]
async fn alarm_templates_are_made_changed_and_deleted() {
    let (_cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/alarmtemplates");
    let fields = json!({ "name": "t", "delivery": { "enabled": false }, "rules": { "rogue_ap": { "enabled": true } } });

    let made = client.send("POST", &path, &fields).await.json();

    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let changed = json!({ "delivery": { "enabled": true }, "rules": {} });
    assert_eq!(client.send("PUT", &one, &changed).await.json()["rules"], json!({}));
    assert_eq!(client.get(&path).await[0]["name"], "t");
    assert_eq!(client.send("POST", &path, &json!({ "rules": {} })).await.status, 400);
    assert_eq!(client.call("DELETE", &one, None).await.unwrap().status, 200);
    assert_eq!(client.status(&one).await, 404);
}

#[tokio::test]
async fn a_setting_is_put_and_shown_as_it_is_read() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    let path = format!("/api/v1/sites/{site}/setting");
    let before = json!({ "conductor_hosts": ["192.0.2.10"], "conductor_token": "T", "disable_stats": true });
    let token = || cloud.ssr_setting(site).unwrap()["conductor_token"].clone();
    let put = async |ssr: Value| {
        cloud.set_site_setting(site, "ssr", before.clone()).unwrap();
        client.send("PUT", &path, &json!({ "ssr": ssr })).await.status
    };

    cloud.read_as(|readings| readings.ssr_put = SsrPut::Merges);
    assert_eq!(put(json!({ "conductor_hosts": ["192.0.2.11"] })).await, 200);
    let merged = client.get(&path).await["ssr"].clone();
    assert_eq!(
        (&merged["conductor_hosts"], &merged["disable_stats"]),
        (&json!(["192.0.2.11"]), &json!(true))
    );
    for (reading, status, left) in [
        (EmptyToken::Kept, 200, json!("")),
        (EmptyToken::Removes, 200, Value::Null),
        (EmptyToken::Ignored, 200, json!("T")),
        (EmptyToken::Refused, 400, json!("T")),
    ] {
        cloud.read_as(|readings| readings.empty_token = reading);
        assert_eq!((put(json!({ "conductor_token": "" })).await, token()), (status, left), "{reading:?}");
    }

    cloud.set_site_setting(site, "ssr", before.clone()).unwrap();
    for (shown, expect) in [
        (TokenShown::Plain, json!("T")),
        (TokenShown::Masked, json!("********")),
        (TokenShown::Absent, Value::Null),
    ] {
        cloud.read_as(|readings| readings.token_shown = shown);
        assert_eq!(client.get(&path).await["ssr"]["conductor_token"], expect, "{shown:?}");
        assert_eq!(token(), "T");
    }
}

#[tokio::test]
async fn the_derived_setting_is_merged_as_it_is_read() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let (site, bare) = (cloud.sites(org).unwrap()[0].0, cloud.sites(org).unwrap()[1].0);
    cloud.set_setting(org, "ssr", json!({ "conductor_token": "ORG" })).unwrap();
    cloud.set_site_setting(site, "ssr", json!({ "disable_stats": true })).unwrap();
    let derived =
        async |site| client.get(&format!("/api/v1/sites/{site}/setting/derived")).await["ssr"].clone();
    for (reading, own, other) in [
        (Derived::SiteAlone, json!({ "disable_stats": true }), Value::Null),
        (Derived::WholeObject, json!({ "disable_stats": true }), json!({ "conductor_token": "ORG" })),
        (
            Derived::FieldByField,
            json!({ "disable_stats": true, "conductor_token": "ORG" }),
            json!({ "conductor_token": "ORG" }),
        ),
    ] {
        cloud.read_as(|readings| readings.derived = reading);
        assert_eq!((derived(site).await, derived(bare).await), (own, other), "{reading:?}");
    }
}

#[tokio::test]
async fn an_export_answers_as_it_is_read() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/ssr/export_idtokens");
    let there = cloud.add_device(org, None, DeviceKind::Gateway, "there").unwrap();
    let without = cloud.add_device(org, None, DeviceKind::Gateway, "without").unwrap();
    cloud.remove_id_token(without).unwrap();
    let macs = json!({ "macs": [there, without, "0200000000ff"] });

    for (reading, rows, token) in [
        (NoIdToken::NoRow, 1, None),
        (NoIdToken::NoField, 3, None),
        (NoIdToken::Null, 3, Some(Value::Null)),
        (NoIdToken::Empty, 3, Some(json!(""))),
    ] {
        cloud.read_as(|readings| readings.no_id_token = reading);
        let said = client.send("POST", &path, &macs).await.json();
        let said = said["results"].as_array().unwrap();
        assert_eq!(said.len(), rows, "{reading:?}");
        assert_eq!(said[0]["mac"], json!(there));
        assert_eq!(said.get(1).and_then(|row| row.get("token").cloned()), token, "{reading:?}");
    }
    cloud.read_as(|readings| readings.id_token_fields = vec!["token".to_owned(), "idtoken".to_owned()]);
    let row = client.send("POST", &path, &macs).await.json()["results"][0].clone();
    assert!(row["token"].is_string() && row["token"] == row["idtoken"], "{row}");
    cloud.read_as(|readings| readings.most_macs = Some((2, TooManyMacs::Cut)));
    assert_eq!(client.send("POST", &path, &macs).await.json()["results"].as_array().unwrap().len(), 2);
    cloud.read_as(|readings| readings.most_macs = Some((2, TooManyMacs::Refused)));
    assert_eq!(client.send("POST", &path, &macs).await.status, 400);
}

#[tokio::test]
async fn an_assignment_goes_wrong_inside_a_good_answer() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    let mac = cloud.add_device(org, None, DeviceKind::Gateway, "r").unwrap();
    let why = "no licence".to_owned();
    for (fault, success, error, there) in [
        (AssignmentFault::Refused(why.clone()), 0, 1, false),
        (AssignmentFault::SaidButNotDone, 1, 0, false),
        (AssignmentFault::DoneButRefused(why), 0, 1, true),
        (AssignmentFault::DoneUnsaid, 0, 0, true),
    ] {
        cloud.foreign(Foreign::Move(mac, None));
        cloud.spoil_assignment(mac, fault.clone());
        let body = json!({ "op": "assign", "macs": [mac], "site_id": site });
        let said = client.send("PUT", &format!("/api/v1/orgs/{org}/inventory"), &body).await;

        assert_eq!(said.status, 200);
        let count = |field: &str| said.json()[field].as_array().unwrap().len();
        assert_eq!((count("success"), count("error"), count("reason")), (success, error, error), "{fault:?}");
        assert_eq!(cloud.device(mac).unwrap().site.is_some(), there, "{fault:?}");
    }
}

#[tokio::test]
async fn somebody_else_acts_right_before_the_call_that_is_named() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    let path = format!("/api/v1/sites/{site}/setting");
    let his = json!({ "conductor_hosts": ["203.0.113.9"] });
    cloud.foreign_before("GET /api/v1/sites/", 2, Foreign::SiteSetting(site, "ssr".to_owned(), his.clone()));
    cloud.foreign_before("PUT", 1, Foreign::Revoke(cloud.token(org)));

    assert_eq!(client.get(&path).await.get("ssr"), None);
    assert_eq!(client.get(&path).await["ssr"], his);
    assert_eq!(client.send("PUT", &path, &json!({})).await.status, 401);
}
