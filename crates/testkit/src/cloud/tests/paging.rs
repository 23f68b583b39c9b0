use std::collections::HashSet;

use serde_json::Value;

use super::*;

/// Follows `next` to the end.
async fn search(client: &Client, path: &str, id: &str) -> Vec<String> {
    let (mut found, mut next, mut pages) = (Vec::new(), Some(path.to_owned()), 0);
    while let Some(path) = next {
        let said = client.get(&path).await;
        let rows = said["results"].as_array().unwrap();
        found.extend(rows.iter().map(|row| row[id].as_str().unwrap().to_owned()));
        next = said["next"].as_str().map(str::to_owned);
        pages += 1;
        assert!(pages < 200, "{path} does not end");
    }
    found
}

fn each_once(found: &[String], count: usize) {
    assert_eq!(found.len(), count);
    assert_eq!(found.iter().collect::<HashSet<_>>().len(), count, "some came twice");
}

#[tokio::test]
async fn every_device_comes_exactly_once() {
    let estate = Estate::large(200, 6_500, 5);
    let (_cloud, org, client) = started(CloudSettings { estate, ..CloudSettings::default() }).await;
    let mut macs = Vec::new();

    for page in 1.. {
        let path = format!("/api/v1/orgs/{org}/inventory?limit=1000&page={page}");
        let said = client.call("GET", &path, None).await.unwrap();
        assert_eq!(said.text("x-page-total"), "6500");
        let Value::Array(rows) = said.json() else { panic!("no array") };
        let last = rows.len() < 1_000;
        macs.extend(rows.iter().map(|row| row["mac"].as_str().unwrap().to_owned()));
        if last {
            break;
        }
    }

    each_once(&macs, 6_500);
}

#[tokio::test]
async fn a_hundred_thousand_devices_are_served_page_by_page() {
    let estate = Estate::large(2_000, 100_000, 5);
    let (_cloud, org, client) = started(CloudSettings { estate, ..CloudSettings::default() }).await;
    let mut macs = Vec::new();

    for (page, rows) in [(1, 1_000), (50, 1_000), (100, 1_000), (101, 0)] {
        let path = format!("/api/v1/orgs/{org}/inventory?limit=1000&page={page}");
        let Value::Array(found) = client.get(&path).await else { panic!("no array") };
        assert_eq!(found.len(), rows, "page {page}");
        macs.extend(found.iter().map(|row| row["mac"].as_str().unwrap().to_owned()));
    }

    each_once(&macs, 3_000);
    let sites = client.get(&format!("/api/v1/orgs/{org}/sites?limit=5000&page=2")).await;
    assert_eq!(sites.as_array().unwrap().len(), 1_000, "no more than 1000 a page");
}

#[tokio::test]
async fn a_search_yields_everything_once_though_more_arrives_between() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    for _ in 0..250 {
        cloud.alarm("rogue_ap", &[ap]).await.unwrap();
    }
    let path = format!("/api/v1/orgs/{org}/alarms/search?limit=40");

    each_once(&search(&client, &path, "id").await, 250);
    each_once(&search(&client, &format!("{path}&sort=timestamp"), "id").await, 250);

    let said = client.get(&path).await;
    cloud.alarm("device_down", &[ap]).await.unwrap();
    let next = search(&client, said["next"].as_str().unwrap(), "id").await;
    each_once(&next, 210);

    let said = client.call("GET", &format!("{path}&search_after=%5B1%2C2%5D"), None).await.unwrap();
    assert_eq!((said.status, said.json()), (400, json!({ "detail": "invalid field: search_after" })));
}

#[tokio::test]
async fn lists_without_a_time_are_searched_with_a_cursor_too() {
    let estate = Estate::large(30, 400, 6);
    let (_cloud, org, client) = started(CloudSettings { estate, ..CloudSettings::default() }).await;
    let base = format!("/api/v1/orgs/{org}");

    each_once(&search(&client, &format!("{base}/inventory/search?type=ap&limit=7"), "mac").await, 280);
    each_once(&search(&client, &format!("{base}/devices/search?type=switch&limit=9"), "mac").await, 80);
    each_once(&search(&client, &format!("{base}/sites/search?limit=4"), "id").await, 30);
    each_once(&search(&client, &format!("{base}/sites/search?name=site+0000*"), "id").await, 10);
}

#[tokio::test]
async fn page_headers_can_be_left_out_and_can_lie() {
    for (page_headers, expect) in [
        (PageHeaders::Sent, "34"),
        (PageHeaders::Omitted, ""),
        (PageHeaders::CountingMembers, "36"),
        (PageHeaders::Off(-4), "30"),
    ] {
        let estate = Estate::large(1, 33, 1);
        let settings = CloudSettings { page_headers, estate, ..CloudSettings::default() };
        let (cloud, org, client) = started(settings).await;
        let site = cloud.sites(org).unwrap()[0].0;
        cloud.add_chassis(site, "stack", 2, false).unwrap();

        let path = format!("/api/v1/orgs/{org}/inventory?limit=5&page=2");
        let said = client.call("GET", &path, None).await.unwrap();

        assert_eq!(said.text("x-page-total"), expect, "{page_headers:?}");
        assert_eq!(said.json().as_array().unwrap().len(), 5);
    }
}

#[tokio::test]
async fn a_search_looks_at_the_last_day_unless_told_otherwise() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    for days in [-10, -3, 0] {
        cloud.set_clock(days * 86_400);
        cloud.alarm("rogue_ap", &[ap]).await.unwrap();
    }
    let total = async |query: &str| {
        let said = client.get(&format!("/api/v1/orgs/{org}/alarms/search{query}")).await;
        said["total"].as_u64().unwrap()
    };

    for (query, expect) in [
        ("", 1),
        ("?duration=4d", 2),
        ("?duration=2w", 3),
        ("?start=-4d&end=-1d", 1),
        ("?start=0&end=now", 3),
        ("?end=-5d&duration=1w", 1),
        ("?duration=4d&severity=info,warn", 0),
        ("?duration=4d&severity=critical&group=security", 2),
        ("?start=99999999999", 0),
    ] {
        assert_eq!(total(query).await, expect, "{query}");
    }
    for query in ["?duration=x", "?start=yesterday", "?limit=-1", "?limit=abc"] {
        assert_eq!(client.status(&format!("/api/v1/orgs/{org}/alarms/search{query}")).await, 400, "{query}");
    }
}
