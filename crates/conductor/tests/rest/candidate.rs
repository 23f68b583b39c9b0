//! The shared candidate: patch, read back, validate, commit.

use fogbell_conductor::{Commit, ConfigPath, Name, Problem};
use serde_json::json;
use testkit::cloud::Misbehaviour;
use testkit::conductor::{AbsentPlace, CommitAnswer};

use super::{client, start};

fn r1() -> Name {
    Name::new("r1").unwrap()
}

#[tokio::test]
async fn a_change_is_patched_validated_committed_and_read_back() {
    let fake = start().await;
    let client = client(&fake);
    let candidate = client.candidate();
    let mode = ConfigPath::router_onboarding(&r1());
    assert!(!candidate.is_dirty().await.unwrap());

    candidate.patch(&mode, &json!({ "mode": "strong" })).await.unwrap();

    assert!(candidate.is_dirty().await.unwrap());
    assert_eq!(client.running(&mode).await.unwrap(), None);
    assert_eq!(candidate.validate().await.unwrap(), []);
    assert_eq!(candidate.commit().await.unwrap(), Commit::Done);
    assert!(!candidate.is_dirty().await.unwrap());
    assert_eq!(client.running(&mode).await.unwrap().unwrap()["mode"], "strong");
    assert_eq!(fake.commits().len(), 1);
}

#[tokio::test]
async fn a_router_is_added_whole() {
    let fake = start().await;
    let client = client(&fake);
    let router = json!({
        "name": "r2", "inter-node-security": "internal",
        "node": [{ "name": "node0", "asset-id": "LR2", "role": "combo" }],
    });

    client.candidate().add(&ConfigPath::routers(), &router).await.unwrap();

    let again = client.candidate().add(&ConfigPath::routers(), &router).await.unwrap_err();
    assert_eq!(again.status().unwrap(), 409);
    assert_eq!(client.candidate().commit().await.unwrap(), Commit::Done);
    assert_eq!(fake.running_at("/authority/router/r2/node/node0/asset-id"), Some(json!("LR2")));
}

