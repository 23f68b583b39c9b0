//! From a profile to verified routers: every command on a whole stage, by the built program.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::stage::Stage;
use super::*;

/// What opens the vault, and where everything is kept.
const STATE: [&str; 4] = ["--state", "state", "--vault-key", "vault.key"];

/// `profile add`, with everything that a terminal would be asked for; `without` leaves a flag and its value out.
fn add(stage: &Stage, name: &str, ssh: bool, without: &[&str]) -> Answer {
    let pairs = [
        ("--api-host", stage.told("/mist/host")),
        ("--api-ca", stage.told("/mist/ca")),
        ("--org", stage.told("/mist/org")),
        ("--api-token-file", stage.told("/mist/token_file")),
        ("--conductor", stage.told("/conductor/host")),
        ("--user", stage.told("/conductor/user")),
        ("--password-file", stage.told("/conductor/password_file")),
        ("--conductor-pin", stage.told("/conductor/pin")),
        ("--sco-ca", stage.told("/conductor/sco_ca")),
        ("--node", stage.told("/conductor/hosts/0")),
    ];
    let mut arguments = vec!["profile", "add", name];
    arguments.extend(STATE);
    for (flag, value) in pairs.iter().filter(|(flag, _)| !without.contains(flag)) {
        arguments.extend([*flag, *value]);
    }
    if ssh {
        arguments.extend(["--ssh", stage.told("/ssh/host"), "--ssh-config", stage.told("/ssh/config")]);
    }
    stage.ask(&arguments)
}

fn ask_with(stage: &Stage, arguments: &[&str]) -> Answer {
    stage.ask(&[arguments, &STATE].concat())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// Runs `fogpilot` at a terminal, where each text of `answers` is waited for and answered; the transcript, and how it ended.
fn at_terminal(stage: &Stage, answers: &[(&str, &str)], arguments: &[&str]) -> Answer {
    const TERMINAL: &str = "
import json, os, pty, sys
answers, program = json.loads(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(program[0], program)
seen, place = b'', 0
while True:
    if answers and answers[0][0].encode() in seen[place:]:
        place = len(seen)
        os.write(terminal, answers.pop(0)[1].encode() + b'\\n')
    try:
        more = os.read(terminal, 65536)
    except OSError:
        more = b''
    if not more:
        break
    seen += more
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
";
    let answers = serde_json::to_string(answers).unwrap();
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, &answers]).arg(fogpilot_program()).args(arguments);
    let answer: Answer = command.current_dir(stage.home()).env("TERM", "xterm").output().unwrap().into();
    assert_eq!(stage.secrets_in(answer.out.as_bytes()), [] as [&str; 0], "{arguments:?}");
    answer
}

/// A stage with a profile that reaches the command line.
fn ready(settings: EstateSettings) -> Stage {
    let stage = Stage::start(settings);
    let answer = add(&stage, "prod", true, &[]);
    assert_eq!(answer.code, 0, "{answer:?}");
    stage
}

/// Plans the whole list into `wave.plan`.
fn plan(stage: &Stage) -> Answer {
    let list = stage.told("/list");
    ask_with(stage, &["plan", "-f", list, "-o", "wave.plan", "--format", "json"])
}

/// What a run is told that is not to take an hour.
const QUICKLY: [&str; 5] = ["--yes", "--assume", "restart", "--danger-time-factor", "100"];

#[test]
fn a_profile_is_made_without_a_terminal_and_its_secrets_are_in_the_vault_alone() {
    let stage = ready(EstateSettings::default());

    let list = ask_with_state(&stage, &["profile", "list", "-o", "json"]);
    let show = ask_with_state(&stage, &["profile", "show"]);
    let test = ask_with(&stage, &["profile", "test", "prod", "-o", "json"]);

    let profile = &json(&list)["profiles"][0]["profile"];
    assert_eq!(profile["org"], stage.told("/mist/org"));
    assert_eq!(profile["conductor"]["pin"], stage.told("/conductor/pin"));
    assert!(show.out.contains("SCO CA") && show.out.contains("sha256:"), "{show:?}");
    assert_eq!((test.code, json(&test)["tried"].as_array().unwrap().len()), (0, 3), "{test:?}");
    assert_eq!(stage.files_with_secrets(&stage.home().join("state")), []);
    for file in ["state/vault", "state/profiles.toml", "vault.key"] {
        let mode = fs::metadata(stage.home().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}");
    }
}

