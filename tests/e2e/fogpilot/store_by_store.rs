//! A rollout as it is meant to go: twenty-five routers on twenty sites, from the plan to the report.

use testkit::estate::EstateSettings;

use super::rollout::{QUICKLY, ask_with, ask_with_state, json, plan, ready};
use super::stage::Stage;
use super::*;

#[test]
fn twenty_five_routers_on_twenty_sites_are_onboarded_and_the_second_time_there_is_nothing_to_do() {
    let settings =
        EstateSettings { virtual_routers: 20, pairs: 2, hardware: 3, sites: 20, ..Default::default() };
    let stage = ready(settings);
    let (estate, state) = (stage.estate(), stage.home().join("state"));

    let planned = plan(&stage);
    assert_eq!((planned.code, json(&planned)["onboard"].as_u64()), (0, Some(25)), "{planned:?}");
    assert_eq!(estate.writes(), [] as [String; 0]);
    let apply =
        [&["apply", "wave.plan", "--accept-legacy-cutoff=0", "--parallel=10", "-o", "json"][..], &QUICKLY]
            .concat();
    let applied = ask_with(&stage, &apply);

    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(json(&applied)["verified"], 25, "{applied:?}");
    let mut all: Vec<_> = estate.places().iter().map(|place| place.asset_id.clone()).collect();
    all.sort();
    assert_eq!(estate.bound(), all);
    assert_eq!(estate.broken_rules(), [] as [String; 0]);
    // the canary is a wave of its own, and twenty-four routers are two more
    assert_eq!(estate.commits(), 3);
    let mut assigned = estate.assignments();
    let mut macs: Vec<_> = estate.places().iter().map(|place| place.mac).collect();
    assigned.sort();
    macs.sort();
    assert_eq!(assigned, macs, "every device once");
    for place in estate.places() {
        assert_eq!(estate.cloud().device(place.mac).unwrap().site, Some(place.site), "{}", place.router);
    }

    let before = estate.mark();
    let run = only_run(&stage);
    let verified = ask_with(&stage, &["verify", &run, "--danger-time-factor", "100", "-o", "json"]);
    let nodes = json(&verified)["nodes"].as_array().cloned().unwrap();
    assert_eq!((verified.code, nodes.len()), (0, 27), "{verified:?}");
    assert!(nodes.iter().all(|node| node["verified"] == true), "{verified:?}");
    let report = ask_with_state(&stage, &["report", &run, "-o", "csv"]);
    for place in estate.places() {
        let row = report.out.lines().find(|row| row.contains(&place.asset_id));
        assert!(row.is_some_and(|row| row.contains(&place.router) && row.contains("verified")), "{report:?}");
    }
    let again = ask_with(&stage, &apply);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(estate.writes_since(before), [] as [String; 0]);
    assert_eq!(stage.files_with_secrets(&state), []);
    assert_eq!(stage.secrets_in(&fs::read(stage.home().join("wave.plan")).unwrap()), [] as [&str; 0]);
}

/// The one run that there is.
fn only_run(stage: &Stage) -> String {
    let runs: Vec<_> = fs::read_dir(stage.home().join("state/runs")).unwrap().map(Result::unwrap).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].file_name().into_string().unwrap()
}
