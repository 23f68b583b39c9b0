//! Runs: carried out, interrupted, taken back.

use super::*;

#[test]
fn a_plan_is_carried_out_and_a_second_time_nothing_is_written() {
    let settings =
        EstateSettings { virtual_routers: 3, pairs: 1, hardware: 1, sites: 3, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let apply = [&["apply", "wave.plan", "--accept-legacy-cutoff=0", "-o", "json"][..], &QUICKLY].concat();

    let dry = ask_with(&stage, &[&apply[..], &["--dry-run"]].concat());
    let before = stage.estate().mark();
    let asked = ask_with(&stage, &["apply", "wave.plan", "--assume", "restart"]);

    assert_eq!(dry.code, 0, "{dry:?}");
    assert_eq!(asked.code, 2, "{asked:?}");
    assert!(asked.said.contains("--yes"), "{asked:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);

    let applied = ask_with(&stage, &apply);

    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(json(&applied)["verified"], 5, "{applied:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    let before = stage.estate().mark();
    let again = ask_with(&stage, &apply);
    assert_eq!(again.code, 0, "{again:?}");
    let resumed = ask_with(&stage, &[&["resume"][..], &QUICKLY].concat());
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);

    let state = stage.home().join("state");
    let run =
        fs::read_dir(state.join("runs")).unwrap().map(|entry| entry.unwrap().file_name()).min().unwrap();
    let run = run.to_str().unwrap();
    let status = ask_with_state(&stage, &["status", run, "-o", "json"]);
    assert_eq!((status.code, json(&status)["verified"].as_u64()), (0, Some(5)), "{status:?}");
    let verified = ask_with(&stage, &["verify", run, "--danger-time-factor", "100", "-o", "json"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let cleaned = ask_with(&stage, &["cleanup", run, "--danger-time-factor", "100", "--yes", "-o", "json"]);
    assert_eq!(cleaned.code, 0, "{cleaned:?}");
    assert!(
        json(&cleaned)["sites"].as_array().unwrap().iter().all(|site| site["outcome"] == "removed"),
        "{cleaned:?}"
    );
    let back = ask_with(&stage, &["rollback", run, "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(back.said.contains("nothing to take back") && back.out.contains("--force-router"), "{back:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    for kind in ["html", "md", "csv", "json"] {
        let report = ask_with_state(&stage, &["report", run, "-o", kind]);
        assert_eq!(report.code, 0, "{kind}: {report:?}");
        for place in stage.estate().places() {
            assert!(
                report.out.contains(&place.router) && report.out.contains(&place.asset_id),
                "{kind}: {}",
                place.router
            );
        }
    }
    assert_eq!(stage.files_with_secrets(&state), []);
    assert_eq!(stage.secrets_in(&fs::read(stage.home().join("wave.plan")).unwrap()), [] as [&str; 0]);
}

#[test]
fn an_interrupted_run_says_how_to_go_on_and_goes_on() {
    let settings = EstateSettings { virtual_routers: 6, sites: 6, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let begun = [&["apply", "wave.plan", "--accept-legacy-cutoff=0"][..], &QUICKLY, &STATE].concat();
    let mut fogpilot = stage.begin(&begun);
    let _ = fogpilot.wait_line("an assignment", |line| line.contains("assigned to site"));

    let locked = ask_with(&stage, &[&["resume"][..], &QUICKLY].concat());
    fogpilot.signal(rustix::process::Signal::INT);
    let code = fogpilot.wait_exit(e2e::DEADLINE).code();

    assert_eq!(locked.code, 1, "{locked:?}");
    assert!(locked.said.contains("another `fogpilot apply`"), "{locked:?}");
    assert_eq!(code, Some(130), "{:?}", fogpilot.lines());
    assert!(
        fogpilot.lines().iter().any(|line| line.contains("fogpilot resume run-")),
        "{:?}",
        fogpilot.lines()
    );
    let resumed =
        ask_with(&stage, &[&["resume", "--accept-legacy-cutoff=0", "-o", "json"][..], &QUICKLY].concat());
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert_eq!(json(&resumed)["verified"], 6, "{resumed:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn what_did_not_get_through_is_shown_and_taken_back() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    {
        let mut fleet = stage.estate().fleet();
        fleet.routers[0].endorsement_key = fleet.routers[1].endorsement_key.clone();
    }
    let apply = ["apply", "wave.plan", "--accept-legacy-cutoff=0", "--progress", "ndjson"];
    let applied = ask_with(&stage, &[&apply[..], &QUICKLY].concat());
    assert_eq!(applied.code, 3, "{applied:?}");
    assert!(applied.said.contains("the canary store-0001 is not verified"), "{applied:?}");
    let events: Vec<Value> = applied
        .said
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        events.iter().any(|event| event["event"] == "assigned" && event["router"] == "store-0001"),
        "{events:?}"
    );
    let status = ask_with_state(&stage, &["status", "--failed", "-o", "ndjson"]);
    assert_eq!(status.code, 3, "{status:?}");
    let before = stage.estate().mark();

    let shown = ask_with(&stage, &["rollback", "--dry-run", "-o", "json"]);
    let unasked = ask_with(&stage, &["rollback"]);

    assert_eq!((shown.code, unasked.code), (0, 2), "{shown:?} {unasked:?}");
    assert!(unasked.said.contains("--yes"), "{unasked:?}");
    let own = &json(&shown)["routers"][0]["steps"];
    let place = stage.estate().places()[0].clone();
    assert_eq!(own["unassign"][0], place.mac.to_string(), "{shown:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    let back = ask_with(&stage, &["rollback", "--yes"]);
    assert_eq!(back.code, 0, "{back:?}");
    assert!(back.out.contains("configure authority router store-0001"), "{back:?}");
    assert_eq!(stage.estate().unassignments(), [place.mac]);
    let token = stage.estate().cloud().site_ssr(place.site).map(|ssr| ssr["conductor_token"].clone());
    assert!(token.is_none_or(|token| token.is_null() || token == ""));
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    let report = ask_with_state(&stage, &["report", "-o", "md"]);
    assert!(report.out.contains("taken back"), "{report:?}");
}
