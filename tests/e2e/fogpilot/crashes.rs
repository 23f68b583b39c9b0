//! `fogpilot` is killed in the middle of a run, anywhere, and goes on: everything ends as if nothing had happened.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::thread;

use serde_json::{Value, json};
use testkit::estate::EstateSettings;

use super::rollout::{STATE, ask_with, json as read, plan, ready};
use super::stage::Stage;
use super::*;
use crate::nothing_lost::{rounds, seeded, tell};

const QUICKLY: [&str; 6] =
    ["--accept-legacy-cutoff=0", "--yes", "--assume", "restart", "--danger-time-factor", "300"];

fn settings() -> EstateSettings {
    EstateSettings { virtual_routers: 4, pairs: 1, hardware: 1, sites: 3, ..Default::default() }
}

/// A stage with a plan of it all.
fn planned() -> Stage {
    let stage = ready(settings());
    assert_eq!(plan(&stage).code, 0);
    stage
}

/// How everything ends when nobody disturbs, and how many entries the record has then.
fn undisturbed() -> (Value, usize) {
    static UNDISTURBED: OnceLock<(Value, usize)> = OnceLock::new();
    UNDISTURBED.get_or_init(undisturbed_once).clone()
}

fn undisturbed_once() -> (Value, usize) {
    let stage = planned();
    let applied = ask_with(&stage, &[&["apply", "wave.plan", "-o", "json"][..], &QUICKLY].concat());
    assert_eq!((applied.code, read(&applied)["verified"].as_u64()), (0, Some(6)), "{applied:?}");
    Judged::default().add(&stage, "undisturbed");
    (end_of(&stage), entries(&stage))
}

/// How everything stands, but for what every conductor has of its own: addresses, certificates.
fn end_of(stage: &Stage) -> Value {
    let mut state = stage.estate().end_state();
    for tree in ["running", "candidate"] {
        state[tree] = state[tree]["authority"]["router"].take();
    }
    let mut text = state.to_string();
    for host in stage.estate().conductor().public_hosts() {
        text = text.replace(host.as_str(), "a host");
    }
    serde_json::from_str(&text).unwrap()
}

/// What may never be, over many runs.
#[derive(Default)]
struct Judged {
    done_twice: usize,
    wrong_bindings: usize,
}

impl Judged {
    /// No rule was broken, and nothing was done twice.
    fn add(&mut self, stage: &Stage, what: &str) {
        let estate = stage.estate();
        let (mut assigned, commits) = (estate.assignments(), estate.commits());
        let mut wanted: Vec<_> = estate.places().iter().map(|place| place.mac).collect();
        // one of the canary, one of the others
        self.done_twice += assigned.len().saturating_sub(wanted.len()) + commits.saturating_sub(2);
        self.wrong_bindings += estate.wrong_bindings().len();
        assert_eq!(estate.broken_rules(), [] as [String; 0], "{what}");
        assigned.sort();
        wanted.sort();
        assert_eq!(assigned, wanted, "{what}: every device is assigned once");
        assert_eq!(estate.unassignments(), [], "{what}");
        assert_eq!(commits, 2, "{what}: every wave is committed once");
    }

    fn tell(&self, mut figures: Value) {
        figures["done_twice"] = self.done_twice.into();
        figures["wrong_bindings"] = self.wrong_bindings.into();
        tell(&figures);
    }
}

fn record(stage: &Stage) -> Option<PathBuf> {
    let runs = fs::read_dir(stage.home().join("state/runs")).ok()?;
    runs.map(|run| run.unwrap().path().join("record.jsonl")).find(|file| file.exists())
}

/// The lines of the record by now.
fn entries(stage: &Stage) -> usize {
    let text = record(stage).map(|file| fs::read(file).unwrap()).unwrap_or_default();
    memchr::memchr_iter(b'\n', &text).count()
}

/// What the record says by now: of which router or wave, and which step.
fn steps(stage: &Stage) -> BTreeSet<String> {
    let text = record(stage).map(|file| fs::read_to_string(file).unwrap()).unwrap_or_default();
    let entries =
        text.lines().filter_map(|line| Some(serde_json::from_str::<Value>(line).ok()?["entry"].take()));
    let step = |entry: Value| {
        let of = entry["router"].as_object().or_else(|| entry["wave"].as_object())?;
        let whose = of.get("router").or_else(|| of.get("wave"))?;
        let what = of["what"].as_object().and_then(|what| what.keys().next().cloned());
        Some(format!("{whose} {}", what.unwrap_or_else(|| of["what"].to_string())))
    };
    entries.filter_map(step).collect()
}

