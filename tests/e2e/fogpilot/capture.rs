//! `fogpilot capture`: what settles the unknowns, and nothing of what is told.

use testkit::estate::EstateSettings;

use super::rollout::{QUICKLY, ask_with, json, ready};

#[test]
fn a_capture_says_of_what_kind_everything_is_and_nobody_is_named() {
    let stage =
        ready(EstateSettings { virtual_routers: 2, hardware: 1, sites: 2, ..EstateSettings::default() });
    let plan = ["plan", "-f", stage.told("/list"), "-o", "wave.plan"];
    assert_eq!(ask_with(&stage, &plan).code, 0);
    let applied = ask_with(&stage, &[&["apply", "wave.plan"][..], &QUICKLY].concat());
    assert_eq!(applied.code, 0, "{}", applied.said);
    let before = stage.estate().mark();
    let mac = stage.estate().places()[0].mac.to_string();

    let answer = ask_with(&stage, &["capture", "--router", &mac, "--router", "02005effffff"]);

    assert_eq!(answer.code, 0, "{}", answer.said);
    assert_eq!(stage.estate().writes_since(before), [] as [String; 0]);
    let captured = json(&answer);
    let tokens = &captured["id_tokens"];
    assert_eq!(tokens["asked"], 2, "{tokens}");
    let kinds = tokens["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), 1, "{tokens}");
    assert!(
        kinds.keys().all(|kind| kind.ends_with("the base64 of a public key in DER of 2048 bits")),
        "{tokens}"
    );
    let mist = captured["mist"].as_array().unwrap();
    let of = |call: &str| {
        mist.iter().find(|one| one["call"] == call).unwrap_or_else(|| panic!("{call}: {mist:#?}"))
    };
    let setting = &of("/api/v1/sites/{site_id}/setting")["shape"]["fields"];
    assert_eq!(setting["conductor_token"]["seen"], 1, "{setting}");
    assert_eq!(of("/api/v1/orgs/{org_id}/inventory")["shape"]["kinds"]["list"], 1);
    // the estate has others beside the three
    let states = &captured["conductor"]["assets"]["states"];
    assert!(states["RUNNING"].as_u64() >= Some(3), "{states}");
    let said = captured["command_line"].to_string();
    assert!(said.contains("Auth State") && said.contains("completed"), "{said}");
    for place in stage.estate().places() {
        for name in [&place.router, &place.asset_id, &place.serial, &place.site_name, &place.site.to_string()]
        {
            assert!(!answer.out.contains(name.as_str()), "{name}: {}", answer.out);
        }
        let key = place.endorsement_key.unwrap_or("no key of hardware");
        assert!(!answer.out.contains(&place.mac.to_string()) && !answer.out.contains(key), "{}", answer.out);
    }
    let cloud = stage.estate().cloud();
    assert!(!answer.out.contains(&cloud.token(stage.estate().org())), "{}", answer.out);
    assert!(!answer.out.contains("eyJ"), "{}", answer.out);
}
