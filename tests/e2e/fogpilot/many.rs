//! Two hundred routers, of which many are not as they should be, on a day on which everything else goes wrong as well.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json as value};
use testkit::cloud::{AssignmentFault, Misbehaviour};
use testkit::conductor::Foreign;
use testkit::estate::{EstateSettings, Place};

use super::rollout::{STATE, ask_with, ask_with_state, json, ready};
use super::spoilt::{self, Fault};
use super::stage::Stage;
use super::*;
use crate::nothing_lost::{rounds, tell};

/// What is found when the plan is made.
const PLANNED: [(usize, Fault); 5] = [
    (5, Fault::NoIdToken),
    (11, Fault::SameKeyAsNext),
    (20, Fault::CutOff),
    (30, Fault::Certificate),
    (40, Fault::OtherWitness),
];
/// Two whose keys Mist has swapped: nobody can see it but the conductor.
const SWAPPED: [usize; 2] = [50, 51];
/// Mist does not assign it, and says so.
const NOT_ASSIGNED: usize = 60;
/// Mist says that it is assigned, and it is not.
const SAID_ASSIGNED: usize = 70;
/// What is said of a router that runs in the legacy way.
const LEGACY: &str = "would cut it off";

const APPLY: [&str; 12] = [
    "--accept-legacy-cutoff=2",
    "--yes",
    "--assume",
    "restart",
    "--danger-time-factor",
    "150",
    "--max-failures=20",
    "--parallel=20",
    "--progress=lines",
    "-o",
    "json",
    "--skip-drifted",
];

/// How many there are of one node and virtual; the first place behind them is hardware, of which the list has another
/// serial number.
fn virtual_routers() -> usize {
    rounds(72, 192)
}

fn stage() -> Stage {
    let settings = EstateSettings {
        virtual_routers: virtual_routers(),
        hardware: 4,
        pairs: 2,
        legacy: 2,
        sites: 50,
        ..Default::default()
    };
    ready(settings)
}

/// Everything in the list: pairs and legacy routers too.
fn all() -> u64 {
    virtual_routers() as u64 + 8
}

fn place(stage: &Stage, number: usize) -> Place {
    stage.estate().places()[number].clone()
}

/// Spoils what is wrong, and writes `all.csv`.
fn spoil(stage: &Stage) {
    spoilt::list(stage, "all.csv", &PLANNED);
    let cloud = stage.estate().cloud();
    let [one, other] = SWAPPED.map(|number| place(stage, number));
    cloud.set_id_token(one.mac, other.endorsement_key.unwrap()).unwrap();
    cloud.set_id_token(other.mac, one.endorsement_key.unwrap()).unwrap();
    spoil_assignments(stage);
    let mut list = fs::read_to_string(stage.home().join("all.csv")).unwrap();
    let hardware = place(stage, virtual_routers());
    list = list.replace(&format!(",{},", hardware.asset_id), ",SSR400999999,");
    for legacy in stage.estate().list_of(stage.estate().legacy()).lines().skip(1) {
        list += &format!("{legacy},\n");
    }
    fs::write(stage.home().join("all.csv"), list).unwrap();
}

/// The next assignment of two devices goes wrong.
fn spoil_assignments(stage: &Stage) {
    let cloud = stage.estate().cloud();
    let refused = AssignmentFault::Refused("device is not supported".to_owned());
    cloud.spoil_assignment(place(stage, NOT_ASSIGNED).mac, refused);
    cloud.spoil_assignment(place(stage, SAID_ASSIGNED).mac, AssignmentFault::SaidButNotDone);
}

fn plan(stage: &Stage, list: &str) -> Answer {
    ask_with(stage, &["plan", "-f", list, "-o", "all.plan", "--format", "json", "--wave-size=50"])
}