/// `apply` for the first time, `resume` once there is a run.
fn begin(stage: &Stage) -> e2e::Running {
    let what: &[&str] = if record(stage).is_some() { &["resume"] } else { &["apply", "wave.plan"] };
    stage.begin(&[what, &QUICKLY, &STATE].concat())
}

/// Goes on, undisturbed, to the end.
fn finish(stage: &Stage, what: &str, end: &Value, judged: &mut Judged) {
    let begun = record(stage).is_some();
    let command: &[&str] = if begun { &["resume"] } else { &["apply", "wave.plan"] };
    let done = ask_with(stage, &[command, &QUICKLY, &["-o", "json"]].concat());
    assert_eq!(done.code, 0, "{what}: {done:?}");
    judged.add(stage, what);
    assert_eq!(&end_of(stage), end, "{what}");
    assert_eq!(stage.files_with_secrets(&stage.home().join("state")), [], "{what}");
}

/// Waits until the record has so many lines, and kills; false when it ended before.
fn kill_at(fogpilot: &mut e2e::Running, stage: &Stage, lines: usize) -> bool {
    let mut there = false;
    let came = e2e::wait_until(e2e::DEADLINE, || {
        there = entries(stage) >= lines;
        there || !fogpilot.is_running()
    });
    assert!(came, "neither {lines} lines nor an end: {:?}", fogpilot.lines());
    fogpilot.kill9();
    there
}

#[test]
fn killed_behind_every_step_one_after_another_a_run_ends_as_if_nothing_had_been() {
    let (end, _) = undisturbed();
    let stage = planned();
    let (mut seen, mut kills, mut ended) = (BTreeSet::new(), 0, false);
    let most = rounds(5, usize::MAX);
    while !ended && kills < most {
        let mut fogpilot = begin(&stage);
        let came = e2e::wait_until(e2e::DEADLINE, || {
            ended = !fogpilot.is_running();
            ended || !steps(&stage).is_subset(&seen)
        });
        assert!(came, "neither a step nor an end: {:?}", fogpilot.lines());
        fogpilot.kill9();
        kills += usize::from(!ended);
        seen.append(&mut steps(&stage));
    }
    assert!(kills >= rounds(5, 25), "{kills}: {seen:?}");
    let mut judged = Judged::default();
    finish(&stage, &format!("after {kills} kills"), &end, &mut judged);
    judged.tell(json!({ "kills": kills }));
}

#[test]
fn killed_once_behind_any_entry_of_its_record_a_run_ends_as_if_nothing_had_been() {
    let (end, lines) = undisturbed();
    let step = lines.div_ceil(rounds(3, lines)).max(1);
    let (mut kills, mut judged) = (0, Judged::default());
    for at in (1..=lines).step_by(step) {
        let stage = planned();
        let mut fogpilot = begin(&stage);
        kills += usize::from(kill_at(&mut fogpilot, &stage, at));
        finish(&stage, &format!("killed at line {at} of {lines}"), &end, &mut judged);
    }
    judged.tell(json!({ "boundaries": lines, "kills": kills }));
}

#[test]
fn killed_at_random_moments_a_run_ends_as_if_nothing_had_been() {
    let mut rng = seeded("killed at random");
    let (end, _) = undisturbed();
    let (mut left, mut runs) = (rounds(3, 200), 0);
    let (all, mut judged) = (left, Judged::default());
    while left > 0 {
        let stage = planned();
        let kills = left.min(1 + rng.below(4));
        let mut moments = Vec::new();
        for _ in 0..kills {
            let mut fogpilot = begin(&stage);
            let moment = Duration::from_micros(rng.below(3_000_000) as u64);
            moments.push(moment);
            thread::sleep(moment);
            fogpilot.kill9();
        }
        left -= kills;
        runs += 1;
        finish(&stage, &format!("killed after {moments:?}"), &end, &mut judged);
    }
    judged.tell(json!({ "kills": all, "runs": runs }));
}
