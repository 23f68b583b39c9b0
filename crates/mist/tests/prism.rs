//! Every request against the vendor's OpenAPI document, as Prism reads it.
//!
//! `cargo xtask test --mist-spec FILE` starts Prism, names its address in `FOGBELL_PRISM` and the document in
//! `FOGBELL_MIST_SPEC`; plain `cargo test` leaves this out. Prism answers a request that is not as documented with the status of an error and says why in
//! `sl-violations`.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use fogbell_mist::{ApiToken, Client, Host, Problem, Settings};
use http::{Method, Uri};
use http_body_util::Full;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

mod operations;
use operations::Operation;

fn prism() -> Host {
    let address = std::env::var("FOGBELL_PRISM").expect("FOGBELL_PRISM is the address where Prism listens");
    address.parse().unwrap()
}

fn client() -> Client {
    let mut settings = Settings::new(prism(), ApiToken::new("FAKE-TOKEN").unwrap());
    settings.danger_plain_http = true;
    settings.retry.tries = 1;
    Client::new(settings).unwrap()
}

/// The status that a request gets, and what Prism has against it.
async fn judged(operation: &Operation) -> (u16, Option<String>) {
    let (mut head, body) = operation.http.clone().into_parts();
    let mut uri = head.uri.into_parts();
    uri.scheme = Some(http::uri::Scheme::HTTP);
    uri.authority = Some(prism().as_str().parse().unwrap());
    head.uri = Uri::from_parts(uri).unwrap();
    head.headers.insert("authorization", "Token FAKE-TOKEN".parse().unwrap());
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(http::Request::from_parts(head, Full::new(body))).await.unwrap();
    let violations = answer.headers().get("sl-violations");
    (answer.status().as_u16(), violations.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()))
}

#[tokio::test]
async fn every_request_is_as_the_document_says() {
    let mut broken = Vec::new();
    for operation in operations::all() {
        let (status, violations) = judged(&operation).await;
        if status != 200 || violations.is_some() {
            broken.push(format!("{} ({}): {status} {violations:?}", operation.name, operation.endpoint));
        }
    }

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Prism lets parameters and fields pass that the document does not have.
#[test]
fn every_name_is_in_the_document() {
    let file = std::env::var("FOGBELL_MIST_SPEC").expect("FOGBELL_MIST_SPEC is the OpenAPI document");
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut broken = Vec::new();
    for operation in operations::all() {
        let (method, template) = operation.endpoint.split_once(' ').unwrap();
        let path = &document["paths"][template];
        let described = &path[method.to_lowercase()];
        if described["operationId"] != operation.name {
            broken.push(format!("{}: the document has `{}`", operation.name, described["operationId"]));
        }
        let parameters = [path, described].into_iter().filter_map(|of| of["parameters"].as_array()).flatten();
        let known: Vec<&Value> = parameters.map(|one| &resolved(&document, one)["name"]).collect();
        let query = operation.http.uri().query().unwrap_or_default();
        for name in query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name) {
            if !known.iter().any(|known| **known == name) {
                broken.push(format!("{}: the document has no parameter `{name}`", operation.name));
            }
        }
        if let Ok(Value::Object(body)) = serde_json::from_slice(operation.http.body()) {
            let schema = &described["requestBody"]["content"]["application/json"]["schema"];
            let fields = &resolved(&document, schema)["properties"];
            for name in body.keys().filter(|name| fields.get(name).is_none()) {
                broken.push(format!("{}: the document has no field `{name}`", operation.name));
            }
        }
    }

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What a reference stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        Some(path) => document.pointer(path).map_or(&Value::Null, |target| resolved(document, target)),
        None => value,
    }
}

#[tokio::test]
async fn every_answer_of_the_document_is_read() {
    let client = client();
    let mut broken = Vec::new();
    for operation in operations::all() {
        if let Err(problem) = (operation.send)(client.clone()).await {
            broken.push(format!("{}: {problem}", operation.name));
        }
    }

    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test]
async fn a_request_of_another_shape_is_noticed() {
    type Wrong = (Method, String, &'static [(&'static str, &'static str)], Option<Value>);
    let org = format!("/api/v1/orgs/{}", operations::org());
    let (put, post) = (Method::PUT, Method::POST);
    let wrong: [Wrong; 9] = [
        (post.clone(), format!("{org}/ssr/export_idtokens"), &[], Some(json!({}))),
        (post.clone(), format!("{org}/ssr/export_idtokens"), &[], Some(json!({"macs": []}))),
        (post.clone(), format!("{org}/ssr/export_idtokens"), &[], Some(json!({"macs": "683b679ac024"}))),
        (post, format!("{org}/webhooks"), &[], Some(json!({"type": "http-get"}))),
        (put.clone(), format!("{org}/inventory"), &[], Some(json!({"op": "asign"}))),
        (put.clone(), format!("{org}/setting"), &[], Some(json!({"ssr": {"conductor_hosts": "192.0.2.1"}}))),
        (put, format!("{org}/setting"), &[], Some(json!({"ssr": {"conductor": "192.0.2.1"}}))),
        (Method::GET, format!("{org}/inventory"), &[("limit", "many")], None),
        (Method::GET, "/api/v1/sites/no-uuid".to_owned(), &[], None),
    ];
    for (method, path, query, body) in wrong {
        let problem = client().call(method, &path, query, body.as_ref()).await.unwrap_err();

        assert!(
            matches!(&problem, Problem::Api { status, .. } if status.as_u16() == 400),
            "{path} {body:?}: {problem}"
        );
    }

    let mut operation = operations::all().into_iter().find(|one| one.name == "exportOrgSsrIdTokens").unwrap();
    *operation.http.body_mut() = "{}".into();
    let (status, violations) = judged(&operation).await;
    assert_eq!(status, 400);
    assert!(violations.is_some_and(|text| text.contains("macs")), "Prism says what is missing");
}

#[tokio::test]
async fn a_path_that_the_document_does_not_have_is_noticed() {
    let problem = client().call(Method::GET, "/api/v1/const/no_such_list", &[], None).await.unwrap_err();

    assert_eq!(problem.status().map(|status| status.as_u16()), Some(404), "{problem}");
}