/// The whole list is judged first, with the line of everything that is wrong.
fn check_the_list(stage: &Stage) {
    let list = fs::read_to_string(stage.home().join("all.csv")).unwrap();
    let (one, other) = (virtual_routers() - 10, virtual_routers() - 5);
    let (mac, site) = (place(stage, one).mac.to_string(), place(stage, other).router);
    let mut wrong = list.replace(&mac, "02005effffff");
    let row = wrong.lines().find(|row| row.starts_with(&format!("{site},"))).unwrap().to_owned();
    wrong = wrong.replace(&row, &row.replace("Store ", "Shop "));
    fs::write(stage.home().join("wrong.csv"), wrong).unwrap();

    let answer = plan(stage, "wrong.csv");

    assert_eq!(answer.code, 2, "{answer:?}");
    // the first line is the head
    let line = |number: usize| format!("wrong.csv:{}", number + 2);
    assert!(answer.said.contains(&line(other)) && answer.said.contains("Shop "), "{}", answer.said);
    assert!(answer.said.contains(&line(one)) && answer.said.contains("02005effffff"), "{}", answer.said);
    assert!(!stage.home().join("all.plan").exists());
}

fn check_the_plan(stage: &Stage, planned: &Answer) {
    assert_eq!(planned.code, 3, "{}", planned.said);
    let plan = json(planned);
    let row = |router: &str| -> Value {
        let found = plan["routers"].as_array().unwrap().iter().find(|row| row["name"] == router);
        found.unwrap_or_else(|| panic!("{router}: {plan}")).clone()
    };
    let mut refused: Vec<(String, &str)> = PLANNED
        .iter()
        .map(|(number, fault)| {
            let told = match fault {
                Fault::NoIdToken => "Mist returned no ID token for",
                Fault::OtherWitness => "one of them is another machine's",
                fault => fault.told(),
            };
            (place(stage, *number).router, told)
        })
        .collect();
    refused.push((place(stage, 12).router, Fault::SameKeyAsNext.told()));
    refused.push((place(stage, virtual_routers()).router, "serial"));
    refused.extend(stage.estate().legacy().iter().map(|place| (place.router.clone(), LEGACY)));
    for (router, told) in &refused {
        let row = row(router);
        assert_eq!(row["action"], "refused", "{row}");
        assert!(row["reason"].as_str().unwrap().contains(told), "{told}: {row}");
    }
    assert_eq!(plan["refused"].as_u64(), Some(refused.len() as u64), "{}", planned.out);
    assert_eq!(plan["onboard"].as_u64(), Some(all() - refused.len() as u64));
}

