//! Stories of `fogpilot` on a whole stage.

use std::io::BufRead as _;

use e2e::Curl;
use serde_json::{Value, json};
use testkit::cloud::{self, Misbehaviour};
use testkit::conductor::{ConductorSettings, Onboarding};
use testkit::estate::EstateSettings;

use super::spoilt::Fault;
use super::stage::Stage;
use super::*;

/// `export-tokens` of the whole list.
fn export(stage: &Stage) -> [&str; 12] {
    export_of(stage, stage.told("/list"))
}

fn export_of<'a>(stage: &'a Stage, list: &'a str) -> [&'a str; 12] {
    [
        "export-tokens",
        "--api-host",
        stage.told("/mist/host"),
        "--org",
        stage.told("/mist/org"),
        "--ca",
        stage.told("/mist/ca"),
        "--token-file",
        stage.told("/mist/token_file"),
        "--out",
        "keys.csv",
        list,
    ]
}

#[test]
fn the_keys_of_an_estate_are_exported_and_the_rest_is_not_touched() {
    let settings =
        EstateSettings { virtual_routers: 20, pairs: 2, legacy: 1, sites: 5, ..Default::default() };
    let stage = Stage::start(settings);
    let (before, at_first) = (stage.estate().mark(), stage.estate().end_state());

    let answer = stage.ask(&export(&stage));

    assert_eq!(answer.code, 0, "{answer:?}");
    let keys = fs::read_to_string(stage.home().join("keys.csv")).unwrap();
    for place in stage.estate().places() {
        let (mac, key) = (place.mac.to_string(), place.endorsement_key.unwrap());
        let row = keys.lines().find(|row| row.contains(&mac)).unwrap_or_else(|| panic!("{mac}: {keys}"));
        assert!(row.starts_with(&format!("{},{},", place.router, place.node)) && row.ends_with(key), "{row}");
    }
    assert_eq!(keys.lines().count(), 1 + 24);
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    assert_eq!(stage.estate().end_state(), at_first);
}

#[test]
fn of_two_hundred_routers_every_one_that_is_wrong_is_told_and_none_of_them_is_exported() {
    let stage = Stage::start(EstateSettings { virtual_routers: 201, sites: 40, ..Default::default() });
    let faults: Vec<(usize, Fault)> =
        Fault::ALL.iter().enumerate().map(|(number, fault)| (7 + 31 * number, *fault)).collect();
    spoilt::list(&stage, "spoilt.csv", &faults);
    for status in [503, 500] {
        stage.estate().cloud().misbehave(Misbehaviour::Status(status)).on("/inventory").times(1);
    }
    let (before, at_first) = (stage.estate().mark(), stage.estate().end_state());
    let mut arguments = export_of(&stage, "spoilt.csv").to_vec();
    arguments.extend(["-o", "json"]);

    let answer = stage.ask(&arguments);

    assert_eq!(answer.code, 3, "{}", answer.said);
    let told: Value = serde_json::from_str(&answer.out).unwrap();
    let exported = fs::read_to_string(stage.home().join("keys.csv")).unwrap();
    let mut wrong: Vec<usize> = faults.iter().map(|(number, _)| *number).collect();
    for (number, fault) in &faults {
        let reason = told["rows"][number]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(fault.told()), "{fault:?}: {}", told["rows"][number]);
    }
    // two rows share a key, and neither is to be believed
    let (shared, _) = faults.iter().find(|(_, fault)| *fault == Fault::SameKeyAsNext).unwrap();
    wrong.push(shared + 1);
    for (number, place) in stage.estate().places().iter().enumerate() {
        let there = exported.contains(&format!("\n{},", place.router));
        assert_eq!(there, !wrong.contains(&number), "{number}: {}", told["rows"][number]);
    }
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    assert_eq!(stage.estate().end_state(), at_first);
    assert!(stage.estate().mist_calls() < 20, "{}", stage.estate().mist_calls());
}