fn ask_with_state(stage: &Stage, arguments: &[&str]) -> Answer {
    stage.ask(&[arguments, &STATE[..2]].concat())
}

#[test]
fn without_a_terminal_what_a_profile_lacks_is_named_by_its_flag_and_nothing_is_kept() {
    let stage = Stage::start(EstateSettings::default());
    for (flag, named) in [
        ("--conductor-pin", "--conductor-pin"),
        ("--sco-ca", "--sco-ca FILE, --sco-ca-sha256 PIN or --no-sco-ca"),
        ("--org", "--org"),
        ("--api-token-file", "--api-token-file"),
        ("--password-file", "--password-file"),
        ("--user", "--user"),
    ] {
        let answer = add(&stage, "prod", false, &[flag]);
        assert_eq!(answer.code, 2, "{flag}: {answer:?}");
        assert!(answer.said.contains(named), "{flag}: {answer:?}");
    }

    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let pin = stage.ask(
        &[
            &["profile", "add", "prod", "--api-host", stage.told("/mist/host")][..],
            &["--api-ca", stage.told("/mist/ca"), "--org", stage.told("/mist/org")],
            &[
                "--api-token-file",
                stage.told("/mist/token_file"),
                "--conductor",
                stage.told("/conductor/host"),
            ],
            &["--user", "admin", "--password-file", stage.told("/conductor/password_file")],
            &["--no-sco-ca", "--conductor-pin", other],
            &STATE,
        ]
        .concat(),
    );
    assert_eq!(pin.code, 1, "{pin:?}");
    assert!(pin.said.contains("another key than --conductor-pin"), "{pin:?}");
    assert!(!stage.home().join("state/profiles.toml").exists());
    assert!(!stage.home().join("state/vault").exists());
}

#[test]
fn a_token_or_password_that_is_not_accepted_makes_no_profile() {
    let stage = Stage::start(EstateSettings::default());
    for (what, said) in [("mist-token", "401"), ("conductor-password", "40")] {
        let path = stage.home().join(what);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, "notthisone").unwrap();

        let answer = add(&stage, "prod", false, &[]);

        assert_eq!(answer.code, 4, "{what}: {answer:?}");
        assert!(answer.said.contains(said), "{what}: {answer:?}");
        assert!(!stage.home().join("state/profiles.toml").exists());
        fs::write(&path, good).unwrap();
    }
}

#[test]
fn preflight_refuses_what_it_does_not_know_until_somebody_does() {
    let stage = ready(EstateSettings::default());

    let unknown = ask_with(&stage, &["preflight", "-o", "json"]);
    let assumed = ask_with(&stage, &["preflight", "--assume", "restart", "-o", "json"]);
    let none = ask_with(&stage, &["preflight", "--assume", "weather"]);

    assert_eq!((unknown.code, assumed.code, none.code), (5, 0, 2), "{unknown:?} {assumed:?} {none:?}");
    assert!(unknown.said.contains("--assume restart"), "{unknown:?}");
    let checks = json(&assumed);
    let outcome = |name: &str| {
        let found = checks["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {checks}"))["outcome"].as_str().unwrap().to_owned()
    };
    for name in [
        "conductor",
        "certificates",
        "ssh-only",
        "port-933",
        "port-930",
        "onboarding-certificate",
        "command-line",
        "clock",
        "mist-role",
        "mist-budget",
    ] {
        assert_eq!(outcome(name), "pass", "{name}: {checks}");
    }
    assert!(checks["checks"].as_array().unwrap().iter().all(|check| check["source"] != ""));
}

