//! A person between the conductor and `fogpilot`.

use super::*;

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