#[test]
fn however_mist_answers_every_key_is_that_of_its_router_or_it_is_said_why_not() {
    let stage = Stage::start(EstateSettings { virtual_routers: 24, sites: 4, ..Default::default() });
    spoilt::list(&stage, "spoilt.csv", &[(3, Fault::NoIdToken), (5, Fault::WrongMac)]);
    let mut arguments = export_of(&stage, "spoilt.csv").to_vec();
    arguments.extend(["--replace", "-o", "json"]);
    let (settings, before) = (testkit::pairwise(cloud::Readings::SWITCHES, 1), stage.estate().mark());
    for setting in &settings {
        setting.iter().for_each(|(name, value)| stage.estate().switch(name, value).unwrap());
        let _ = fs::remove_file(stage.home().join("keys.csv")); // there may be none

        let answer = stage.ask(&arguments);

        assert!([1, 3].contains(&answer.code), "{setting:?}: {}", answer.said);
        let keys = fs::read_to_string(stage.home().join("keys.csv")).unwrap_or_default();
        let told: Value = serde_json::from_str(&answer.out).unwrap_or_default();
        for (number, place) in stage.estate().places().iter().enumerate() {
            let row = keys.lines().find(|row| row.starts_with(&format!("{},", place.router)));
            match row {
                Some(row) => {
                    assert!(row.ends_with(place.endorsement_key.unwrap()), "{setting:?}: {row}");
                    assert!(![3, 5].contains(&number), "{setting:?}: {row}");
                }
                None => assert!(
                    told["rows"][number]["reason"].is_string() || told.is_null() && !answer.said.is_empty(),
                    "{setting:?}: {number}: {answer:?}"
                ),
            }
        }
        let usual =
            setting.contains(&("most-macs", "any")) && !setting.contains(&("id-token-field", "id_token"));
        if usual {
            assert_eq!(keys.lines().count(), 1 + 22, "{setting:?}: {}", answer.said);
        }
    }
    assert!(settings.len() >= 16);
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
}

#[test]
fn who_is_killed_in_the_middle_has_written_nothing_and_does_it_again() {
    let stage = Stage::start(EstateSettings::default());
    stage.estate().cloud().misbehave(Misbehaviour::Silence).on("/export_idtokens").times(1);
    let mut fogpilot = stage.begin(&export(&stage));
    let exports = || stage.estate().cloud().calls_to("/export_idtokens").len();
    assert!(e2e::wait_until(e2e::DEADLINE, || exports() == 1), "{:?}", fogpilot.lines());

    fogpilot.kill9();

    assert!(!stage.home().join("keys.csv").exists());
    assert_eq!(stage.ask(&export(&stage)).code, 0);
    assert_eq!(exports(), 2);
}

#[test]
fn the_command_line_is_behind_ssh_and_the_ports_are_where_they_are_documented() {
    let conductor = ConductorSettings { pair: true, ..Default::default() };
    let stage = Stage::start(EstateSettings { legacy: 1, conductor, ..Default::default() });
    let hosts = stage.estate().conductor().public_hosts().to_vec();

    let assets = stage.type_in("show assets");
    assert_eq!(assets.code, 0, "{assets:?}");
    assert!(assets.out.contains("legacy-0002-vm0") && assets.out.contains("running"), "{assets:?}");
    assert_eq!(stage.type_in("show nonsense").code, 1);

    let client = |host: &str| {
        let (to, ca) = (format!("{host}:933"), stage.told("/conductor/sco_ca"));
        let arguments = ["s_client", "-connect", &to, "-CAfile", ca, "-verify_return_error", "-tls1_2"];
        Command::new("openssl").args(arguments).stdin(Stdio::null()).output().unwrap()
    };
    let served = |host: &str| client(host).status.success();
    assert_eq!(hosts.len(), 2);
    assert!(hosts.iter().all(|host| served(host)), "OpenSSL verifies what port 933 serves by the authority");
    stage.estate().conductor().read_as(|readings| readings.onboarding = Onboarding::MutualTls);
    let mutual = client(&hosts[0]);
    let shown = String::from_utf8_lossy(&mutual.stdout).contains("BEGIN CERTIFICATE");
    assert!(shown && !mutual.status.success(), "who has no certificate sees that of the conductor, no more");
    stage.estate().conductor().read_as(|readings| readings.onboarding = Onboarding::Plain);
    assert!(!served(&hosts[0]));
    let reached = |port: u16| std::net::TcpStream::connect((hosts[1].as_str(), port)).is_ok();
    assert_eq!([930, 4505, 4506].map(reached), [true; 3], "legacy routers still come by 4505 and 4506");
}