#[test]
fn preflight_fails_where_the_legacy_ports_are_open_or_the_onboarding_port_is_closed() {
    let stage = ready(EstateSettings { legacy: 2, ..EstateSettings::default() });
    stage.set_port(933, false);

    let closed = ask_with(&stage, &["preflight", "--assume", "restart", "-o", "json"]);

    assert_eq!(closed.code, 5, "{closed:?}");
    assert!(closed.out.contains("933 is closed"), "{closed:?}");
    assert!(closed.out.contains("2 routers are connected without it"), "{closed:?}");
    stage.set_port(933, true);
    stage.set_port(4505, true);
    let open = ask_with(&stage, &["preflight", "--assume", "restart"]);
    assert!(open.out.contains("4505 or 4506 is open"), "{open:?}");
}

#[test]
fn a_plan_writes_nothing_but_its_file_and_judges_the_whole_list_first() {
    let stage = ready(EstateSettings { virtual_routers: 4, pairs: 1, sites: 2, ..EstateSettings::default() });
    let (before, at_first) = (stage.estate().mark(), stage.estate().end_state());
    let list = fs::read_to_string(stage.told("/list")).unwrap();
    let wrong = list.replacen(&stage.estate().places()[0].site_name, "nowhere", 1);
    fs::write(stage.home().join("wrong.csv"), wrong).unwrap();

    let refused = ask_with(&stage, &["plan", "-f", "wrong.csv", "-o", "wrong.plan"]);
    let planned = plan(&stage);
    let table = ask_with(&stage, &["plan", "-f", stage.told("/list"), "-o", "wave.plan"]);
    let over = ask_with(&stage, &["plan", "-f", stage.told("/list"), "-o", stage.told("/list")]);

    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.said.contains("wrong.csv:2") && refused.said.contains("nowhere"), "{refused:?}");
    assert!(!stage.home().join("wrong.plan").exists());
    assert_eq!((planned.code, json(&planned)["onboard"].as_u64()), (0, Some(5)), "{planned:?}");
    assert!(table.out.contains("profile prod") && table.out.contains("Plan: 5 to onboard"), "{table:?}");
    assert!(table.out.contains("--accept-legacy-cutoff=0"), "{table:?}");
    assert_eq!(over.code, 2, "{over:?}");
    assert_eq!(fs::read_to_string(stage.told("/list")).unwrap(), list);
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    assert_eq!(stage.estate().end_state(), at_first);
}

