//! What is logged. In a process of its own: others that log beside it would decide what is logged at all.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use fogbell_mist::{Problem, Scope, webhooks};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

#[path = "network/server.rs"]
mod server;
use server::{Reply, Server};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_or_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = Server::start(|number, asked| match number {
        0 => Reply::of(502, "", &format!("<html>{}</html>", asked.head)),
        1 => Reply::json(429, &json!({"detail": "FAKE-TOKEN has spent its calls"})),
        _ => Reply::json(200, &json!({"requests": 5000, "seconds": 900, "secret": "FAKE-SECRET"})),
    })
    .await;
    let client = server.client();
    let scope = Scope::Org("a40f5d1f-d889-42e9-94ea-b9b33585fc6b".parse().unwrap());
    let draft = webhooks::WebhookDraft {
        secret: Some(fogbell_mist::SecretText::new("FAKE-SECRET")),
        ..Default::default()
    };
    let id = "b069b358-4c97-5319-1f8c-7c5ca64d6ab1".parse().unwrap();
    let request = webhooks::update(scope, &id, &draft);

    let problem = client.send(&request).await.unwrap_err();
    let spent = client.send(&request).await.unwrap_err();

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let shown =
        format!("{client:?} {request:?} {problem:?} {problem} {spent:?} {spent} {:?}", server.settings());
    for secret in ["FAKE-TOKEN", "FAKE-SECRET"] {
        assert!(!logged.contains(secret), "{logged}");
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(
        logged.contains("PUT /api/v1/orgs/{org_id}/webhooks/{webhook_id}") && logged.contains("tries=2"),
        "{logged}"
    );
    assert!(!logged.contains("a40f5d1f"), "{logged}");
    assert_eq!(problem.status(), Some(http::StatusCode::BAD_GATEWAY), "{problem:?}");
    assert!(matches!(spent, Problem::OutOfBudget { .. }), "{spent:?}");
}