#[test]
fn a_pair_is_onboarded_by_hand_with_ssh_and_curl_as_the_vendor_describes_it() {
    let settings = EstateSettings { virtual_routers: 0, pairs: 1, ..Default::default() };
    let stage = Stage::start(settings);
    let places = stage.estate().places().to_vec();
    let (router, site) = (&places[0].router, places[0].site);
    let type_in = |line: &str| {
        let answer = stage.type_in(line);
        assert_eq!(answer.code, 0, "{line}: {answer:?}");
        answer.out
    };
    let put = |path: &str, body: Value| {
        let url = format!("https://{}/api/v1/{path}", stage.told("/mist/host"));
        let token = fs::read_to_string(stage.told("/mist/token_file")).unwrap();
        let call = Curl::new(&url).ca(Path::new(stage.told("/mist/ca"))).method("PUT");
        let call = call.header("Authorization", &format!("Token {}", token.trim()));
        let answer = call.body(body.to_string()).run();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    };
    // a question is answered by `y` on standard input
    stage.estate().conductor().read_as(|readings| readings.asks = false);

    type_in(&format!("configure authority router {router} system secure-conductor-onboarding mode strong"));
    for place in &places {
        let (node, key) = (&place.node, place.endorsement_key.unwrap());
        let container = format!("router {router} node {node} secure-conductor-onboarding");
        type_in(&format!("configure authority {container} endorsement-key {key}"));
    }
    type_in("commit");
    let printed = type_in(&format!(
        "create secure-conductor-onboarding token expiration-timeout 2h router-name {router}"
    ));
    fs::write(stage.home().join("token"), &printed).unwrap();
    let mut inspect = vec!["token", "inspect", "--sco-ca", stage.told("/conductor/sco_ca")];
    inspect.extend(places.iter().flat_map(|place| ["--asset-id", place.asset_id.as_str()]));
    inspect.push("token");
    assert_eq!(stage.ask(&inspect).code, 0);
    let ssr = json!({
        "conductor_hosts": stage.estate().conductor().public_hosts(), "conductor_token": printed.trim(),
    });
    put(&format!("sites/{site}/setting"), json!({ "ssr": ssr }));
    let macs: Vec<_> = places.iter().map(|place| place.mac).collect();
    let assign = json!({ "op": "assign", "macs": macs, "site_id": site, "mist_configured": false });
    put(&format!("orgs/{}/inventory", stage.estate().org()), assign);

    for place in &places {
        let show = format!("show secure-conductor-onboarding {}", place.asset_id);
        let completed = || type_in(&show).lines().any(|line| line == "Auth State:  completed");
        assert!(e2e::wait_until(e2e::DEADLINE, completed), "{:?}", stage.estate().attempts());
    }
    assert_eq!(stage.estate().bound(), places.iter().map(|place| place.asset_id.clone()).collect::<Vec<_>>());
    assert_eq!(stage.estate().broken_rules(), [] as [String; 0]);
    assert_eq!((stage.estate().assignments(), stage.estate().commits()), (macs, 1));
    assert_eq!((stage.estate().mist_calls(), stage.estate().writes().len()), (2, 2 + 3 + 1));
}

#[test]
fn the_estate_as_a_program_is_there_as_long_as_its_input() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    let pcli = e2e::testkit_program("fogbell-testkit-pcli");
    let mut estate = Command::new(e2e::testkit_program("fogbell-testkit-estate"))
        .args(["--folder", folder, "--routers", "2", "--ports", "--conductor-pair", "--pcli"])
        .arg(pcli)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(estate.stdout.take().unwrap()).lines();
    let mut input = estate.stdin.take().unwrap();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let told = next();
    let ssh = |line: &str| -> Answer {
        let config = told["ssh"]["config"].as_str().unwrap();
        let arguments = ["-F", config, told["ssh"]["host"].as_str().unwrap(), line];
        Command::new("ssh").args(arguments).stdin(Stdio::null()).output().unwrap().into()
    };
    let host = told["conductor"]["hosts"][1].as_str().unwrap();
    let reached = || std::net::TcpStream::connect((host, 933)).is_ok();

    assert!(ssh("show assets").out.contains("store-0001-vm0"));
    assert!(reached());
    input
        .write_all(b"conductor disturb refused:Not_today 1 show assets\nconductor port 1 933 closed\n")
        .unwrap();
    assert_eq!([next(), next()], [&(); 2].map(|()| json!({ "ok": null })));
    let refused = ssh("show assets");
    assert!(refused.code == 1 && refused.out.contains("Not today"), "{refused:?}");
    assert!(!reached());

    drop(input);
    assert!(estate.wait().unwrap().success());
    assert_eq!(ssh("show assets").code, 255, "the SSH server ended too");
}

#[test]
fn a_secret_that_leaks_is_found() {
    let stage = Stage::start(EstateSettings::default());
    let token = stage.estate().cloud().token(stage.estate().org());
    let folder = stage.home().join("state");
    fs::create_dir_all(folder.join("runs")).unwrap();
    assert_eq!(stage.files_with_secrets(&folder), []);

    fs::write(folder.join("runs/record.jsonl"), format!("{{\"token\":\"{token}\"}}\n")).unwrap();

    assert_eq!(stage.files_with_secrets(&folder), [(folder.join("runs/record.jsonl"), "API token")]);
}
