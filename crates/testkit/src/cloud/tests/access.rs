use super::*;

#[tokio::test]
async fn only_the_tokens_own_organisation_answers() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let other = cloud.organisations()[1];
    let foreign_site = cloud.sites(other).unwrap()[0].0;
    let nobody = Client::new(&cloud, None);
    let wrong = Client::new(&cloud, Some("FAKE".to_owned()));
    let reader = Client::new(&cloud, Some(cloud.read_token(org)));
    let nowhere = "00000000-0000-0000-0000-000000000001";

    for (client, path, expect) in [
        (&client, format!("/api/v1/orgs/{org}/sites"), 200),
        (&client, format!("/api/v1/orgs/{other}/sites"), 403),
        (&client, format!("/api/v1/sites/{foreign_site}"), 403),
        (&client, format!("/api/v1/orgs/{nowhere}/sites"), 404),
        (&client, format!("/api/v1/sites/{nowhere}"), 404),
        (&client, "/api/v1/orgs/x/sites".to_owned(), 404),
        (&client, "/api/v2/self".to_owned(), 404),
        (&nobody, "/api/v1/self".to_owned(), 401),
        (&wrong, "/api/v1/self".to_owned(), 401),
        (&reader, format!("/api/v1/orgs/{org}/sites"), 200),
    ] {
        assert_eq!(client.status(&path).await, expect, "{path}");
    }
    let said = reader.send("PUT", &format!("/api/v1/orgs/{org}/setting"), &json!({})).await;
    assert_eq!(
        (said.status, &said.json()["detail"]),
        (403, &json!("You do not have permission to perform this action."))
    );
    let said = client.call("GET", &format!("/api/v1/sites/{nowhere}"), None).await.unwrap();
    assert_eq!(said.json(), json!({ "id": nowhere }), "404 has no detail");

    cloud.revoke(&cloud.token(org)).unwrap();
    assert_eq!(client.status("/api/v1/self").await, 401);
    cloud.restore(&cloud.token(org)).unwrap();
    assert_eq!(client.status("/api/v1/self").await, 200);
    let calls = cloud.calls_to("/self");
    assert_eq!(calls.iter().filter(|call| call.status == Some(401)).count(), 3);
    assert_eq!(calls.last().unwrap().token, Some(cloud.token(org)));
}

#[tokio::test]
async fn calls_are_counted_per_token_and_hour() {
    let settings = CloudSettings { calls_per_hour: 3, ..CloudSettings::default() };
    let (cloud, org, client) = started(settings).await;
    let reader = Client::new(&cloud, Some(cloud.read_token(org)));
    let path = format!("/api/v1/orgs/{org}");
    for _ in 0..3 {
        client.get(&path).await;
    }

    let said = client.call("GET", &path, None).await.unwrap();

    assert_eq!(said.status, 429);
    let text =
        "Too Many Request. The API Token used for the request reached the 3 API Calls per hour threshold";
    assert_eq!(said.json(), json!({ "detail": text }));
    assert_eq!(reader.status(&path).await, 200, "every token has its own budget");
    let usage = client.get("/api/v1/self/usage").await;
    assert_eq!((&usage["requests"], &usage["request_limit"]), (&json!(5), &json!(3)));
    assert!((3_590..=3_600).contains(&usage["seconds"].as_i64().unwrap()), "{usage}");

    cloud.set_clock(3_601);
    assert_eq!(client.status(&path).await, 200, "the next hour");
    cloud.spend(&cloud.token(org), 2).unwrap();
    assert_eq!(client.status(&path).await, 429);
}

#[tokio::test]
async fn usage_can_be_refused_as_well() {
    let settings = CloudSettings { calls_per_hour: 0, usage_when_limited: false, ..CloudSettings::default() };
    let (_cloud, _, client) = started(settings).await;

    assert_eq!(client.status("/api/v1/self/usage").await, 429);
}

#[tokio::test]
async fn a_token_is_made_used_and_deleted_by_the_api() {
    let (cloud, org, client) = started(CloudSettings::default()).await;
    let path = format!("/api/v1/orgs/{org}/apitokens");
    let asked = json!({ "name": "relay", "privileges": [{ "scope": "org", "role": "read" }] });

    let made = client.send("POST", &path, &asked).await.json();

    let key = made["key"].as_str().unwrap().to_owned();
    let fresh = Client::new(&cloud, Some(key.clone()));
    assert_eq!(fresh.get("/api/v1/self").await["name"], "relay");
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let shown = client.get(&one).await;
    assert_ne!(shown["key"], json!(key), "the key is told once");
    assert!(shown["last_used"].is_i64());
    assert_eq!(client.call("DELETE", &one, None).await.unwrap().status, 200);
    assert_eq!(fresh.status("/api/v1/self").await, 401);
    assert_eq!(client.send("POST", &path, &json!({ "name": "x" })).await.status, 400);
}
