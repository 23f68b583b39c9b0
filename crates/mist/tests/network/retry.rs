use std::time::Duration;

use fogbell_mist::{Problem, Retry, Scope, account, webhooks};
use serde_json::json;

use super::server::{Asked, Reply, Server};

fn scope() -> Scope {
    Scope::Site("4ac1dcf4-9d8b-7211-65c4-057819f0862b".parse().unwrap())
}

fn good() -> Reply {
    Reply::json(200, &json!({"name": "noc"}))
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    type Bad = fn() -> Reply;
    let bad: [(&str, Bad); 8] = [
        ("500", || Reply::json(500, &json!({}))),
        ("502", || Reply::of(502, "", "<html>Bad Gateway</html>")),
        ("503", || Reply::of(503, "", "")),
        ("504", || Reply::of(504, "", "")),
        ("cut in the answer", || good().cut()),
        ("reset in the answer", || good().reset()),
        ("closed without an answer", Reply::closed),
        ("closed behind the answer", || Reply::json(500, &json!({})).last()),
    ];
    for (what, bad) in bad {
        let server = Server::start(move |number, _| if number < 3 { bad() } else { good() }).await;

        let account = server.client().send(&account::whoami()).await;

        assert_eq!(
            account.unwrap_or_else(|problem| panic!("{what}: {problem:?}")).name.as_deref(),
            Some("noc")
        );
        assert_eq!(server.asked().len(), 4, "{what}");
    }
}

#[tokio::test]
async fn what_stays_is_given_up_after_the_last_try() {
    let server = Server::start(|_, _| Reply::json(503, &json!({"detail": "maintenance"}))).await;

    let problem = server.client().send(&account::whoami()).await.unwrap_err();

    assert_eq!(server.asked().len(), 4);
    assert!(problem.retry_helps());
    assert_eq!(
        problem.to_string(),
        "`GET /api/v1/self` was answered with 503: maintenance (the fault is Mist's, or of something in between)"
    );
}

#[tokio::test]
async fn what_no_retry_changes_is_asked_once() {
    for status in [400, 401, 403, 404, 409, 501] {
        let server = Server::start(move |_, _| Reply::json(status, &json!({"detail": "no"}))).await;

        let problem = server.client().send(&account::whoami()).await.unwrap_err();

        assert_eq!((server.asked().len(), problem.retry_helps()), (1, false), "{status}");
    }
}

#[tokio::test]
async fn what_is_idempotent_is_repeated_and_nothing_else() {
    let id = "b069b358-4c97-5319-1f8c-7c5ca64d6ab1".parse().unwrap();
    let fails_first = |number: usize, asked: &Asked| match number {
        0 => Reply::json(500, &json!({})),
        _ if asked.method == "DELETE" => Reply::of(200, "", ""),
        _ => good(),
    };
    let draft = webhooks::WebhookDraft::default();

    let server = Server::start(fails_first).await;
    server.client().send(&webhooks::update(scope(), &id, &draft)).await.unwrap();
    assert_eq!(server.asked().len(), 2);

    let server = Server::start(fails_first).await;
    server.client().send(&webhooks::delete(scope(), &id)).await.unwrap();
    assert_eq!(server.asked().len(), 2);

    let server = Server::start(fails_first).await;
    let problem = server.client().send(&webhooks::create(scope(), &draft)).await.unwrap_err();
    assert_eq!((server.asked().len(), problem.retry_helps()), (1, true));

    let server = Server::start(|_, _| good().cut()).await;
    server.client().send(&webhooks::ping(scope(), &id)).await.unwrap_err();
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let server = Server::start(|_, _| Reply::none()).await;
    let client = server.client_with(|settings| {
        settings.answer_timeout = Duration::from_millis(100);
        settings.retry = Retry { tries: 2, ..settings.retry };
    });

    let problem = client.send(&account::whoami()).await.unwrap_err();

    assert!(matches!(problem, Problem::Timeout { .. }) && problem.retry_helps(), "{problem:?}");
    assert_eq!(problem.to_string(), "`GET /api/v1/self`: no answer within 0.1 s");
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_problem() {
    let server = Server::start(|_, _| good()).await;
    let settings = server.settings();
    drop(server);
    let client = fogbell_mist::Client::new(settings).unwrap();

    let problem = client.send(&account::whoami()).await.unwrap_err();

    assert!(matches!(problem, Problem::Transport { retry: true, .. }), "{problem:?}");
}

#[tokio::test]
async fn a_pause_that_is_asked_for_is_kept_or_refused() {
    let server = Server::start(|number, _| match number {
        0 => Reply::of(503, "Retry-After: 1\r\n", ""),
        1 => good(),
        _ => Reply::of(503, "Retry-After: 3600\r\n", ""),
    })
    .await;
    let client = server.client().patient(Duration::from_secs(30));

    client.send(&account::whoami()).await.unwrap();
    client.send(&account::whoami()).await.unwrap_err();

    assert_eq!(server.asked().len(), 3);
}
