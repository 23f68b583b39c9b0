//! Routers that are taken out of their wave, and waves that stop for what they would do to others.

use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::wave::{WaveOptions, WaveStop};
use fogbell_sco::run::{Record, RouterProgress};
use serde_json::json;
use testkit::conductor::Foreign;
use testkit::estate::EstateSettings;

use super::stage::{Stage, key_path, mode_path, options};

fn node(router: &str) -> String {
    format!("/authority/router/{router}/node/node0/secure-conductor-onboarding")
}

fn system(router: &str) -> String {
    format!("/authority/router/{router}/system/secure-conductor-onboarding")
}

fn of_router(stage: &Stage, router: &str) -> RouterProgress {
    Record::read(stage.folder.path()).unwrap().router(&router.parse().unwrap())
}

/// The others of the wave run, and this one has neither key nor mode of ours.
fn only_others_run(stage: &Stage, router: &str) {
    for place in stage.estate.places().iter().filter(|place| place.router != router) {
        assert_eq!(stage.mode(&place.router).unwrap(), "strong");
        assert_eq!(stage.key(&place.router).unwrap().as_str(), place.endorsement_key);
    }
    assert_eq!(stage.mode(router), None);
    assert!(!stage.conductor().is_dirty());
    assert!(of_router(stage, router).failed.is_some());
}

#[tokio::test]
async fn a_router_that_validation_names_is_taken_out_and_the_rest_goes_on() {
    let stage = Stage::of(3).await;
    stage.conductor().find_fault(&mode_path("store-0002"), "not on a Tuesday");

    let done = stage.wave().await.unwrap();

    let routers: Vec<&str> = done.routers.iter().map(|router| router.as_str()).collect();
    assert_eq!(routers, ["store-0001", "store-0003"]);
    let why = &done.taken_out[&"store-0002".parse().unwrap()];
    assert!(why.contains("not on a Tuesday"), "{why}");
    only_others_run(&stage, "store-0002");
    assert_eq!((stage.asked("/config/validate"), stage.conductor().commits().len()), (2, 1));
    // it stays out
    let before = stage.estate.mark();
    stage.wave().await.unwrap();
    assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
}

#[tokio::test]
async fn a_commit_that_was_refused_for_what_somebody_wrote_is_not_reverted() {
    let stage = Stage::of(2).await;
    let path = "/authority/router/store-0002";
    stage.conductor().find_fault(&format!("{path}/description"), "too long");
    let theirs = Foreign::Edit(path.to_owned(), json!({ "description": "another's" }));
    stage.conductor().foreign_before("/config/commit", 1, theirs);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::Foreign { ours: true, .. }), "{stop}");
    assert_eq!((stage.asked("/config/commit"), stage.asked("/config/revertToRunning")), (1, 0));
    assert!(stage.conductor().candidate().to_string().contains("another's"));
    assert!(of_router(&stage, "store-0002").failed.unwrap().why.contains("too long"));
    assert_eq!(stage.conductor().commits().len(), 0);
}

#[tokio::test]
async fn a_fault_that_names_no_router_stops_the_wave_and_leaves_nothing() {
    let stage = Stage::of(2).await;
    stage.conductor().find_fault(&mode_path("store-0002"), "the moon is full");
    stage.conductor().read_as(|readings| readings.findings_name_path = false);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(&stop, WaveStop::Findings { findings } if findings.len() == 1), "{stop}");
    assert!(stop.to_string().contains("the moon is full"), "{stop}");
    stage.nothing_runs();
    let wave = Record::read(stage.folder.path()).unwrap().wave(0);
    assert!(wave.reverted && wave.stopped.is_some() && wave.taken_out.is_empty());
}

#[tokio::test]
async fn nothing_is_reverted_that_somebody_else_has_in_the_candidate() {
    for named in [true, false] {
        let stage = Stage::of(2).await;
        stage.conductor().find_fault(&mode_path("store-0002"), "not on a Tuesday");
        stage.conductor().read_as(|readings| readings.findings_name_path = named);
        let theirs =
            Foreign::Edit("/authority/router/conductor".to_owned(), json!({ "description": "another's" }));
        stage.conductor().foreign_before("/config/validate", 1, theirs);

        let stop = stage.wave().await.unwrap_err();

        let foreign = matches!(stop, WaveStop::Foreign { ours: true, .. });
        assert_eq!(foreign, named, "{stop}");
        assert!(stage.conductor().candidate().to_string().contains("another's"));
        assert_eq!(stage.asked("/config/revertToRunning") + stage.asked("/config/commit"), 0);
    }
}