#[test]
fn a_plan_is_carried_out_and_a_second_time_nothing_is_written() {
    let settings =
        EstateSettings { virtual_routers: 3, pairs: 1, hardware: 1, sites: 3, ..EstateSettings::default() };
    let stage = ready(settings);
    assert_eq!(plan(&stage).code, 0);
    let apply = [&["apply", "wave.plan", "--accept-legacy-cutoff=0", "-o", "json"][..], &QUICKLY].concat();

    let flagless = ask_with(&stage, &[&["apply", "wave.plan"][..], &QUICKLY].concat());
    let dry = ask_with(&stage, &[&apply[..], &["--dry-run"]].concat());
    let before = stage.estate().mark();
    let asked = ask_with(&stage, &["apply", "wave.plan", "--assume", "restart"]);

    assert_eq!(flagless.code, 5, "{flagless:?}");
    assert!(flagless.said.contains("--accept-legacy-cutoff=0"), "{flagless:?}");
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
fn a_person_enters_the_commands_and_brings_the_tokens_and_the_states() {
    let settings = EstateSettings { virtual_routers: 2, pairs: 1, sites: 3, ..EstateSettings::default() };
    let stage = Stage::start(settings);
    // a question is answered by `y` on standard input
    stage.estate().conductor().read_as(|readings| readings.asks = false);
    assert_eq!(add(&stage, "prod", false, &[]).code, 0);
    let list = stage.told("/list");
    let planned = ask_with(&stage, &["plan", "-f", list, "-o", "wave.plan", "--canary", "0"]);
    assert_eq!(planned.code, 0, "{planned:?}");

    let rendered = stage.ask(&["render", "wave.plan", "--for", "7.2.3-8r2", "-o", "json"]);
    let old = stage.ask(&["render", "wave.plan", "--for", "7.1.2"]);
    let setup = stage.ask(&["render", "--conductor-setup"]);

    assert_eq!((rendered.code, old.code, setup.code), (0, 5, 0), "{rendered:?} {old:?} {setup:?}");
    assert!(setup.out.contains("configure authority asset-connection-resiliency ssh-only true"), "{setup:?}");
    let mut printed = String::new();
    for section in json(&rendered)["sections"].as_array().unwrap() {
        for command in section["commands"].as_array().unwrap() {
            let command = command.as_str().unwrap();
            let said = stage.type_in(command);
            assert_eq!(said.code, 0, "{command}: {said:?}");
            if command.starts_with("create ") {
                printed = format!("$ something\n{}\n{printed}", said.out);
            }
        }
    }
    fs::write(stage.home().join("tokens.txt"), &printed).unwrap();

    let imported = ask_with(&stage, &["import-token", "--plan", "wave.plan", "tokens.txt", "-o", "json"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    assert!(
        imported.said.contains("`tokens.txt` is secret") && imported.said.contains("chmod 600"),
        "{imported:?}"
    );
    let rows = json(&imported)["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    assert!(rows[0]["expires"].as_str().unwrap().ends_with('Z'), "{rows}");

    let apply =
        ["apply", "wave.plan", "--skip", "conductor", "--accept-legacy-cutoff=0", "--max-failures", "9"];
    let applied = ask_with(&stage, &[&apply[..], &QUICKLY].concat());
    assert_eq!(applied.code, 3, "{applied:?}");
    assert!(applied.out.contains("auth state not seen"), "{applied:?}");
    let states: String = stage
        .estate()
        .places()
        .iter()
        .map(|place| stage.type_in(&format!("show secure-conductor-onboarding {}", place.asset_id)).out)
        .collect();
    fs::write(stage.home().join("states.txt"), states).unwrap();
    let given = ask_with(&stage, &["import-token", "states.txt", "-o", "json"]);
    assert_eq!((given.code, json(&given)["rows"].as_array().unwrap().len()), (0, 4), "{given:?}");
    let verified = ask_with(&stage, &["verify", "--watch", "--danger-time-factor", "100"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    assert_eq!(stage.files_with_secrets(&stage.home().join("state")), []);
}

#[test]
fn a_token_is_bound_by_its_assets_or_it_is_not_taken() {
    let settings = EstateSettings { virtual_routers: 2, sites: 2, ..EstateSettings::default() };
    let stage = ready(settings);
    stage.estate().conductor().read_as(|readings| readings.asks = false);
    assert_eq!(plan(&stage).code, 0);
    let rendered = stage.ask(&["render", "wave.plan", "-o", "json"]);
    let token = |command: &str| stage.type_in(command).out;
    let mut tokens = Vec::new();
    for section in json(&rendered)["sections"].as_array().unwrap() {
        for command in section["commands"].as_array().unwrap().iter().filter_map(Value::as_str) {
            if command.starts_with("create ") {
                // of one second and one lifetime there is one token
                let longer = command.replace("expiration-timeout 26h", "expiration-timeout 27h");
                tokens.push((token(command), token(&longer)));
            } else {
                token(command);
            }
        }
    }
    let import = |text: &str, plan: &str| {
        fs::write(stage.home().join("tokens.txt"), text).unwrap();
        ask_with(&stage, &["import-token", "--plan", plan, "tokens.txt", "-o", "json"])
    };

    // two of one router: which is good cannot be told
    let several = import(&format!("{}\n{}", tokens[0].0, tokens[0].1), "wave.plan");
    // one of a router that is not in the plan
    let list = fs::read_to_string(stage.told("/list")).unwrap();
    fs::write(
        stage.home().join("first.csv"),
        list.lines().take(2).map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    assert_eq!(ask_with(&stage, &["plan", "-f", "first.csv", "-o", "first.plan"]).code, 0);
    let both = import(&format!("{}\n{}", tokens[1].0, tokens[0].0), "first.plan");
    let cut = import(&tokens[0].0.replace("eyJ", "ey"), "wave.plan");

    assert_eq!(several.code, 1, "{several:?}");
    assert!(several.out.contains("several tokens for"), "{several:?}");
    assert_eq!(both.code, 3, "{both:?}");
    let rows = json(&both)["rows"].clone();
    assert_eq!((rows[0]["taken"].as_bool(), rows[1]["taken"].as_bool()), (Some(false), Some(true)), "{rows}");
    assert_eq!(rows[1]["router"], stage.estate().places()[0].router.as_str());
    assert_eq!(cut.code, 1, "{cut:?}");
}

#[test]
fn a_conductor_of_two_nodes_wants_both_in_the_profile() {
    let conductor = ConductorSettings { pair: true, ..ConductorSettings::default() };
    let stage = ready(EstateSettings { conductor, ..EstateSettings::default() });

    let one = ask_with(&stage, &["preflight", "--assume", "restart", "-o", "json"]);

    let nodes = json(&one)["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "conductor-nodes")
        .cloned();
    assert_eq!(nodes.unwrap()["outcome"], "fail", "{one:?}");
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

#[test]
fn at_a_terminal_what_is_missing_is_asked_and_what_is_typed_in_secret_is_not_shown() {
    let stage = Stage::start(EstateSettings::default());
    let secret = |name: &str| fs::read_to_string(stage.home().join(name)).unwrap().trim().to_owned();
    let (token, password) = (secret("mist-token"), secret("conductor-password"));
    let (add, unlock) = (["profile", "add", "prod", "--state", "state"], [("Passphrase", "correct horse")]);
    let given = [
        ["--api-host", stage.told("/mist/host")],
        ["--api-ca", stage.told("/mist/ca")],
        ["--org", stage.told("/mist/org")],
        ["--sco-ca", stage.told("/conductor/sco_ca")],
        ["--node", stage.told("/conductor/hosts/0")],
        ["--ssh", stage.told("/ssh/host")],
        ["--ssh-config", stage.told("/ssh/config")],
    ];
    let add = [&add[..], &given.concat()].concat();
    let answers = [
        ("API token", &*token),
        ("Conductor (host", stage.told("/conductor/host")),
        ("Account on", stage.told("/conductor/user")),
        ("Is it the conductor's? [y/N]", "y"),
        ("Password at", &password),
        ("New passphrase", "correct horse"),
        ("The same again", "correct horse"),
    ];
    let mut refused = answers;
    refused[3].1 = "n";

    let refused = at_terminal(&stage, &refused, &add);
    let added = at_terminal(&stage, &answers, &add);

    assert_eq!(refused.code, 130, "{refused:?}");
    assert!(refused.out.contains(stage.told("/conductor/pin")), "{refused:?}");
    assert_eq!(added.code, 0, "{added:?}");
    assert!(!added.out.contains("correct horse"), "{added:?}");
    let plan = ["plan", "--state", "state", "-f", stage.told("/list"), "-o", "wave.plan"];
    assert_eq!(at_terminal(&stage, &unlock, &plan).code, 0);
    let apply = ["apply", "wave.plan", "--state", "state", "--accept-legacy-cutoff=0"];
    let apply = [&apply[..], &QUICKLY[1..]].concat();
    let before = stage.estate().mark();
    let no = at_terminal(&stage, &[unlock[0], ("Begin? [y/N]", "no")], &apply);
    assert_eq!(no.code, 130, "{no:?}");
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    let yes = at_terminal(&stage, &[unlock[0], ("Begin? [y/N]", "y")], &apply);
    assert_eq!(yes.code, 0, "{yes:?}");
    assert!(yes.out.contains("] 1/1 ") || yes.out.contains("0 of 1 done"), "{yes:?}");
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
}
