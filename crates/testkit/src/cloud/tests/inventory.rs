use serde_json::Value;

use super::*;

#[tokio::test]
async fn an_assignment_fails_in_part_and_is_remembered() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[1].0;
    let router = cloud.add_device(org, None, DeviceKind::Gateway, "new-router").unwrap();
    let ap = first(&cloud, org, DeviceKind::Ap);
    let path = format!("/api/v1/orgs/{org}/inventory");

    let macs = json!([router, "0200000000ff", ap.mac]);
    let body = json!({ "op": "assign", "site_id": site, "macs": macs, "no_reassign": true });
    let said = client.send("PUT", &path, &body).await;

    assert_eq!(said.status, 200);
    assert_eq!(
        said.json(),
        json!({
            "op": "assign",
            "success": [router],
            "error": ["0200000000ff", ap.mac],
            "reason": ["device not found", "already assigned"],
        })
    );
    let row = &client.get(&format!("{path}?mac={router}&unassigned=false")).await[0];
    assert_eq!(row["site_id"], json!(site));
    assert_eq!(cloud.device(ap.mac).unwrap().site, ap.site);

    let body = json!({ "op": "unassign", "macs": [router] });
    assert_eq!(client.send("PUT", &path, &body).await.json()["success"], json!([router]));
    assert_eq!(client.get(&format!("{path}?mac={router}&unassigned=false")).await, json!([]));
    let serial = cloud.device(router).unwrap().serial;
    let body = json!({ "op": "delete", "serials": [serial, "NONE"] });
    let said = client.send("PUT", &path, &body).await.json();
    assert_eq!((&said["success"], &said["error"]), (&json!([serial]), &json!(["NONE"])));
    assert!(cloud.device(router).is_err());

    for wrong in [
        json!({}),
        json!({ "op": "steal", "macs": [] }),
        json!({ "op": "assign", "macs": [ap.mac] }),
        json!({ "op": "assign", "macs": [ap.mac], "site_id": "00000000-0000-0000-0000-000000000001" }),
        json!({ "op": "unassign", "macs": "all" }),
    ] {
        assert_eq!(client.send("PUT", &path, &wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn members_of_a_chassis_are_listed_only_when_asked_for() {
    for fpc0 in [false, true] {
        let (cloud, org, client) = started(CloudSettings::default()).await;
        let site = cloud.sites(org).unwrap()[0].0;
        let (chassis, members) = cloud.add_chassis(site, "stack", 3, fpc0).unwrap();
        let path = format!("/api/v1/orgs/{org}/inventory");
        let member = members[0];

        assert_eq!(client.get(&format!("{path}?mac={member}")).await, json!([]));
        let row = client.get(&format!("{path}?vc=true&mac={member}")).await[0].clone();
        assert_eq!(row["vc_mac"], json!(chassis));
        assert_eq!((&row["site_id"], &row["name"]), (&Value::Null, &Value::Null));
        let row = client.get(&format!("{path}?mac={chassis}")).await[0].clone();
        assert_eq!((&row["name"], &row["site_id"]), (&json!("stack"), &json!(site)));
        assert_eq!(chassis.to_string().starts_with("020003"), !fpc0);
        let all = client.get(&format!("{path}?vc=true&vc_mac={chassis}&type=switch")).await;
        assert_eq!(all.as_array().unwrap().len(), if fpc0 { 3 } else { 4 });
    }
}

#[tokio::test]
async fn filters_mean_what_is_documented() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.sites(org).unwrap()[0].0;
    let base = format!("/api/v1/orgs/{org}");
    let count = async |path: &str| match client.get(&format!("{base}{path}")).await {
        Value::Array(rows) => rows.len(),
        body => body["results"].as_array().unwrap().len(),
    };

    // per site six access points, three switches, two gateways, and a Mist Edge that is no part of it
    for (path, expect) in [
        ("/inventory".to_owned(), 44),
        ("/inventory?type=ap".to_owned(), 24),
        ("/inventory?type=switch,gateway".to_owned(), 20),
        (format!("/inventory?site_id={site}&type=ap"), 6),
        ("/inventory?model=SSR120,SRX320".to_owned(), 8),
        ("/inventory?modified_after=99999999999".to_owned(), 0),
        ("/inventory/search".to_owned(), 24),
        ("/inventory/search?type=gateway&model=SSR*".to_owned(), 4),
        ("/inventory/search?name=LIS12-AP".to_owned(), 6),
        ("/devices".to_owned(), 44),
        ("/stats/devices".to_owned(), 24),
        ("/stats/devices?type=all".to_owned(), 44),
        (format!("/stats/devices?type=all&site_id={site}&status=connected"), 11),
        ("/stats/devices?type=all&status=disconnected".to_owned(), 0),
        ("/sites?limit=3".to_owned(), 3),
        ("/sites?limit=3&page=2".to_owned(), 1),
        ("/inventory?limit=0".to_owned(), 0),
    ] {
        assert_eq!(count(&path).await, expect, "{path}");
    }
    let counted = client.get(&format!("{base}/inventory/count?type=gateway&distinct=model")).await;
    assert_eq!(
        counted["results"],
        json!([{ "count": 4, "model": "SRX320" }, { "count": 4, "model": "SSR120" }])
    );

    cloud.set_clock(10);
    let before = ids::Timestamp::now().micros() / 1_000_000 + 5;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    cloud.rename_device(ap, "another name").unwrap();
    let changed = client.get(&format!("{base}/inventory?modified_after={before}")).await;
    assert_eq!(changed.as_array().unwrap().len(), 1);
    assert_eq!(changed[0]["name"], "another name");
}

#[tokio::test]
async fn sites_come_get_other_names_and_go() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let site = cloud.add_site(org, "Lab").unwrap();
    let ap = cloud.add_device(org, Some(site), DeviceKind::Ap, "lab-ap").unwrap();
    let path = format!("/api/v1/sites/{site}");

    assert_eq!(client.get(&path).await["name"], "Lab");
    cloud.rename_site(site, "Laboratory").unwrap();
    assert_eq!(client.get(&path).await["name"], "Laboratory");
    assert_eq!(client.get(&format!("{path}/devices")).await[0]["mac"], json!(ap));
    let happened = cloud.device_event(ap, "AP_RESTARTED", json!({ "reason": "power_cycle" })).await.unwrap();
    assert!(happened.deliveries.is_empty(), "nobody listens");
    let events = client.get(&format!("/api/v1/orgs/{org}/devices/events/search?mac={ap}")).await;
    assert_eq!(events["results"][0]["site_name"], "Laboratory");
    cloud.remove_site(site).unwrap();
    assert_eq!(client.status(&path).await, 404);
    assert_eq!(cloud.device(ap).unwrap().site, None);
}
