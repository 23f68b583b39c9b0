use serde_json::Value;

use super::*;
use crate::mist::sign;

#[tokio::test]
async fn a_device_that_goes_down_is_told_signed_and_logged() {
    let receiver = Receiver::start();
    let (cloud, org, client) = started_with(&receiver).await;
    let topics = ["alarms", "device-events", "device-updowns"];
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"example-secret", &topics)).unwrap();
    let ap = first(&cloud, org, DeviceKind::Ap);

    let happened = cloud.device_down(ap.mac).await.unwrap();

    let told: Vec<&str> = happened.deliveries.iter().map(|delivered| &*delivered.topic).collect();
    assert_eq!(told, ["device-events", "device-updowns", "alarms"]);
    for message in receiver.all() {
        let signatures = sign(b"example-secret", &message.body);
        assert_eq!(message.header("x-mist-signature-v2"), signatures.v2);
        assert_eq!(message.header("x-mist-signature"), signatures.v1);
        assert_eq!(message.header("user-agent"), "Mist-webhook");
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(message.json()["events"][0]["site_id"], json!(ap.site));
    }

    let log = client.get(&format!("/api/v1/orgs/{org}/webhooks/{id}/events/search")).await;
    assert_eq!(log["total"], 2, "nothing is logged of device events: {log}");
    let row = &log["results"][0];
    assert_eq!(row["topic"], "alarms");
    assert_eq!(row["status"], "success");
    assert_eq!(row["status_code"], 200);
    assert_eq!(row["resp_body"], "Ok");
    assert_eq!(row["req_payload"].as_str().unwrap().as_bytes(), &*happened.deliveries[2].body);
    assert_eq!(row["req_headers"], r#"{"Content-Type":["application/json"],"User-Agent":["Mist-webhook"]}"#);
    assert!(row["timestamp"].is_f64());
}

#[tokio::test]
async fn a_webhook_of_the_organisation_and_one_of_the_site_post_twice() {
    let receiver = Receiver::start();
    let (cloud, org, _) = started_with(&receiver).await;
    let ap = first(&cloud, org, DeviceKind::Ap);
    let other = cloud.sites(org).unwrap().into_iter().find(|(id, _)| Some(*id) != ap.site).unwrap().0;
    let new = || NewWebhook::new(&receiver.url(), b"example-secret", &["alarms"]);
    cloud.add_webhook(org, new()).unwrap();
    cloud.add_webhook(org, new().for_site(ap.site.unwrap())).unwrap();
    cloud.add_webhook(org, new().for_site(other)).unwrap();

    cloud.alarm("rogue_ap", &[ap.mac]).await.unwrap();

    let events: Vec<Value> =
        receiver.all().iter().map(|message| message.json()["events"][0].clone()).collect();
    assert_eq!(events.len(), 2, "not to the other site's");
    assert_eq!(events[0]["id"], events[1]["id"]);
    let for_site: Vec<&Value> = events.iter().map(|event| &event["for_site"]).collect();
    assert!(for_site.contains(&&json!(true)) && for_site.contains(&&Value::Null), "{for_site:?}");
    assert_eq!(events[0]["group"], "security");
}

#[tokio::test]
async fn a_failure_is_logged_with_what_the_receiver_said() {
    let receiver = Receiver::start();
    let (cloud, org, client) = started_with(&receiver).await;
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["alarms"])).unwrap();
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    let path = format!("/api/v1/orgs/{org}/webhooks/{id}/events");

    receiver.answer_with(503);
    cloud.alarm("device_down", &[ap]).await.unwrap();
    receiver.close().await;
    let happened = cloud.alarm("device_reconnected", &[ap]).await.unwrap();

    assert_eq!(happened.deliveries[0].status, None);
    let log = client.get(&format!("{path}/search?status=failure&sort=timestamp")).await;
    let rows = log["results"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["status_code"], 503);
    assert!(rows[1]["error"].as_str().unwrap().starts_with("cannot connect"), "{}", rows[1]);
    assert_eq!(client.get(&format!("{path}/search?status_code=503")).await["total"], 1);
    assert_eq!(client.get(&format!("{path}/search?status=success")).await["total"], 0);
    assert_eq!(client.get(&format!("{path}/search?topic=ping")).await["total"], 0);
    let count = client.get(&format!("{path}/count?distinct=status")).await;
    assert_eq!(count["results"], json!([{ "count": 2, "status": "failure" }]));
}

#[tokio::test]
async fn the_api_makes_pings_changes_and_deletes_a_webhook() {
    let receiver = Receiver::start();
    let (_cloud, org, client) = started_with(&receiver).await;
    let list = format!("/api/v1/orgs/{org}/webhooks");
    let fields = json!({ "name": "fogbell", "url": receiver.url(), "secret": "s", "topics": ["audits"] });

    let made = client.send("POST", &list, &fields).await;

    assert_eq!(made.text("content-type"), "application/json");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let one = format!("{list}/{id}");
    let pinged = client.call("POST", &format!("{one}/ping"), None).await.unwrap();
    assert_eq!((pinged.status, pinged.body.len()), (200, 0));
    let ping = receiver.next().await;
    assert_eq!(ping.json()["topic"], "ping");
    assert_eq!(ping.json()["events"][0]["name"], "fogbell");
    assert_eq!(ping.header("x-mist-signature-v2"), sign(b"s", &ping.body).v2);

    let changed = client.send("PUT", &one, &json!({ "enabled": false })).await.json();
    assert_eq!((&changed["enabled"], &changed["topics"]), (&json!(false), &json!(["audits"])));
    assert_eq!(client.get(&list).await[0], changed);
    assert_eq!(client.call("DELETE", &one, None).await.unwrap().status, 200);
    assert_eq!(client.status(&one).await, 404);
}

