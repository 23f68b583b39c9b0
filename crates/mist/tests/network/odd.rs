use fogbell_mist::{Problem, account, definitions};
use serde_json::json;

use super::server::{Asked, Reply, Server};

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_to_it() {
    let server = Server::start(|_, _| Reply::flood()).await;
    let client = server.client_with(|settings| settings.max_answer_bytes = 100_000);

    let problem = client.send(&account::whoami()).await.unwrap_err();

    assert!(matches!(problem, Problem::TooLarge { limit_bytes: 100_000, .. }), "{problem:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_as_large_as_may_be_is_read() {
    let body = json!({"name": "a".repeat(1_000)});
    let length = body.to_string().len();
    let server = Server::start(move |_, _| Reply::json(200, &body)).await;

    let read = |limit| {
        let client = server.client_with(|settings| settings.max_answer_bytes = limit);
        async move { client.send(&account::whoami()).await }
    };

    assert!(read(length).await.is_ok());
    assert!(matches!(read(length - 1).await, Err(Problem::TooLarge { .. })));
}

#[tokio::test]
async fn a_page_of_something_in_between_is_named_as_one() {
    let server =
        Server::start(|_, asked| Reply::of(200, "", &format!("<html>Sign in\r\n{}</html>", asked.head)))
            .await;

    let problem = server.client().send(&account::whoami()).await.unwrap_err();

    let Problem::NotJson { snippet, .. } = &problem else { panic!("{problem:?}") };
    assert!(snippet.starts_with("<html>Sign in"), "{snippet}");
    assert!(!snippet.contains("FAKE-TOKEN") && snippet.contains("Token [token]"), "{snippet}");
    assert!(!problem.retry_helps());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn json_that_breaks_off_is_read_again_and_a_write_is_not_sent_again_for_it() {
    let once = |number: usize, _: &Asked| {
        let body = if number == 0 { r#"{"email": "a@b.example", "na"# } else { r#"{"name": "whole"}"# };
        Reply::of(200, "", body)
    };
    let server = Server::start(once).await;

    let account: serde_json::Value =
        server.client().call(http::Method::GET, "/api/v1/self", &[], None).await.unwrap();

    assert_eq!((account["name"].as_str(), server.asked().len()), (Some("whole"), 2));
    for method in [http::Method::PUT, http::Method::POST] {
        let server = Server::start(once).await;
        let problem = server.client().call(method, "/api/v1/self", &[], Some(&json!({}))).await.unwrap_err();
        assert!(matches!(problem, Problem::NotJson { torn: true, .. }), "{problem:?}");
        assert_eq!(server.asked().len(), 1);
    }
    let always = Server::start(|_, _| Reply::of(200, "", "[1, 2")).await;
    let problem = always.client().send(&account::whoami()).await.unwrap_err();
    assert!(problem.retry_helps() && always.asked().len() > 1, "{problem:?} {}", always.asked().len());
}

#[tokio::test]
async fn another_shape_is_said_and_not_retried() {
    let server =
        Server::start(|_, _| Reply::json(200, &json!([{"key": "device_down"}, "FAKE-SECRET"]))).await;

    let problem = server.client().send(&definitions::alarms()).await.unwrap_err();

    assert_eq!(
        problem.to_string(),
        "`GET /api/v1/const/alarm_defs`: expected an object at `[1]` of the answer, found a text"
    );
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_is_no_http_is_a_broken_connection() {
    let server = Server::start(|_, _| Reply::of(200, "A: b\r\n\u{0}: c\r\n", "").last()).await;

    let problem = server.client().send(&account::whoami()).await.unwrap_err();

    assert!(matches!(problem, Problem::Transport { .. }), "{problem:?}");
}
