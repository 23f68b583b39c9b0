use fogbell_mist::{ApiToken, Client, Problem, Scope, Settings, SettingsError, account, webhooks};
use http::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::server::{Reply, Server, TOKEN};

fn ok(_: usize, _: &super::server::Asked) -> Reply {
    Reply::json(200, &json!({"name": "noc"}))
}

#[tokio::test]
async fn the_token_and_what_is_wanted_arrive_over_one_connection() {
    let server = Server::start(ok).await;
    let client = server.client();

    let account = client.send(&account::whoami()).await.unwrap();
    client.clone().send(&account::whoami()).await.unwrap();

    assert_eq!(account.name.as_deref(), Some("noc"));
    let asked = &server.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str(), asked.query.as_str()),
        ("GET", "/api/v1/self", "")
    );
    assert_eq!(asked.header("authorization"), Some("Token FAKE-TOKEN"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert!(asked.header("user-agent").unwrap().starts_with("fogbell/"));
    assert_eq!(asked.header("host").unwrap(), client.host().as_str());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_body_arrives_as_json() {
    let server = Server::start(ok).await;
    let scope = Scope::Org("a40f5d1f-d889-42e9-94ea-b9b33585fc6b".parse().unwrap());
    let draft = webhooks::WebhookDraft { name: Some("é\"".to_owned()), ..Default::default() };

    server.client().send(&webhooks::create(scope, &draft)).await.unwrap();

    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.header("content-type")), ("POST", Some("application/json")));
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), json!({"name": "é\""}));
}

#[tokio::test]
async fn any_call_can_be_made_by_hand() {
    let server = Server::start(|number, _| match number {
        0 => Reply::json(200, &json!([1, 2])),
        1 => Reply::of(200, "", ""),
        _ => Reply::json(400, &json!({"detail": "no such network"})),
    })
    .await;
    let client = server.client();
    let path = "/api/v1/orgs/a40f5d1f-d889-42e9-94ea-b9b33585fc6b/networks";

    let answer = client.call(Method::GET, path, &[("name", "a b")], None).await.unwrap();
    let empty = client.call(Method::POST, path, &[], Some(&json!({"a": 1}))).await.unwrap();
    let refused = client.call(Method::PUT, path, &[], None).await.unwrap_err();

    assert_eq!((answer, empty), (json!([1, 2]), Value::Null));
    assert_eq!(server.asked()[0].query, "name=a%20b");
    assert_eq!(server.asked()[1].body, r#"{"a":1}"#);
    assert_eq!(
        refused.to_string(),
        "`PUT /api/v1/orgs/{id}/networks` was answered with 400: no such network"
    );
    assert!(matches!(client.call(Method::GET, "/etc", &[], None).await, Err(Problem::BadPath)));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused_at_once() {
    let server = Server::start(ok).await;
    let other = testkit::TestCa::new();
    let client = server.client_with(|settings| settings.ca = Some(other.pem().into_bytes()));

    let problem = client.send(&account::whoami()).await.unwrap_err();

    assert!(matches!(problem, Problem::Transport { retry: false, .. }), "{problem:?}");
    assert_eq!((server.connections(), server.asked().len()), (1, 0));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_at_once() {
    let server = Server::named(&["api.example.net"], ok).await;

    let problem = server.client().send(&account::whoami()).await.unwrap_err();

    assert!(!problem.retry_helps(), "{problem:?}");
    assert_eq!((server.connections(), server.asked().len()), (1, 0));
}

#[tokio::test]
async fn without_danger_nothing_is_said_in_plain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
    let mut settings = Settings::new(host, ApiToken::new(TOKEN).unwrap());
    settings.ca = Some(testkit::TestCa::new().pem().into_bytes());
    settings.retry.tries = 1;
    let client = Client::new(settings).unwrap();
    let first = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 1_000];
        let read = stream.read(&mut bytes).await.unwrap();
        bytes.truncate(read);
        bytes
    });

    let problem = client.send(&account::whoami()).await.unwrap_err();
    assert!(matches!(problem, Problem::Transport { .. }), "{problem:?}");
    assert_eq!(first.await.unwrap()[0], 0x16, "a handshake of TLS");

    let server = Server::plain(ok).await;
    server.client().send(&account::whoami()).await.unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(|_, _| Reply::of(302, "Location: /api/v1/self/usage\r\n", "")).await;

    let problem = server.client().send(&account::whoami()).await.unwrap_err();

    assert_eq!(
        problem.to_string(),
        "`GET /api/v1/self` was answered with 302 (redirects are not followed; check the host)"
    );
    assert_eq!(server.paths(), ["/api/v1/self"]);
}

#[test]
fn a_user_agent_that_no_header_carries_is_refused() {
    let host = "api.example.net".parse().unwrap();
    let mut settings = Settings::new(host, ApiToken::new(TOKEN).unwrap());
    settings.user_agent = "a\nb".to_owned();

    assert!(matches!(Client::new(settings), Err(SettingsError::UserAgent)));
}
