use super::*;

#[tokio::test]
async fn what_goes_down_shows_in_inventory_alarms_and_events_until_it_is_back() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let switch = first(&cloud, org, DeviceKind::Switch);

    let happened = cloud.device_down(switch.mac).await.unwrap();

    let row = &client.get(&format!("/api/v1/orgs/{org}/inventory?mac={}", switch.mac)).await[0];
    assert_eq!(row["connected"], false);
    assert!(row["last_disconnected"].is_i64());
    let alarms = client.get(&format!("/api/v1/orgs/{org}/alarms/search?type=switch_down,x")).await;
    assert_eq!(alarms["total"], 1);
    let alarm = &alarms["results"][0];
    assert_eq!(alarm["id"], json!(happened.alarm_id));
    assert_eq!(alarm["switches"], json!([switch.mac]));
    assert_eq!((&alarm["group"], &alarm["severity"]), (&json!("infrastructure"), &json!("warn")));
    let events = format!("/api/v1/orgs/{org}/devices/events/search");
    assert_eq!(client.get(&events).await["total"], 0, "access points only, unless asked otherwise");
    let events = client.get(&format!("{events}?device_type=switch")).await;
    assert_eq!(events["results"][0]["type"], "SW_DISCONNECTED");

    cloud.device_up(switch.mac).await.unwrap();
    let row = &client.get(&format!("/api/v1/orgs/{org}/inventory?mac={}", switch.mac)).await[0];
    assert_eq!(row["connected"], true);
}

#[tokio::test]
async fn a_marvis_action_is_resolved_under_its_own_id() {
    let receiver = Receiver::start();
    let (cloud, org, client) = started_with(&receiver).await;
    cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["alarms"])).unwrap();
    let switch = first(&cloud, org, DeviceKind::Switch);

    let opened = cloud.marvis("bad_cable", switch.mac, MarvisState::Open).await.unwrap();
    let resolved = cloud.marvis("bad_cable", switch.mac, MarvisState::Resolved).await.unwrap();

    assert_eq!(opened.alarm_id, resolved.alarm_id);
    let events: Vec<_> = receiver.all().iter().map(|message| message.json()["events"][0].clone()).collect();
    assert_eq!((&events[0]["status"], &events[0]["update"]), (&json!("open"), &json!(null)));
    assert_eq!((&events[1]["status"], &events[1]["update"]), (&json!("resolved"), &json!(true)));
    assert_eq!(events[0]["impacted_entities"][0]["entity_mac"], json!(switch.mac));
    let found = client.get(&format!("/api/v1/orgs/{org}/alarms/search?group=marvis&status=resolved")).await;
    assert_eq!(found["total"], 1);
    assert!(found["results"][0]["resolved_time"].is_i64());
    let again = cloud.marvis("bad_cable", switch.mac, MarvisState::Resolved).await;
    assert_eq!(again.unwrap_err(), NoSuch::OpenAction("bad_cable".to_owned()));
}

#[tokio::test]
async fn alarms_of_a_site_are_found_there_and_lists_are_samples() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let all = cloud.devices(org).unwrap();
    let aps: Vec<Mac> = all.iter().filter(|d| d.kind == DeviceKind::Ap).map(|d| d.mac).collect();
    let site = cloud.device(aps[0]).unwrap().site.unwrap();
    let other = all.iter().find_map(|d| d.site.filter(|id| *id != site)).unwrap();
    cloud.alarm_with("infra_dhcp_failure", &aps[..12], json!({ "servers": ["10.0.0.1"] })).await.unwrap();

    let found = client.get(&format!("/api/v1/sites/{site}/alarms/search")).await;

    assert_eq!(found["total"], 1);
    assert_eq!(found["results"][0]["aps"].as_array().unwrap().len(), 10, "at most ten are named");
    assert_eq!(found["results"][0]["servers"], json!(["10.0.0.1"]));
    assert_eq!(client.get(&format!("/api/v1/sites/{other}/alarms/search")).await["total"], 0);
    let both = client.get(&format!("/api/v1/orgs/{org}/alarms/search?site_id={other},{site}")).await;
    assert_eq!(both["total"], 1);
    assert_eq!(cloud.alarm("x", &[]).await.unwrap_err(), NoSuch::FirstDevice);
}

#[tokio::test]
async fn a_mist_edge_tells_its_time_as_a_text() {
    let receiver = Receiver::start();
    let (cloud, org, _) = started_with(&receiver).await;
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["mxedge-events"])).unwrap();
    let edge = first(&cloud, org, DeviceKind::MxEdge).mac;

    cloud.device_down(edge).await.unwrap();

    let event = receiver.next().await.json()["events"][0].clone();
    assert_eq!(event["type"], "ME_DISCONNECTED");
    assert!(event["timestamp"].as_str().unwrap().parse::<f64>().is_ok());
    assert!(cloud.delivery_log(&id).is_empty(), "nothing is logged of this topic");
}
