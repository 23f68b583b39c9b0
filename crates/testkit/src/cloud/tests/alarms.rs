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