#[tokio::test]
async fn every_reading_of_a_patch_of_what_is_absent_is_told_apart() {
    let key = ConfigPath::node_onboarding(&r1(), &Name::new("node0").unwrap());
    let fields = json!({ "endorsement-key": "MIIB" });
    for absent in [AbsentPlace::Made, AbsentPlace::NotFound, AbsentPlace::Ignored] {
        let fake = start().await;
        fake.read_as(|readings| readings.absent_place = absent);
        let client = client(&fake);

        let patched = client.candidate().patch(&key, &fields).await;

        match absent {
            AbsentPlace::Made => patched.unwrap(),
            AbsentPlace::NotFound => {
                let problem = patched.unwrap_err();
                assert!(
                    matches!(problem, Problem::NoContainer { .. }) && !problem.outcome_unknown(),
                    "{problem}"
                );
                assert!(!fake.is_dirty());
            }
            AbsentPlace::Ignored => {
                let problem = patched.unwrap_err();
                assert!(
                    matches!(&problem, Problem::NotWritten { field, .. } if field == "endorsement-key"),
                    "{problem}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_validation_finds_keeps_a_commit_from_happening_with_any_status() {
    for (status, named) in [(200, true), (200, false), (400, true)] {
        let fake = start().await;
        let path = "/authority/router/r1/system/secure-conductor-onboarding/mode";
        fake.find_fault(path, "not on a Tuesday");
        fake.read_as(|readings| {
            readings.findings_status = status;
            readings.findings_name_path = named;
        });
        let client = client(&fake);
        let before = fake.running();
        client
            .candidate()
            .patch(&ConfigPath::router_onboarding(&r1()), &json!({ "mode": "weak" }))
            .await
            .unwrap();

        let found = client.candidate().validate().await.unwrap();
        let commit = client.candidate().commit().await.unwrap();

        assert_eq!((found.len(), found[0].path.as_deref()), (1, named.then_some(path)));
        assert!(found[0].message.ends_with("not on a Tuesday"));
        assert_eq!(commit, Commit::Refused(found));
        assert_eq!(fake.running(), before);
    }
}

#[tokio::test]
async fn every_good_answer_to_a_commit_is_understood() {
    for answer in [CommitAnswer::EmptyList, CommitAnswer::Nothing, CommitAnswer::EmptyObject] {
        let fake = start().await;
        fake.read_as(|readings| readings.commit_answer = answer);
        assert_eq!(client(&fake).candidate().commit().await.unwrap(), Commit::Done, "{answer:?}");
    }
}

#[tokio::test]
async fn a_commit_without_an_answer_is_sent_once_and_left_to_reading() {
    for what in [
        Misbehaviour::DoneButSilence,
        Misbehaviour::DoneBut(502),
        Misbehaviour::DoneBut(503),
        Misbehaviour::HalfThenReset,
        Misbehaviour::BrokenJson,
        Misbehaviour::Silence,
        Misbehaviour::Status(504),
        Misbehaviour::Oversize(100_000_000),
        Misbehaviour::Html(200),
    ] {
        let fake = start().await;
        let client = client(&fake);
        let mode = ConfigPath::router_onboarding(&r1());
        client.candidate().patch(&mode, &json!({ "mode": "strong" })).await.unwrap();
        fake.misbehave(what.clone()).on("/config/commit").times(1);

        let problem = client.candidate().commit().await.unwrap_err();

        assert!(problem.outcome_unknown(), "{what:?}: {problem}");
        assert_eq!(fake.asked_for("/config/commit").len(), 1, "{what:?}");
        let done = client.running(&mode).await.unwrap().is_some();
        assert_eq!(done, !fake.commits().is_empty(), "{what:?}");
    }
}

#[tokio::test]
async fn a_commit_that_was_refused_for_the_session_is_sent_again_after_a_login() {
    let fake = start().await;
    let client = client(&fake);
    client.system().await.unwrap();
    fake.end_sessions();

    assert_eq!(client.candidate().commit().await.unwrap(), Commit::Done);
    assert_eq!(fake.commits().len(), 1);
}

#[tokio::test]
async fn a_refused_change_has_no_unknown_outcome() {
    for status in [400, 403, 409, 429] {
        let fake = start().await;
        fake.misbehave(Misbehaviour::Status(status)).on("/config/commit").times(1);

        let problem = client(&fake).candidate().commit().await.unwrap_err();

        assert!(!problem.outcome_unknown(), "{problem}");
        assert_eq!(problem.retry_helps(), status == 429, "{problem}");
        assert!(problem.to_string().contains("`POST /api/v1/config/commit`"), "{problem}");
        assert_eq!(fake.asked_for("/config/commit").len(), 1);
    }
}

#[tokio::test]
async fn the_edits_of_another_are_seen_and_dropped_only_when_told_to() {
    let fake = start().await;
    let client = client(&fake);
    fake.edit_before("/config/version", "/authority/router/r1", json!({ "description": "another's" }));

    assert!(client.candidate().is_dirty().await.unwrap());
    let whole = client.candidate().whole().await.unwrap();
    assert!(whole.to_string().contains("another's"));
    client.candidate().revert_to_running().await.unwrap();
    assert!(!fake.is_dirty());
}

#[tokio::test]
async fn names_are_in_no_error() {
    let fake = start().await;
    fake.misbehave(Misbehaviour::Status(403)).method(http::Method::PATCH).always();
    let path = ConfigPath::node_onboarding(&Name::new("secret-site").unwrap(), &Name::new("node0").unwrap());

    let problem =
        client(&fake).candidate().patch(&path, &json!({ "endorsement-key": "FAKEKEY" })).await.unwrap_err();

    let said = format!("{problem} {problem:?}");
    assert!(
        said.contains(
            "PATCH /api/v1/config/candidate/authority/router/{router}/node/{node}/secure-conductor-onboarding"
        ),
        "{said}"
    );
    assert!(!said.contains("secret-site") && !said.contains("FAKEKEY"), "{said}");
}
