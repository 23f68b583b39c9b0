use std::time::Instant;

use http::Method;
use serde_json::Value;

use super::*;

#[tokio::test]
async fn an_order_is_for_some_calls_and_some_times() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let (sites, inventory) = (format!("/api/v1/orgs/{org}/sites"), format!("/api/v1/orgs/{org}/inventory"));
    cloud.misbehave(Misbehaviour::Status(503)).on("/inventory?*page=2").after(1).times(2);

    let mut seen = Vec::new();
    for path in [&sites, &inventory] {
        seen.push(client.status(path).await);
    }
    for _ in 0..4 {
        seen.push(client.status(&format!("{inventory}?limit=5&page=2")).await);
    }

    assert_eq!(seen, [200, 200, 200, 503, 503, 200]);
    cloud.misbehave(Misbehaviour::Html(502)).method(Method::PUT).always();
    assert_eq!(client.status(&sites).await, 200);
    let said = client.send("PUT", &inventory, &json!({})).await;
    assert_eq!((said.status, said.text("content-type")), (502, "text/html"));
    cloud.behave();
    assert_eq!(client.send("PUT", &inventory, &json!({})).await.status, 400);
    let recorded: Vec<Option<u16>> = cloud.calls_to("/inventory").iter().map(|call| call.status).collect();
    assert_eq!(recorded, [200, 200, 503, 503, 200, 502, 400].map(Some));
}

#[tokio::test]
async fn bodies_are_wrong_as_ordered() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/inventory?limit=4");
    let right = client.call("GET", &path, None).await.unwrap();

    cloud.misbehave(Misbehaviour::BrokenJson).times(1);
    let said = client.call("GET", &path, None).await.unwrap();
    assert_eq!((said.status, said.body.len()), (200, right.body.len() / 2));
    assert!(serde_json::from_slice::<Value>(&said.body).is_err());

    cloud.misbehave(Misbehaviour::Garbage).times(1);
    let said = client.call("GET", &path, None).await.unwrap();
    assert!(str::from_utf8(&said.body).is_err());

    cloud.misbehave(Misbehaviour::ContentType("text/plain".to_owned())).times(1);
    let said = client.call("GET", &path, None).await.unwrap();
    assert_eq!((said.text("content-type"), &said.body), ("text/plain", &right.body));

    cloud.misbehave(Misbehaviour::WrongTypes).times(1);
    let rows = client.get(&path).await;
    let right = right.json();
    assert!(
        rows[0]["mac"].is_u64() && rows[0]["connected"].is_string() && rows[0]["created_time"].is_string()
    );
    assert_eq!((&rows[1], &rows[3]), (&right[1], &right[3]));

    cloud.misbehave(Misbehaviour::Oversize(3_000_000)).times(1);
    let said = client.call("GET", &path, None).await.unwrap();
    assert_eq!((said.body.len(), said.json()), (3_000_000, json!([])));
}

#[tokio::test]
async fn an_answer_breaks_off_comes_late_or_never() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/inventory");

    cloud.misbehave(Misbehaviour::HalfThenReset).times(1);
    let error = client.call("GET", &path, None).await.err();
    assert!(error.is_some(), "half of the answer passed for the whole");

    cloud.misbehave(Misbehaviour::Latency(Duration::from_millis(300))).times(1);
    let start = Instant::now();
    assert_eq!(client.status(&path).await, 200);
    assert!(start.elapsed() >= Duration::from_millis(300));

    cloud.misbehave(Misbehaviour::Silence).times(1);
    let silent = tokio::time::timeout(Duration::from_millis(300), client.status(&path)).await;
    assert!(silent.is_err());
    cloud.wait_for_calls(3, SOON).await.unwrap();
    assert_eq!(cloud.calls().last().unwrap().status, None);

    cloud.close().await;
    assert!(client.call("GET", &path, None).await.is_err());
    cloud.open().await.unwrap();
    assert_eq!(client.status(&path).await, 200);
}

#[tokio::test]
async fn pages_repeat_and_never_end_as_ordered() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    cloud.alarm("rogue_ap", &[ap]).await.unwrap();
    let (list, search) =
        (format!("/api/v1/orgs/{org}/inventory?limit=10"), format!("/api/v1/orgs/{org}/alarms/search"));
    let page = client.get(&list).await;

    cloud.misbehave(Misbehaviour::SamePage).times(2);
    assert_eq!(client.get(&format!("{list}&page=3")).await, page);
    assert!(client.get(&search).await["next"].is_string());

    cloud.misbehave(Misbehaviour::EndlessPages).always();
    for far in [5, 77] {
        let rows = client.get(&format!("{list}&page={far}")).await;
        assert_eq!(rows.as_array().unwrap().len(), 10, "page {far}");
    }
    let mut next = search.clone();
    for _ in 0..5 {
        let said = client.get(&next).await;
        assert_eq!(said["results"].as_array().unwrap().len(), 1);
        next = said["next"].as_str().unwrap().to_owned();
    }
}

#[tokio::test]
async fn a_change_can_be_made_and_denied() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    cloud.misbehave(Misbehaviour::DoneBut(504)).method(Method::PUT).times(1);

    let body = json!({ "op": "unassign", "macs": [ap] });
    let said = client.send("PUT", &format!("/api/v1/orgs/{org}/inventory"), &body).await;

    assert_eq!(said.status, 504);
    assert_eq!(cloud.device(ap).unwrap().site, None);
    assert_eq!(cloud.calls().last().unwrap().body, body.to_string());
}

#[test]
fn every_misbehaviour_has_a_text() {
    for (text, expect) in [
        ("status:503", Some(Misbehaviour::Status(503))),
        ("latency:250", Some(Misbehaviour::Latency(Duration::from_millis(250)))),
        ("content-type:text/html", Some(Misbehaviour::ContentType("text/html".to_owned()))),
        ("oversize:10", Some(Misbehaviour::Oversize(10))),
        ("half-then-reset", Some(Misbehaviour::HalfThenReset)),
        ("status:99", None),
        ("content-type", None),
        ("rudeness", None),
    ] {
        assert_eq!(text.parse().ok(), expect, "{text}");
    }
}
