use serde_json::json;

use super::*;

fn call() -> Call {
    Call::get("getOrg", "/api/v1/orgs/{org_id}", &[&"a40f5d1f"])
}

fn refused(status: u16, body: &str) -> String {
    call().refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap().to_string()
}

#[test]
fn ids_stand_where_the_template_names_them() {
    let call = Call::get("x", "/api/v1/orgs/{org_id}/webhooks/{webhook_id}/ping", &[&"A", &"B"]);

    assert_eq!(call.path, "/api/v1/orgs/A/webhooks/B/ping");
    let request = call.to_http(&"api.eu.mist.com".parse().unwrap(), "https");
    assert_eq!(request.uri(), "https://api.eu.mist.com/api/v1/orgs/A/webhooks/B/ping");
    assert_eq!(request.headers()["accept"], "application/json");
    assert!(!request.headers().contains_key("content-type"));
}

#[test]
fn a_refusal_says_status_detail_template_and_what_to_look_at() {
    for (status, body, expect) in [
        (
            400,
            r#"{"detail":"invalid field: topics","reason":"must be at a site"}"#,
            "`GET /api/v1/orgs/{org_id}` was answered with 400: invalid field: topics, must be at a site",
        ),
        (
            404,
            r#"{"id":"a40f5d1f"}"#,
            "`GET /api/v1/orgs/{org_id}` was answered with 404 (there is no such thing that this token can see; check \
             the id and the cloud)",
        ),
        (
            400,
            r#"{"detail":["a",{"b":1}]}"#,
            r#"`GET /api/v1/orgs/{org_id}` was answered with 400: ["a",{"b":1}]"#,
        ),
        (
            502,
            "<html>\r\n<body>Bad\tGateway</body>",
            "`GET /api/v1/orgs/{org_id}` was answered with 502, and not with JSON: <html> <body>Bad Gateway</body>",
        ),
        (418, "", "`GET /api/v1/orgs/{org_id}` was answered with 418"),
        (418, "null", "`GET /api/v1/orgs/{org_id}` was answered with 418"),
    ] {
        assert_eq!(refused(status, body), expect);
    }
    for status in [401, 403] {
        assert!(refused(status, r#"{"detail":"no."}"#).contains("src_ips"));
    }
}

#[test]
fn what_helps_again_is_known() {
    for (status, body, retry) in [
        (429, r#"{"detail":"too many"}"#, true),
        (500, "", true),
        (503, "<html>", true),
        (400, "{}", false),
        (401, "{}", false),
        (404, "{}", false),
        (403, "<html>", false),
        (301, "<html>", false),
    ] {
        let problem = call().refusal(StatusCode::from_u16(status).unwrap(), body.as_bytes()).unwrap();
        assert_eq!(problem.retry_helps(), retry, "{status}");
        assert_eq!(problem.status().unwrap().as_u16(), status);
    }
}

#[test]
fn a_long_or_broken_answer_is_not_repeated() {
    let long = refused(500, &"é".repeat(10_000));
    assert!(long.ends_with('…') && long.chars().count() < 300, "{long}");

    let request = Request::<Value>::new(call());
    let half = request.read(StatusCode::OK, br#"{"conductor_token":"FAKE-TOK"#).unwrap_err().to_string();
    assert!(half.ends_with("and not with JSON: broken at line 1 column 28"), "{half}");
    assert!(!half.contains("FAKE"));
    for (body, snippet) in [
        ("\u{feff}{\"secret\":\"FAKE\"}", ": \u{feff}"),
        ("while(1);[\"FAKE\"]", ": while(1);"),
        ("ecret\": \"FAKE\"}", ": ecret"),
        ("<a href=\"x\"><script>{\"secret\":\"FAKE\"}", ": <a href=\"x\"><script>"),
    ] {
        let said = request.read(StatusCode::OK, body.as_bytes()).unwrap_err().to_string();
        assert!(said.ends_with(&format!("not with JSON{snippet}")), "{said}");
    }
}

#[test]
fn another_shape_is_named_by_place_and_kind() {
    let request = Request::<Vec<Vec<Value>>>::new(call());
    let read = |body: &str| request.read(StatusCode::OK, body.as_bytes()).unwrap_err().to_string();

    assert_eq!(
        read(r#"[[], "FAKE-SECRET"]"#),
        "`GET /api/v1/orgs/{org_id}`: expected a list at `[1]` of the answer, found a text"
    );
    assert_eq!(
        read("{}"),
        "`GET /api/v1/orgs/{org_id}`: expected a list at `.` of the answer, found an object"
    );
    assert!(matches!(request.read(StatusCode::OK, b""), Err(Problem::NotJson { .. })));
}

#[test]
fn an_empty_body_is_an_answer_where_there_may_be_none() {
    assert!(Request::<()>::new(call()).read(StatusCode::OK, b"").is_ok());
    assert!(Request::<()>::new(call()).read(StatusCode::NO_CONTENT, b"\n").is_ok());
    assert_eq!(Request::<Value>::new(call()).read(StatusCode::OK, b"").unwrap(), Value::Null);
}

#[test]
fn a_call_by_hand_stays_inside_the_api() {
    let by_hand = |path: &str| Call::by_hand(Method::GET, path, &[("a", "b c")], None);
    for path in [
        "",
        "/",
        "/api/",
        "/api/v1/",
        "api/v1/self",
        "//evil.example/api/v1",
        "/api/v1/../self",
        "/api/v1/self?a=b",
        "/api/v1/self#a",
        "/api/v1/a b",
        "/api/v1/%2e%2e",
        "/api/v1/é",
        "@evil.example/api/v1",
    ] {
        assert!(matches!(by_hand(path), Err(Problem::BadPath)), "{path}");
    }
    let call = by_hand("/api/v1/orgs/a40f5d1f-d889-42e9-94ea-b9b33585fc6b/networks").unwrap();
    assert_eq!(call.endpoint.to_string(), "GET /api/v1/orgs/{id}/networks");
    assert_eq!(call.query.encoded(), "a=b%20c");
    assert!(call.idempotent);
    assert!(!Call::by_hand(Method::POST, "/api/v1/x", &[], None).unwrap().idempotent);
}

#[test]
fn a_body_is_sent_as_json_and_never_printed() {
    let call = Call::new(Method::PUT, "x", "/api/v1/x", &[]).with_body(&json!({"secret": "FAKE-SECRET"}));

    let request = call.to_http(&"api.mist.com".parse().unwrap(), "https");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.body(), r#"{"secret":"FAKE-SECRET"}"#);
    assert!(call.idempotent && !format!("{call:?}").contains("FAKE"));
    let echo = call.refusal(StatusCode::BAD_GATEWAY, b"<html>secret=FAKE-SECRET").unwrap();
    assert_eq!(echo.to_string(), "`PUT /api/v1/x` was answered with 502, and not with JSON");
}
