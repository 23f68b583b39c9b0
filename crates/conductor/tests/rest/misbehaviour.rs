//! Answers as they should not be, to calls that only read.

use testkit::cloud::Misbehaviour;

use super::{client, start};

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for what in [
        Misbehaviour::Status(429),
        Misbehaviour::Status(500),
        Misbehaviour::Status(503),
        Misbehaviour::Html(502),
        Misbehaviour::HalfThenReset,
        Misbehaviour::BrokenJson,
        Misbehaviour::Silence,
    ] {
        let fake = start().await;
        fake.misbehave(what.clone()).on("/system").times(2);

        client(&fake).system().await.unwrap_or_else(|problem| panic!("{what:?}: {problem}"));

        assert_eq!(fake.asked_for("/system").len(), 3, "{what:?}");
    }
}

#[tokio::test]
async fn what_stays_is_given_up_and_says_what_it_was() {
    for (what, calls, words) in [
        (Misbehaviour::Status(503), 3, "503"),
        (Misbehaviour::Status(429), 3, "429"),
        (Misbehaviour::Silence, 3, "no answer within 2 s"),
        (Misbehaviour::HalfThenReset, 3, "the connection broke"),
        (Misbehaviour::Status(403), 1, "check the role of the account"),
        (Misbehaviour::Status(302), 1, "redirects are not followed"),
        (Misbehaviour::Oversize(1_000_000), 1, "larger than 65536 bytes"),
        (Misbehaviour::Garbage, 1, "not with JSON"),
        (Misbehaviour::BrokenJson, 3, "not with JSON"),
        (Misbehaviour::WrongTypes, 1, "expected"),
    ] {
        let fake = start().await;
        fake.misbehave(what.clone()).on("/system").always();
        let client = super::client_with(&fake, |settings| settings.max_answer_bytes = 65_536);

        let problem = client.system().await.unwrap_err();

        assert!(problem.to_string().contains(words), "{what:?}: {problem}");
        assert!(!problem.outcome_unknown(), "{what:?}");
        assert_eq!(fake.asked_for("/system").len(), calls, "{what:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_waited_for_up_to_its_time() {
    let fake = start().await;
    fake.misbehave(Misbehaviour::Latency(std::time::Duration::from_millis(200))).on("/system").times(1);

    client(&fake).system().await.unwrap();

    assert_eq!(fake.asked_for("/system").len(), 1);
}

#[tokio::test]
async fn a_dirty_flag_that_is_none_is_no_clean_candidate() {
    let fake = start().await;
    fake.misbehave(Misbehaviour::WrongTypes).on("/config/version").always();

    assert!(client(&fake).candidate().is_dirty().await.is_err());
}

#[tokio::test]
async fn a_conductor_that_is_away_is_no_connection() {
    let fake = start().await;
    let client = client(&fake);
    fake.close().await;

    let problem = client.system().await.unwrap_err();

    assert!(problem.to_string().ends_with("no connection") && problem.retry_helps(), "{problem}");
    fake.open().await.unwrap();
    client.system().await.unwrap();
}
