use std::time::Duration;

use fogbell_mist::{Budget, Problem, Scope, account, webhooks};
use serde_json::{Value, json};

use super::server::{Asked, Reply, Server};

const USAGE: &str = "/api/v1/self/usage";

/// Refuses everything, and says of its count what `usage` says.
fn refusing(usage: Value) -> impl Fn(usize, &Asked) -> Reply + Send + Sync {
    move |_, asked| match asked.path.as_str() {
        USAGE => Reply::json(200, &usage),
        _ => Reply::json(429, &json!({"detail": "Too Many Request"})),
    }
}

#[tokio::test]
async fn a_refusal_holds_every_call_until_mists_count_begins_anew() {
    let server =
        Server::start(refusing(json!({"requests": 5000, "request_limit": 5000, "seconds": 1800}))).await;
    let client = server.client();

    let problem = client.send(&account::whoami()).await.unwrap_err();

    let Problem::OutOfBudget { reset, .. } = problem else { panic!("{problem:?}") };
    assert!((1_700..=1_800).contains(&reset.as_secs()), "{reset:?}");
    assert!(matches!(client.send(&account::org(org())).await, Err(Problem::OutOfBudget { .. })));
    assert!(matches!(client.clone().send(&account::whoami()).await, Err(Problem::OutOfBudget { .. })));
    assert_eq!(server.paths(), ["/api/v1/self", USAGE]);
    assert_eq!(client.budget().left(), 0);
    client.usage().await.unwrap();
    assert_eq!(server.paths().len(), 3, "the question for the count is let through");
}

#[tokio::test]
async fn many_refusals_at_once_ask_for_the_count_once() {
    let server = Server::start(refusing(json!({"requests": 5000, "seconds": 1800}))).await;
    let client = server.client();

    let calls: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(&account::whoami()).await })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(Problem::OutOfBudget { .. })));
    }

    assert_eq!(server.paths().iter().filter(|path| *path == USAGE).count(), 1, "{:?}", server.paths());
}

#[tokio::test]
async fn a_patient_call_is_answered_when_the_hold_ends() {
    let server = Server::start(|number, asked| match (number, asked.path.as_str()) {
        (0, _) => Reply::json(429, &json!({"detail": "Too Many Request"})),
        (_, USAGE) => Reply::json(200, &json!({"requests": 5000, "seconds": 0.2})),
        _ => Reply::json(200, &json!({"name": "noc"})),
    })
    .await;

    let account = server.client().patient(Duration::from_secs(60)).send(&account::whoami()).await.unwrap();

    assert_eq!(account.name.as_deref(), Some("noc"));
    assert_eq!(server.paths(), ["/api/v1/self", USAGE, "/api/v1/self"]);
}

#[tokio::test]
async fn what_may_not_be_repeated_is_refused_and_holds_too() {
    let server = Server::start(refusing(json!({"requests": 5000, "seconds": 1800}))).await;
    let client = server.client().patient(Duration::from_secs(60));
    let id = "b069b358-4c97-5319-1f8c-7c5ca64d6ab1".parse().unwrap();

    let problem = client.send(&webhooks::ping(Scope::Org(org()), &id)).await.unwrap_err();

    assert_eq!(problem.status().map(|status| status.as_u16()), Some(429));
    assert!(problem.retry_helps() && client.budget().held() > Duration::from_secs(1_700));
}

#[tokio::test]
async fn a_reset_that_is_not_known_is_waited_for_a_minute() {
    for usage in [
        json!({"requests": 5000}),
        json!("odd"),
        json!({"requests": 12, "request_limit": 5000, "seconds": 1800}),
    ] {
        let server = Server::start(refusing(usage.clone())).await;
        let client = server.client();

        client.send(&account::whoami()).await.unwrap_err();

        let held = client.budget().held().as_secs();
        assert!((50..=60).contains(&held), "{held} after {usage}");
    }
}

#[tokio::test]
async fn a_pause_in_the_refusal_itself_is_believed() {
    let server = Server::start(|_, _| Reply::of(429, "Retry-After: 120\r\n", "{}")).await;
    let client = server.client();

    client.send(&account::whoami()).await.unwrap_err();

    assert!((110..=120).contains(&client.budget().held().as_secs()));
    assert_eq!(server.paths(), ["/api/v1/self"]);
}

#[tokio::test]
async fn clients_of_one_token_share_its_calls() {
    let server = Server::start(|_, _| Reply::json(200, &json!({}))).await;
    let budget = Budget::new(10);
    let [one, two] =
        [&budget, &budget].map(|budget| server.client_with(|settings| settings.budget = budget.clone()));
    let share = budget.share(30);

    let mut answered = 0;
    for _ in 0..5 {
        answered += u32::from(one.within(&share).send(&account::whoami()).await.is_ok());
    }
    assert_eq!(answered, 3, "a share ends before the whole");
    for _ in 0..10 {
        answered += u32::from(two.send(&account::whoami()).await.is_ok());
    }

    assert_eq!((answered, server.asked().len(), budget.left()), (10, 10, 0));
}

#[tokio::test]
async fn what_may_have_been_done_is_not_called_unsent_when_no_try_is_free_any_more() {
    let server = Server::start(|_, _| Reply::json(500, &json!({}))).await;
    let client = server.client_with(|settings| settings.budget = Budget::new(3));

    let problem = client.send(&account::whoami()).await.unwrap_err();

    assert_eq!(problem.status().map(|status| status.as_u16()), Some(500), "{problem:?}");
    assert_eq!(server.asked().len(), 3, "every try is a call");
    let problem = client.send(&account::whoami()).await.unwrap_err();
    assert!(matches!(problem, Problem::OutOfBudget { .. }), "{problem:?}");
}

fn org() -> ids::OrgId {
    "a40f5d1f-d889-42e9-94ea-b9b33585fc6b".parse().unwrap()
}