#[test]
fn of_two_hundred_routers_none_is_taken_for_another_whatever_goes_wrong() {
    let (begun, stage) = (Instant::now(), stage());
    spoil(&stage);
    let (estate, cloud, conductor) = (stage.estate(), stage.estate().cloud(), stage.estate().conductor());
    check_the_list(&stage);
    cloud.misbehave(Misbehaviour::Status(503)).on("/inventory").times(2);
    cloud.misbehave(Misbehaviour::Status(502)).on("/export_idtokens").times(1);
    let planned = plan(&stage, "all.csv");
    check_the_plan(&stage, &planned);
    assert_eq!(estate.writes(), [] as [String; 0], "a plan writes nothing");
    let begin = [&["apply", "all.plan"][..], &APPLY].concat();
    let resume = [&["resume"][..], &APPLY].concat();
    let refuses = |what: &str, told: &str| {
        let before = estate.mark();
        let answer = ask_with(&stage, &begin);
        assert!(![0, 3].contains(&answer.code), "{what}: {answer:?}");
        assert!(answer.said.contains(told), "{what}: {told}: {answer:?}");
        estate.writes_since(before)
    };

    // somebody has begun to change the candidate
    conductor.edit_candidate("/authority/router/conductor", value!({ "description": "in the works" }));
    assert_eq!(
        refuses("dirty", "changes that this run did not make: authority router conductor description"),
        [""; 0]
    );
    conductor.foreign(Foreign::Revert);
    // who is not let in
    cloud.misbehave(Misbehaviour::Status(403)).always();
    assert_eq!(refuses("403", "403"), [""; 0]);
    cloud.behave();
    let token = cloud.token(estate.org());
    cloud.revoke(&token).unwrap();
    assert_eq!(refuses("401", "401"), [""; 0]);
    cloud.restore(&token).unwrap();
    // Mist refuses more calls for this hour: nothing goes on meanwhile
    cloud.misbehave(Misbehaviour::Status(429)).always();
    let before = estate.mark();
    let mut held = stage.begin(&[&begin[..], &STATE].concat());
    let _ =
        held.wait_line("the refusal", |line| line.contains("429") && line.contains("spent for this hour"));
    held.kill9();
    assert_eq!(estate.writes_since(before), [] as [String; 0]);
    cloud.behave();
    // by the conductor's clock every token of it has expired
    conductor.set_clock(-3 * 86_400);
    assert_eq!(refuses("clock", "259200 s apart"), [""; 0]);
    conductor.set_clock(0);
    // and by a clock that jumps while the run goes on, and back, one token of it has
    conductor.foreign_before("create secure", 30, Foreign::Clock(-3 * 86_400));
    conductor.foreign_before("create secure", 31, Foreign::Clock(0));

    // somebody else changes the candidate right before the commit of the second wave
    conductor.foreign_before(
        "POST /api/v1/config/commit",
        2,
        Foreign::Edit("/authority/router/conductor".to_owned(), value!({ "location": "elsewhere" })),
    );
    conductor.misbehave(Misbehaviour::Latency(Duration::from_millis(300))).on("/config").times(40);
    for (what, part, times) in [
        (Misbehaviour::Status(500), "/setting", 3),
        // this one takes as long as an answer is waited for
        (Misbehaviour::Silence, "/setting", 1),
        (Misbehaviour::Status(502), "/inventory", 2),
        (Misbehaviour::HalfThenReset, "/setting", 2),
        (Misbehaviour::BrokenJson, "/inventory", 1),
    ] {
        cloud.misbehave(what).on(part).after(20).times(times);
    }
    cloud.misbehave(Misbehaviour::DoneBut(503)).method(http::Method::PUT).on("/inventory").after(9).times(2);
    let applied = ask_with(&stage, &begin);
    assert_eq!(applied.code, 3, "{}", applied.said);
    assert!(applied.said.contains("authority router conductor location"), "{}", applied.said);
    assert!(applied.out.contains("make it again with a longer lifetime"), "{}", applied.out);
    // what was not read the first time is read the second time
    spoil_assignments(&stage);
    let answer = ask_with(&stage, &resume);

    // nobody can keep a change out of the commit that comes right behind it; it is said
    assert_eq!(estate.broken_rules(), ["a commit changed conductor, which is not to be onboarded"]);
    assert_eq!(answer.code, 3, "{}", answer.said);
    let status = json(&ask_with_state(&stage, &["status", "-o", "json"]));
    let mut states = BTreeMap::<String, Vec<String>>::new();
    for row in status["routers"].as_array().unwrap() {
        let (name, state) = (row["name"].as_str().unwrap(), row["state"].as_str().unwrap());
        let detail = row["detail"].as_str().unwrap_or_default();
        assert!(state == "verified" || !detail.is_empty(), "{row}");
        assert!(state != "blocked" || detail.contains("--release"), "{row}");
        states.entry(state.to_owned()).or_default().push(name.to_owned());
    }
    let named = |numbers: [usize; 2]| numbers.map(|number| place(&stage, number).router).to_vec();
    assert_eq!(states["not-verified"], named(SWAPPED), "{status}");
    assert_eq!(states["failed"], named([NOT_ASSIGNED, SAID_ASSIGNED]), "{status}");
    assert_eq!(states["refused"].len(), 9, "{status}");
    let blocked = states.get("blocked").map_or(0, Vec::len);
    let verified = all() - 9 - 4 - blocked as u64;
    assert_eq!(status["verified"].as_u64(), Some(verified), "{status}");
    tell(&value!({
        "routers": all(), "verified": verified, "mist_calls": estate.mist_calls(),
        "mist_calls_a_router": estate.mist_calls() as f64 / all() as f64,
        "wrong_bindings": estate.wrong_bindings().len(), "seconds": begun.elapsed().as_secs(),
    }));
    assert!(estate.mist_calls() <= 15 * all(), "{} calls", estate.mist_calls());
    // the two that Mist did not assign come the next time, and then there is nothing to write for anybody
    let third = ask_with(&stage, &resume);
    assert_eq!(third.code, 3, "{}", third.said);
    assert_eq!(json(&third)["failed"], 0, "{}", third.out);
    let before = estate.mark();
    let again = ask_with(&stage, &begin);
    // a run that knows nothing of the first one takes the tokens of held sites for somebody else's
    assert!([3, 5].contains(&again.code), "{}", again.said);
    assert_eq!(estate.writes_since(before), [] as [String; 0]);
    assert_eq!(stage.files_with_secrets(&stage.home().join("state")), []);
}
