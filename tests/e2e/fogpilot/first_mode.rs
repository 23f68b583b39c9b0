//! The first mode on a conductor: the run ends behind it until the nodes were restarted, and knows whether they were.

use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::rollout::{QUICKLY, add_with_nodes, ask_with, ask_with_state, json, plan};
use super::stage::Stage;
use super::*;

const ACCEPT: &str = "--accept-legacy-cutoff=0";

/// A conductor of two nodes on which no router has a mode, and three routers.
fn fresh() -> Stage {
    let conductor = ConductorSettings { pair: true, ..ConductorSettings::default() };
    let settings = EstateSettings { virtual_routers: 3, sites: 3, conductor, ..EstateSettings::default() };
    let stage = Stage::start(settings);
    let added = add_with_nodes(&stage, "prod", 2);
    assert_eq!(added.code, 0, "{added:?}");
    assert_eq!(plan(&stage).code, 0);
    stage
}

fn resume(stage: &Stage, more: &[&str]) -> Answer {
    ask_with(stage, &[&["resume", ACCEPT, "-o", "json"][..], more, &QUICKLY].concat())
}

#[test]
fn the_first_mode_ends_the_run_until_both_nodes_are_seen_to_be_restarted() {
    let stage = fresh();
    let warned = ask_with(&stage, &["preflight"]);
    assert_eq!(warned.code, 0, "{warned:?}");
    assert!(warned.out.contains("`apply` ends behind it (exit code 7)"), "{warned:?}");

    let flagless = ask_with(&stage, &[&["apply", "wave.plan"][..], &QUICKLY].concat());
    let applied = ask_with(&stage, &[&["apply", "wave.plan", ACCEPT][..], &QUICKLY].concat());

    assert_eq!(flagless.code, 5, "{flagless:?}");
    assert!(flagless.said.contains(ACCEPT), "{flagless:?}");
    assert_eq!(applied.code, 7, "{applied:?}");
    assert!(applied.said.contains("its nodes node0 and node1 are restarted"), "{applied:?}");
    assert!(applied.said.contains("to go on: fogpilot resume run-"), "{applied:?}");
    let estate = stage.estate();
    assert_eq!((estate.commits(), estate.assignments()), (1, vec![]));
    let status = ask_with_state(&stage, &["status"]);
    assert!(status.out.contains("restart") || status.said.contains("restart"), "{status:?}");
    let before = estate.mark();
    // neither, and then one of them: `--assume restart` does not help, nor does it to say so
    for nodes in [&[][..], &[0]] {
        stage.restart(nodes);
        for more in [&[][..], &["--conductor-restarted"], &["--dry-run"]] {
            let early = resume(&stage, more);
            assert_eq!(early.code, 5, "{nodes:?} {more:?}: {early:?}");
            assert!(early.said.contains("4505 or 4506 is open"), "{early:?}");
        }
    }
    assert_eq!(estate.writes_since(before), [] as [String; 0]);
    stage.restart(&[1]);

    let resumed = resume(&stage, &[]);

    assert_eq!((resumed.code, json(&resumed)["verified"].as_u64()), (0, Some(3)), "{resumed:?}");
    assert_eq!(estate.broken_rules(), [] as [String; 0]);
    let report = ask_with_state(&stage, &["report", "-o", "md"]);
    assert!(report.out.contains("restarted"), "{report:?}");
}

#[test]
fn where_a_restart_cannot_be_seen_a_person_says_so() {
    let stage = fresh();
    // a firewall is in the way of both ports
    for node in [0, 1] {
        stage.set_port_of(node, 4505, false);
        stage.set_port_of(node, 4506, false);
    }
    let applied = ask_with(&stage, &[&["apply", "wave.plan", ACCEPT][..], &QUICKLY].concat());
    assert_eq!(applied.code, 7, "{applied:?}");
    let before = stage.estate().mark();

    let unsaid = resume(&stage, &[]);

    assert_eq!(unsaid.code, 5, "{unsaid:?}");
    assert!(unsaid.said.contains("resume --conductor-restarted"), "{unsaid:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    stage.restart(&[0, 1]);
    let said = resume(&stage, &["--conductor-restarted"]);
    assert_eq!((said.code, json(&said)["verified"].as_u64()), (0, Some(3)), "{said:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}