#[tokio::test]
async fn a_webhook_gets_what_it_asked_for_and_no_more() {
    let receiver = Receiver::start();
    let (cloud, org, _) = started_with(&receiver).await;
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    let new = |topics: &[&str]| NewWebhook::new(&receiver.url(), b"s", topics);
    let rules =
        json!([{ "topic": "device-events", "action": "block", "matching": { "type": ["AP_RESTARTED"] } }]);
    let one = new(&["device-events"])
        .field("single_event_per_message", json!(true))
        .field("rules", rules)
        .field("headers", json!({ "X-Example": "fogbell", "bad header": "left out" }));
    cloud.add_webhook(org, one).unwrap();
    cloud.add_webhook(org, new(&["device-events"]).field("enabled", json!(false))).unwrap();
    cloud.add_webhook(org, new(&["device-events"]).field("type", json!("splunk"))).unwrap();
    cloud.add_webhook(org, new(&["audits"])).unwrap();

    cloud.device_event(ap, "AP_RESTARTED", Value::Null).await.unwrap();
    let events =
        [json!({ "type": "AP_CONFIGURED" }), json!({ "type": "AP_RESTARTED" }), json!({ "type": "A" })];
    cloud.tell(org, None, "device-events", &events).await.unwrap();

    let got: Vec<Value> = receiver.all().iter().map(|message| message.json()["events"].clone()).collect();
    assert_eq!(got, [json!([{ "type": "AP_CONFIGURED" }]), json!([{ "type": "A" }])]);
    assert_eq!(receiver.next().await.header("x-example"), "fogbell");
}

#[tokio::test]
async fn messages_come_twice_or_are_lost_as_ordered() {
    let receiver = Receiver::start();
    let (cloud, org, client) = started_with(&receiver).await;
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["alarms"])).unwrap();
    let ap = first(&cloud, org, DeviceKind::Ap).mac;

    cloud.post(Posting::Twice);
    let twice = cloud.alarm("rogue_ap", &[ap]).await.unwrap();
    cloud.post(Posting::Lost);
    let lost = cloud.alarm("rogue_client", &[ap]).await.unwrap();

    assert_eq!((twice.deliveries.len(), lost.deliveries.len()), (2, 0));
    let bodies: Vec<_> = receiver.all().into_iter().map(|message| message.body).collect();
    assert_eq!((bodies.len(), &bodies[0]), (2, &bodies[1]));
    assert_eq!(cloud.delivery_log(&id).len(), 2);
    let found = client.get(&format!("/api/v1/orgs/{org}/alarms/search?type=rogue_client")).await;
    assert_eq!(found["results"][0]["id"], json!(lost.alarm_id), "what was lost can be found");
}

#[tokio::test]
async fn the_log_can_be_written_as_the_contracts_example() {
    let receiver = Receiver::start();
    let settings = CloudSettings {
        trust: Some(receiver.trust()),
        payloads: Payloads::Escaped,
        ..CloudSettings::default()
    };
    let (cloud, org, _) = started(settings).await;
    let id = cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["audits"])).unwrap();

    let extra = json!({ "before": r#"{"power": null}"# });
    let happened = cloud.audit(org, None, "Update \"x\"", extra).await.unwrap();

    let row = &cloud.delivery_log(&id)[0];
    let payload = row["req_payload"].as_str().unwrap();
    assert!(payload.contains(r#"\"before\":\"{\\"power\\": null}\""#), "{payload}");
    assert_eq!(payload.replace("\\\"", "\"").as_bytes(), &*happened.deliveries[0].body);
    let headers = row["req_headers"].as_str().unwrap();
    assert_eq!(headers, r#"{\"Content-Type\":[\"application/json\"],\"User-Agent\":[\"Mist-webhook\"]}"#);
}

#[tokio::test]
async fn a_certificate_that_nobody_trusts_is_refused_unless_told_otherwise() {
    let receiver = Receiver::start();
    let (cloud, org, _) = started(CloudSettings::default()).await;
    let new = || NewWebhook::new(&receiver.url(), b"s", &["audits"]);
    cloud.add_webhook(org, new()).unwrap();
    cloud.add_webhook(org, new().field("verify_cert", json!(false))).unwrap();

    let happened = cloud.audit(org, None, "Login", Value::Null).await.unwrap();

    let [careful, careless] = &happened.deliveries[..] else { panic!("two webhooks") };
    assert!(careful.error.as_ref().unwrap().starts_with("the TLS handshake failed"), "{careful:?}");
    assert!(careless.is_success(), "{careless:?}");
}

#[tokio::test]
async fn an_alarm_that_no_template_enables_reaches_no_webhook() {
    let receiver = Receiver::start();
    let (cloud, org, _) = started_with(&receiver).await;
    cloud.add_webhook(org, NewWebhook::new(&receiver.url(), b"s", &["alarms"])).unwrap();
    let ap = first(&cloud, org, DeviceKind::Ap).mac;
    cloud.enable_alarms(org, &["rogue_ap"]).unwrap();

    assert_eq!(cloud.alarm("rogue_ap", &[ap]).await.unwrap().deliveries.len(), 1);
    assert_eq!(cloud.alarm("rogue_client", &[ap]).await.unwrap().deliveries.len(), 0);
}
