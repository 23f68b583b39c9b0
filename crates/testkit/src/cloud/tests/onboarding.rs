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
    let settings = CloudSettings { id_token_field: "idtoken".to_owned(), ..CloudSettings::default() };
    let (cloud, org, client) = started(settings).await;
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