#[tokio::test]
async fn an_identity_that_came_after_the_plan_is_not_overwritten() {
    let stage = Stage::of(2).await;
    let other = testkit::endorsement_keys::endorsement_key(200);
    stage.conductor().edit_running(&node("store-0001"), json!({ "endorsement-key": other }));

    let done = stage.wave().await.unwrap();

    let why = &done.taken_out[&"store-0001".parse().unwrap()];
    assert_eq!(why.matches("sha256:").count(), 2, "{why}");
    only_others_run(&stage, "store-0001");
    assert_eq!(stage.key("store-0001").unwrap(), other);
}

#[tokio::test]
async fn an_identity_that_comes_while_the_wave_is_written_is_not_overwritten() {
    let stage = Stage::of(2).await;
    let other = testkit::endorsement_keys::endorsement_key(200);
    let edit = Foreign::EditRunning(node("store-0001"), json!({ "endorsement-key": other }));
    stage.conductor().foreign_before("/config/validate", 1, edit);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::NotInCandidate { .. } | WaveStop::Foreign { .. }), "{stop}");
    assert_eq!((stage.key("store-0001").unwrap(), stage.mode("store-0001")), (json!(other), None));
    let done = stage.wave().await.unwrap();
    assert_eq!(done.taken_out.len(), 1);
    assert_eq!(stage.key("store-0001").unwrap(), other);
}

#[tokio::test]
async fn a_key_that_another_node_has_got_is_given_to_nobody() {
    let stage = Stage::of(2).await;
    let key = stage.estate.places()[0].endorsement_key.unwrap();
    stage.conductor().edit_running(
        "/authority/router/stranger/node/node0/secure-conductor-onboarding",
        json!({ "endorsement-key": key }),
    );

    let done = stage.wave().await.unwrap();

    assert!(done.taken_out[&"store-0001".parse().unwrap()].contains("stranger node0"));
    only_others_run(&stage, "store-0001");
    assert_eq!(stage.conductor().running_at(&key_path("store-0001")), None);
}

#[tokio::test]
async fn an_asset_id_that_was_changed_or_taken_meanwhile_is_not_overwritten() {
    let settings =
        EstateSettings { virtual_routers: 2, sites: 2, configured: false, ..EstateSettings::default() };
    let stage = Stage::with(settings).await;
    stage.conductor().add_router("stranger", &[("node0", "store-0001-vm0")]);
    stage.conductor().add_router("store-0002", &[("node0", "other")]);

    let done = stage.wave().await.unwrap();

    assert!(done.routers.is_empty());
    assert!(done.taken_out[&"store-0001".parse().unwrap()].contains("stranger node0"));
    assert!(done.taken_out[&"store-0002".parse().unwrap()].contains("asset id other"));
    assert_eq!(stage.conductor().commits().len(), 0);
}

#[tokio::test]
async fn a_mode_that_was_set_meanwhile_is_left_alone() {
    let stage = Stage::of(2).await;
    stage.conductor().edit_running(&system("store-0001"), json!({ "mode": "weak" }));

    let done = stage.wave().await.unwrap();

    assert_eq!(done.taken_out.len(), 1);
    assert_eq!((stage.mode("store-0001").unwrap(), stage.key("store-0001")), (json!("weak"), None));
}

#[tokio::test]
async fn a_router_that_came_up_in_the_legacy_way_is_not_cut_off() {
    // after the plan was made, and while the wave is validated
    for late in [false, true] {
        let stage = Stage::of(2).await;
        let up = Foreign::AssetStatus("store-0001-vm0".to_owned(), "running".to_owned());
        if late {
            stage.conductor().foreign_before("/config/validate", 1, up);
        } else {
            stage.conductor().foreign(up);
        }
        // it counts for the cut-off as well, so that it is seen
        if late {
            let stop = stage.wave().await.unwrap_err();
            assert!(matches!(stop, WaveStop::LegacyCutoff { routers: 1, .. }), "{stop}");
            stage.nothing_runs();
        }
        let options = WaveOptions { accept_legacy_cutoff: Some(1), ..options() };
        let done = stage.wave_with(&options).await.unwrap();

        let why = &done.taken_out[&"store-0001".parse().unwrap()];
        assert!(why.contains("running without Secure Conductor Onboarding"), "{why}");
        only_others_run(&stage, "store-0001");
        assert_eq!(stage.key("store-0001"), None);
    }
}

