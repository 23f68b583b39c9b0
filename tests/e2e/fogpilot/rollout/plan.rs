//! Checks and plans, which write nothing.

use super::*;

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
    // nobody has a mode yet
    let conductor = ConductorSettings::default();
    let settings =
        EstateSettings { virtual_routers: 4, pairs: 1, sites: 2, conductor, ..EstateSettings::default() };
    let stage = ready(settings);
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
