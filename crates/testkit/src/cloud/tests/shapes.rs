//! Every answer has the keys that Mist's contract gives it, and values of the same kind.

use serde_json::Value;

use super::*;

/// The sample of this name.
fn sample(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/rest/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

const fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Holds `said` against the sample: its keys are the sample's or among `also`, which the contract's schema has
/// and its example leaves out; what is not null is of the same kind.
fn agrees(what: &str, said: &Value, sample: &Value, also: &[&str]) {
    let fields = said.as_object().unwrap_or_else(|| panic!("{what} is no object: {said}"));
    assert!(!fields.is_empty(), "{what} is empty");
    for (key, value) in fields {
        match sample.get(key) {
            None => assert!(also.contains(&key.as_str()), "{what} has `{key}`, which is not documented"),
            Some(like) => {
                assert!(
                    value.is_null() || like.is_null() || kind(value) == kind(like),
                    "{what}: `{key}` is {value}, not like {like}"
                );
            }
        }
    }
}

#[tokio::test]
async fn organisations_sites_and_devices_look_as_documented() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    let switch = first(&cloud, org, DeviceKind::Switch);
    cloud.add_chassis(site, "stack", 2, false).unwrap();
    let base = format!("/api/v1/orgs/{org}");
    let get = async |path: &str| client.get(&format!("{base}{path}")).await;

    agrees("self", &client.get("/api/v1/self").await, &sample("getSelf--response200"), &["name"]);
    let usage = client.get("/api/v1/self/usage").await;
    agrees("usage", &usage, &sample("getSelfApiUsage--response200"), &["seconds"]);
    agrees("org", &get("").await, &sample("getOrg--response200"), &[]);
    let info = sample("getSiteInfo--response200");
    agrees("sites", &get("/sites?limit=1").await[0], &info, &[]);
    agrees("site", &client.get(&format!("/api/v1/sites/{site}")).await, &info, &[]);

    let inventory = sample("getOrgInventory--response200")[0].clone();
    let also = ["sku", "hw_rev", "org_id", "adopted", "jsi", "magic", "vc_mac"];
    for row in get("/inventory?vc=true").await.as_array().unwrap() {
        agrees("inventory", row, &inventory, &also);
    }
    let found = get("/inventory/search?type=switch&name=stack").await;
    let searched = sample("searchOrgInventory--response200");
    agrees("inventory/search", &found, &searched, &[]);
    agrees("inventory/search row", &found["results"][0], &searched["results"][0], &[]);
    agrees("a member", &found["results"][0]["members"][0], &searched["results"][0]["members"][0], &[]);

    let names = sample("listOrgDevices--built-response200");
    agrees("devices", &get("/devices").await["results"][0], &names["results"][0], &[]);
    let found = get("/devices/search").await;
    let like = sample("searchOrgDevices--response200-Ap");
    agrees("devices/search", &found, &like, &[]);
    agrees("devices/search row", &found["results"][0], &like["results"][0], &["ext_ip", "last_hostname"]);
    for (kind, case, also) in [
        ("ap", "Access-Point", &[][..]),
        ("switch", "Switch", &[]),
        ("gateway", "Gateway", &["router_name", "conductor_name", "node_name", "hw_rev"]),
    ] {
        let like = sample(&format!("listOrgDevicesStats--response200-{case}-Stats"))[0].clone();
        agrees("stats", &get(&format!("/stats/devices?type={kind}")).await[0], &like, also);
    }
    let devices = client.get(&format!("/api/v1/sites/{site}/devices?type=switch")).await;
    agrees(
        "site device",
        &devices[0],
        &sample("getSiteDevice--response200-switch"),
        &["mac", "model", "serial"],
    );
    let one = format!("/api/v1/sites/{}/stats/devices/{}", switch.site.unwrap(), switch.id());
    assert_eq!(client.get(&one).await["name"], json!(switch.name));
    let maps = client.get(&format!("/api/v1/sites/{site}/maps")).await;
    assert!(maps[0]["id"].is_string() && maps[0]["name"].is_string());
}

#[tokio::test]
async fn definitions_look_as_documented() {
    let (cloud, _, client) = started(CloudSettings::default()).await;
    for (name, operation, also) in [
        ("alarm_defs", "listAlarmDefinitions", &[][..]),
        ("device_events", "listDeviceEventsDefinitions", &[]),
        ("mxedge_events", "listMxEdgeEventsDefinitions", &[]),
        ("nac_events", "listNacEventsDefinitions", &[]),
        ("otherdevice_events", "listOtherDeviceEventsDefinitions", &[]),
        ("system_events", "listSystemEventsDefinitions", &[]),
        ("webhook_topics", "listWebhookTopics", &["allows_single_event_per_message"]),
    ] {
        let said = client.get(&format!("/api/v1/const/{name}")).await;
        let like = sample(&format!("{operation}--response200"))[0].clone();
        for entry in said.as_array().unwrap() {
            agrees(name, entry, &like, also);
        }
    }

    cloud
        .define("alarm_defs", json!({ "key": "made_up", "group": "security", "severity": "critical" }))
        .unwrap();

    let alarms = client.get("/api/v1/const/alarm_defs").await;
    assert!(alarms.as_array().unwrap().iter().any(|entry| entry["key"] == "made_up"));
    assert!(cloud.define("none", Value::Null).is_err());
}