#[tokio::test]
async fn a_router_that_comes_up_before_the_commit_is_not_cut_off_where_others_have_a_mode_already() {
    let stage = Stage::of(2).await;
    // the conductor-wide change was made long ago, so that nothing is counted
    stage.conductor().edit_running(&system("conductor"), json!({ "mode": "strong" }));
    let up = Foreign::AssetStatus("store-0001-vm0".to_owned(), "running".to_owned());
    stage.conductor().foreign_before("/config/validate", 1, up);

    let done = stage.wave_with(&WaveOptions::default()).await.unwrap();

    assert_eq!((done.routers.len(), done.taken_out.len()), (1, 1));
    only_others_run(&stage, "store-0001");
    assert_eq!(stage.key("store-0001"), None);
}

#[tokio::test]
async fn an_identity_is_not_replaced_while_its_asset_is_connected() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let old = testkit::endorsement_keys::endorsement_key(201);
    let stage = {
        let first = Stage::with(settings).await;
        first.conductor().edit_running(&node("store-0001"), json!({ "endorsement-key": old }));
        first.conductor().edit_running(&system("store-0001"), json!({ "mode": "strong" }));
        let options = PlanOptions {
            canary: 0,
            replace_identity: ["store-0001".parse().unwrap()].into(),
            ..PlanOptions::default()
        };
        first.plan_again(&options).await
    };
    stage.conductor().set_asset_status("store-0001-vm0", "connected");

    let done = stage.wave().await.unwrap();

    assert!(done.taken_out[&"store-0001".parse().unwrap()].contains("connected"), "{:?}", done.taken_out);
    assert_eq!(stage.key("store-0001").unwrap(), old);
    assert_eq!(stage.mode("store-0002").unwrap(), "strong");
}

#[tokio::test]
async fn the_first_mode_needs_the_number_of_legacy_routers_that_there_are_then() {
    let settings = EstateSettings { virtual_routers: 1, legacy: 2, ..EstateSettings::default() };
    for accepted in [None, Some(0), Some(1), Some(3)] {
        let stage = Stage::with(settings.clone()).await;
        let before = stage.estate.mark();
        let options = WaveOptions { accept_legacy_cutoff: accepted, ..WaveOptions::default() };

        let stop = stage.wave_with(&options).await.unwrap_err();

        assert!(matches!(stop, WaveStop::LegacyCutoff { routers: 2, .. }), "{stop}");
        assert!(stop.to_string().contains("--accept-legacy-cutoff=2"), "{stop}");
        assert_eq!(stage.estate.writes_since(before), [] as [String; 0]);
    }
    let stage = Stage::with(settings).await;
    let options = WaveOptions { accept_legacy_cutoff: Some(2), ..WaveOptions::default() };
    assert_eq!(stage.wave_with(&options).await.unwrap().routers.len(), 1);
}

#[tokio::test]
async fn legacy_routers_are_counted_again_right_before_the_commit() {
    let stage = Stage::of(1).await;
    let up = Foreign::AssetStatus("elsewhere".to_owned(), "running".to_owned());
    stage.conductor().foreign_before("/config/validate", 1, up);

    let stop = stage.wave().await.unwrap_err();

    assert!(matches!(stop, WaveStop::LegacyCutoff { routers: 1, accepted: Some(0) }), "{stop}");
    stage.nothing_runs();
}

#[tokio::test]
async fn a_router_that_is_left_out_is_not_written() {
    let stage = Stage::of(2).await;
    let options = WaveOptions { leave_out: ["store-0001".parse().unwrap()].into(), ..options() };

    let done = stage.wave_with(&options).await.unwrap();

    assert_eq!(done.routers.len(), 1);
    assert_eq!((stage.mode("store-0001"), stage.key("store-0001")), (None, None));
}
