//! What a run is told on its way: who is let go, who is left out, when to stop.

use testkit::cloud::{CloudSettings, Foreign, Misbehaviour};

use super::*;

/// `apply` or `resume` with what they need, and `more`.
fn go_on(stage: &Stage, what: &[&str], more: &[&str]) -> Answer {
    ask_with(stage, &[what, &["-o", "json"], more, &QUICKLY].concat())
}

/// The state of a router, as a run or `status` told it.
fn state(answer: &Answer, router: &str) -> String {
    let told = json(answer);
    let row = told["routers"].as_array().unwrap().iter().find(|row| row["name"] == router).cloned();
    row.unwrap_or_else(|| panic!("{router}: {told}"))["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_router_that_does_not_come_up_is_let_go_and_the_next_of_its_site_is_onboarded() {
    let settings = EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() };
    let stage = ready(settings);
    let planned = ask_with(&stage, &["plan", "-f", stage.told("/list"), "-o", "wave.plan", "--canary", "0"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    stage.estate().fleet().routers[0].endorsement_key =
        Some(testkit::endorsement_keys::endorsement_key(200).to_owned());
    let applied = go_on(&stage, &["apply", "wave.plan"], &[]);
    assert_eq!(applied.code, 3, "{applied:?}");
    assert_eq!(state(&applied, "store-0002"), "blocked", "{applied:?}");
    assert!(applied.out.contains("fogpilot resume --release store-0001"), "{applied:?}");

    let nobody = go_on(&stage, &["resume"], &["--release", "store-0009"]);
    let resumed = go_on(&stage, &["resume"], &["--release", "store-0001"]);

    assert_eq!(nobody.code, 2, "{nobody:?}");
    assert_eq!(state(&resumed, "store-0001"), "released", "{resumed:?}");
    assert_eq!(state(&resumed, "store-0002"), "verified", "{resumed:?}");
    assert_eq!(stage.estate().unassignments(), [stage.estate().places()[0].mac]);
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn what_drifted_is_refused_and_may_be_left_out() {
    let settings = EstateSettings { virtual_routers: 3, sites: 3, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let (first, second) = (stage.estate().places()[1].clone(), stage.estate().places()[2].clone());
    stage.estate().cloud().foreign(Foreign::Move(first.mac, Some(second.site)));
    let before = stage.estate().mark();

    let refused = go_on(&stage, &["apply", "wave.plan"], &[]);

    assert_eq!(refused.code, 5, "{refused:?}");
    assert!(refused.said.contains("store-0002 (assignment of node0: was none"), "{refused:?}");
    assert!(refused.said.contains("--skip-drifted"), "{refused:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    let more = ["--skip-drifted", "--accept-other-routers", &second.site_name];
    let applied = go_on(&stage, &["apply", "wave.plan"], &more);
    assert_eq!(applied.code, 3, "{applied:?}");
    let states = ["store-0001", "store-0002", "store-0003"].map(|router| state(&applied, router));
    assert_eq!(states, ["verified", "drifted", "verified"], "{applied:?}");
    assert!(!stage.estate().assignments().contains(&first.mac));
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn a_run_that_is_terminated_finishes_what_is_in_flight_and_says_how_to_go_on() {
    let settings = EstateSettings { virtual_routers: 4, sites: 4, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let mut fogpilot = stage.begin(&[&["apply", "wave.plan"][..], &QUICKLY, &STATE].concat());
    let _ = fogpilot.wait_line("an assignment", |line| line.contains("assigned to site"));

    fogpilot.signal(rustix::process::Signal::TERM);

    assert_eq!(fogpilot.wait_exit(e2e::DEADLINE).code(), Some(130), "{:?}", fogpilot.lines());
    assert!(fogpilot.lines().iter().any(|line| line.contains("fogpilot resume run-")));
    let status = ask_with_state(&stage, &["status", "-o", "json"]);
    assert_eq!(json(&status)["ended"], "interrupted", "{status:?}");
    let resumed = go_on(&stage, &["resume"], &[]);
    assert_eq!((resumed.code, json(&resumed)["verified"].as_u64()), (0, Some(4)), "{resumed:?}");
    let mut assigned = stage.estate().assignments();
    assigned.sort();
    assert_eq!(assigned, stage.estate().places().iter().map(|place| place.mac).collect::<Vec<_>>());
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn at_four_fifths_of_the_calls_of_an_hour_a_run_waits_and_says_so() {
    let cloud = CloudSettings { calls_per_hour: 90, ..CloudSettings::default() };
    let settings = EstateSettings { virtual_routers: 8, sites: 8, cloud, ..EstateSettings::default() };
    let stage = ready(settings);
    // a router that is looked at for a minute needs fewer calls than a fifth
    let plan = ["plan", "-f", stage.told("/list"), "-o", "wave.plan", "--stable-minutes", "1"];
    assert_eq!(ask_with(&stage, &plan).code, 0);

    let apply = ["apply", "wave.plan", "--parallel", "1"];
    let mut fogpilot = stage.begin(&[&apply[..], &QUICKLY, &STATE].concat());
    let _ = fogpilot.wait_line("the budget", |line| line.contains("80 % of this hour's are spent"));
    fogpilot.signal(rustix::process::Signal::TERM);

    assert_eq!(fogpilot.wait_exit(e2e::DEADLINE).code(), Some(130), "{:?}", fogpilot.lines());
    let refused = stage.estate().cloud().calls().iter().filter(|call| call.status == Some(429)).count();
    assert_eq!(refused, 0, "calls are kept for what is under way");
    assert!(stage.estate().mist_calls() <= 90, "{}", stage.estate().mist_calls());
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn a_run_that_mist_refuses_more_calls_waits_and_says_so() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let site = stage.estate().places()[1].site;
    let written = format!("/sites/{site}/setting");
    let cloud = stage.estate().cloud();
    cloud.misbehave(Misbehaviour::Status(429)).method(http::Method::PUT).on(&written).times(1);

    let mut fogpilot = stage.begin(&[&["apply", "wave.plan"][..], &QUICKLY, &STATE].concat());
    let said = fogpilot.wait_line("the refusal", |line| line.contains("refuses more calls for now (429)"));

    assert!(said.contains("at most"), "{said}");
    let (calls, before) = (stage.estate().mist_calls(), stage.estate().assignments().len());
    fogpilot.kill9();
    assert!(stage.estate().mist_calls() <= calls + 1, "nothing is asked while it is held");
    assert_eq!(before, 1, "of the canary");
    let resumed = go_on(&stage, &["resume"], &[]);
    assert_eq!((resumed.code, json(&resumed)["verified"].as_u64()), (0, Some(2)), "{resumed:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}

#[test]
fn a_run_that_waits_for_mist_ends_at_a_signal_and_not_when_the_wait_is_over() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let stage = ready(EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() });
        assert_eq!(plan(&stage).code, 0);
        let written = format!("/sites/{}/setting", stage.estate().places()[1].site);
        let cloud = stage.estate().cloud();
        cloud.misbehave(Misbehaviour::Status(429)).method(http::Method::PUT).on(&written).times(1);
        let mut fogpilot = stage.begin(&[&["apply", "wave.plan"][..], &QUICKLY, &STATE].concat());
        let _ = fogpilot.wait_line("the refusal", |line| line.contains("refuses more calls for now (429)"));
        let calls = stage.estate().mist_calls();

        fogpilot.signal(signal);

        assert_eq!(fogpilot.wait_exit(e2e::DEADLINE).code(), Some(130), "{:?}", fogpilot.lines());
        assert!(fogpilot.lines().iter().any(|line| line.contains("to go on: fogpilot resume run-")));
        // who waits until Mist takes calls again makes one then
        assert!(stage.estate().mist_calls() <= calls + 1, "{signal:?}: it waited");
        let status = ask_with_state(&stage, &["status", "-o", "json"]);
        assert_eq!(json(&status)["ended"], "interrupted", "{status:?}");
        let resumed = go_on(&stage, &["resume"], &[]);
        assert_eq!((resumed.code, json(&resumed)["verified"].as_u64()), (0, Some(2)), "{resumed:?}");
        assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    }
}

#[test]
fn a_plan_over_a_site_that_an_older_run_holds_names_that_run_and_what_goes_on_with_it() {
    let stage = ready(EstateSettings { virtual_routers: 2, sites: 1, ..EstateSettings::default() });
    let plan = |out: &str| ask_with(&stage, &["plan", "-f", stage.told("/list"), "-o", out, "--canary", "0"]);
    let first = plan("first.plan");
    assert!(first.code == 0 && !first.out.contains("fogpilot resume run-"), "{first:?}");
    stage.estate().fleet().routers[0].endorsement_key =
        Some(testkit::endorsement_keys::endorsement_key(200).to_owned());
    assert_eq!(go_on(&stage, &["apply", "first.plan"], &[]).code, 3);
    let status = json(&ask_with_state(&stage, &["status", "-o", "json"]));
    let run = status["run"].as_str().unwrap_or_else(|| panic!("{status}")).to_owned();
    let before = stage.estate().mark();

    let planned = plan("second.plan");
    let applied = go_on(&stage, &["apply", "second.plan"], &[]);

    let held = format!("is held by store-0001 of {run}, which is not finished: `fogpilot resume {run}`");
    assert!(planned.out.contains(&held) && planned.out.contains("--replace-token"), "{planned:?}");
    assert_eq!(applied.code, 5, "{applied:?}");
    assert!(applied.said.contains(&held) && applied.said.contains("not accepted"), "{applied:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    // once it is let go there, and the other is verified, what is left of it is its token
    let resumed = go_on(&stage, &["resume", &run], &["--release", "store-0001"]);
    assert_eq!(state(&resumed, "store-0002"), "verified", "{resumed:?}");
    let planned = plan("third.plan");
    assert!(planned.out.contains(&format!("`fogpilot cleanup {run}` does")), "{planned:?}");
    assert!(!planned.out.contains("which is not finished"), "{planned:?}");
}

#[test]
fn the_command_line_is_reached_by_a_host_in_between() {
    let settings = EstateSettings { virtual_routers: 1, ..EstateSettings::default() };
    let stage = Stage::start(settings);
    let server = stage.estate().ssh().unwrap();
    let own = fs::read_to_string(server.ssh_config()).unwrap();
    let between = own.replace("Host conductor", "Host bastion");
    let config = server.ssh_config_with("with_bastion", &[&between]).unwrap();
    let add = |name: &str, jump: &str| {
        let config = ["--ssh-config", config.to_str().unwrap(), "--ssh-jump", jump];
        add_more(&stage, name, false, &[], &[&["--ssh", stage.told("/ssh/host")][..], &config].concat())
    };
    assert_eq!(add("prod", "bastion").code, 0);

    let seen = ask_with(&stage, &["preflight", "--assume", "restart", "-o", "json"]);

    assert_eq!(seen.code, 0, "{seen:?}");
    let planned = plan(&stage);
    assert_eq!(planned.code, 0, "{planned:?}");
    let applied = go_on(&stage, &["apply", "wave.plan"], &[]);
    assert_eq!((applied.code, json(&applied)["verified"].as_u64()), (0, Some(1)), "{applied:?}");
    let log = fs::read_to_string(server.file("log")).unwrap();
    // each connection by the host in between is two: one to it, and one by it
    assert!(log.matches("Accepted publickey").count() >= 4, "{log}");
    let wrong = add("other", "nowhere.invalid");
    let unseen = ask_with(&stage, &["preflight", "--profile", "other", "--assume", "restart", "-o", "json"]);
    assert!(wrong.code != 0 || unseen.code == 5, "{wrong:?} {unseen:?}");
}