#[tokio::test]
async fn what_happened_looks_as_documented() {
    let receiver = Receiver::start();
    let (cloud, org, client) = started_with(&receiver).await;
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["alarms"])).unwrap();
    let (ap, switch) = (first(&cloud, org, DeviceKind::Ap), first(&cloud, org, DeviceKind::Switch));
    cloud.alarm("rogue_ap", &[ap.mac]).await.unwrap();
    cloud.device_down(ap.mac).await.unwrap();
    cloud.port_down(switch.mac, "ge-0/0/7").await.unwrap();
    cloud
        .audit(org, ap.site, "Update Site Settings", json!({ "after": "{}", "before": "{}" }))
        .await
        .unwrap();
    cloud.enable_alarms(org, &["rogue_ap"]).unwrap();
    let base = format!("/api/v1/orgs/{org}");
    let get = async |path: &str| client.get(&format!("{base}{path}")).await;

    let (said, like) = (get("/alarms/search?limit=1").await, sample("searchOrgAlarms--response200"));
    agrees("alarms/search", &said, &like, &[]);
    agrees("an alarm", &said["results"][0], &like["results"][0], &[]);
    for key in ["id", "timestamp", "last_seen", "type", "group", "severity", "count"] {
        assert!(!said["results"][0][key].is_null(), "`{key}` is required");
    }
    let said = get("/devices/events/search?device_type=all").await;
    let like = sample("searchOrgDeviceEvents--response200");
    agrees("events/search", &said, &like, &[]);
    let also = [
        "ap_name",
        "device_name",
        "device_type",
        "ev_type",
        "mac",
        "model",
        "site_name",
        "version",
        "port_id",
    ];
    for row in said["results"].as_array().unwrap() {
        agrees("an event", row, &like["results"][0], &also);
    }
    let (said, like) = (get("/logs/search").await, sample("listOrgAuditLogs--response200"));
    agrees("logs", &said, &like, &[]);
    let also = ["after", "before", "site_name", "src_ip"];
    agrees("an audit", &said["results"][0], &like["results"][0], &also);
    let said = get(&format!("/webhooks/{id}/events/search")).await;
    let like = sample("searchOrgWebhooksDeliveries--response200");
    agrees("deliveries", &said, &like, &["next"]);
    agrees("a delivery", &said["results"][0], &like["results"][0], &[]);
    agrees(
        "templates",
        &get("/alarmtemplates").await[0],
        &sample("listOrgAlarmTemplates--response200")[0],
        &[],
    );
    agrees("tokens", &get("/apitokens").await[0], &sample("listOrgApiTokens--response200")[0], &[]);
    let made = sample("createOrgWebhook--built-response200");
    agrees("webhook", &get(&format!("/webhooks/{id}")).await, &made, &["site_id"]);
    let register = sample("getOrgSsrRegistrationCommands--response200");
    agrees("register_cmd", &get("/ssr/register_cmd?ttl=60").await, &register, &[]);
}

#[tokio::test]
async fn refusals_are_the_contracts_own() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/webhooks");
    let raw = |topics: &[&str]| json!({ "url": "https://example.net/", "topics": topics });
    let site_only = json!({ "topics": ["location"] });
    let id = "b069b358-4c97-5319-1f8c-7c5ca64d6ab1";
    let site_path = format!("/api/v1/sites/{}/webhooks", cloud.sites(org).unwrap()[0].0);
    assert_eq!(client.send("POST", &site_path, &raw(&["asset-raw-rssi"])).await.status, 200);
    for (path, body, case) in [
        (&site_path, json!({ "assetfilter_ids": [id, id] }), "Duplicate-assetfilter-id"),
        (&site_path, json!({ "assetfilter_ids": ["x"] }), "Invalid-assetfilter-id"),
        (&site_path, raw(&["wifi-conn-raw"]), "RawDataWebhook-already-created"),
        (&site_path, raw(&["wifi-conn-raw", "wifi-unconn-raw"]), "RawDataWebhook-multiple-topics"),
        (&path, json!({ "assetfilter_ids": [id] }), "org-level-filter-webhook"),
    ] {
        let said = client.send("POST", path, &body).await;
        assert_eq!(said.status, 400, "{case}");
        assert_eq!(said.json(), sample(&format!("createOrgWebhook--response400-{case}")), "{case}");
    }
    for (body, field) in [
        (site_only, "topics"),
        (json!({ "topics": "alarms" }), "topics"),
        (json!({ "url": "ftp://example.net" }), "url"),
        (json!({ "type": "smtp" }), "type"),
        (json!({ "headers": { "x": "y".repeat(1_000) } }), "headers"),
        (json!({ "enabled": "yes" }), "enabled"),
    ] {
        let said = client.send("POST", &path, &body).await;
        assert_eq!((said.status, said.json()), (400, json!({ "detail": format!("invalid field: {field}") })));
    }
    let said = client.call("POST", &path, Some(&json!("no object"))).await.unwrap();
    assert_eq!(said.status, 400);
}
