use std::fmt::Debug;
use std::str::FromStr;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ek::EndorsementKey;
use crate::{AssetId, Mode, NodeName, RouterName};

fn running() -> Value {
    json!({"authority": {
        "name": "Authority128",
        "router": [
            {
                "name": "store-1",
                "inter-node-security": "internal",
                "system": {"secure-conductor-onboarding": {"mode": "strong", "pre-shared-secret": "FAKE-SECRET"}},
                "node": [{"name": "node0", "asset-id": "A1", "role": "combo",
                          "secure-conductor-onboarding": {"endorsement-key": "not a key"}}],
            },
            {"name": "store-2", "node": [{"name": "node0", "asset-id": "A2"}, {"name": "node1"}]},
            {"name": "no router", "node": []},
        ],
        "tenant": [{"name": "t1", "description": "x"}],
        "dns": ["192.0.2.53", "192.0.2.54"],
    }})
}

fn read(value: &Value) -> Configuration {
    Configuration::from_json(value)
}

fn name<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn path(text: &str) -> ConfigPath {
    ConfigPath::new(&text.split(' ').collect::<Vec<_>>())
}

fn mode(router: &str, mode: Mode) -> Change {
    Change::Mode { router: name(router), mode }
}

#[test]
fn the_pre_shared_secret_is_never_read() {
    let configuration = read(&running());

    assert!(configuration.paths().all(|path| !path.to_string().contains("pre-shared-secret")));
    assert!(!format!("{configuration:?}").contains("FAKE-SECRET"));
    // nor does its change count as one
    let mut other = running();
    other["authority"]["router"][0]["system"]["secure-conductor-onboarding"]["pre-shared-secret"] =
        json!("FAKE-2");
    assert_eq!(read(&other), configuration);
    assert_eq!(paths_changed(&configuration, &read(&other)).len(), 0);
}

#[test]
fn routers_are_read_with_what_onboarding_needs() {
    let routers = Routers::of(&read(&running()));

    assert_eq!(routers.iter().count(), 2);
    let first = routers.router(&name("store-1")).unwrap();
    assert_eq!((first.mode, first.is_secure()), (Some(Mode::Strong), true));
    assert!(matches!(first.nodes[&name::<NodeName>("node0")].identity, Identity::Other(_)));
    let second = routers.router(&name("store-2")).unwrap();
    assert_eq!((second.mode, second.is_secure(), second.nodes.len()), (None, false, 2));
    let holder = routers.holder(&name("A2")).unwrap();
    assert_eq!((holder.0.as_str(), holder.1.as_str()), ("store-2", "node0"));
    assert!(!routers.none_is_onboarded_securely());
}

#[test]
fn a_mode_that_is_not_known_counts_as_one() {
    let value =
        json!({"router": [{"name": "r", "system": {"secure-conductor-onboarding": {"mode": "psk-only"}}}]});

    let routers = Routers::of(&read(&value));

    let router = routers.router(&name("r")).unwrap();
    assert!(router.is_secure() && router.unknown_mode && router.mode.is_none());
}

#[test]
fn a_change_knows_its_paths() {
    let key = EndorsementKey::from_spki(&crate::plan::tests::spki()).unwrap();
    let (router, node): (RouterName, NodeName) = (name("store-9"), name("node0"));
    let changes = [
        Change::CreateRouter { router: router.clone() },
        Change::CreateNode { router: router.clone(), node: node.clone() },
        Change::AssetId { router: router.clone(), node: node.clone(), asset_id: name::<AssetId>("A9") },
        Change::EndorsementKey { router: router.clone(), node, key: key.clone() },
        Change::Mode { router, mode: Mode::Strong },
    ];

    let paths: Vec<String> =
        changes.iter().flat_map(Change::settings).map(|(path, value)| format!("{path} = {value}")).collect();

    assert_eq!(
        paths,
        [
            "authority router store-9 name = store-9".to_owned(),
            "authority router store-9 inter-node-security = internal".to_owned(),
            "authority router store-9 node node0 name = node0".to_owned(),
            "authority router store-9 node node0 role = combo".to_owned(),
            "authority router store-9 node node0 asset-id = A9".to_owned(),
            format!(
                "authority router store-9 node node0 secure-conductor-onboarding endorsement-key = {}",
                key.to_base64()
            ),
            "authority router store-9 system secure-conductor-onboarding mode = strong".to_owned(),
        ]
    );
}

/// What a candidate with these values beside the running configuration is, when `mode` of two routers was recorded.
fn difference(values: &[(&str, Value)]) -> Difference {
    let running = read(&running());
    let mut candidate = running.clone();
    for (at, value) in values {
        candidate.0.insert(path(at), value.clone());
    }
    let recorded = Changes::of(&[mode("store-2", Mode::Strong), mode("store-3", Mode::Strong)]);
    Difference::of(&running, &candidate, &recorded)
}

const MODE_2: &str = "authority router store-2 system secure-conductor-onboarding mode";
const MODE_3: &str = "authority router store-3 system secure-conductor-onboarding mode";

#[test]
fn a_candidate_is_ours_only_when_every_path_is() {
    let strong = || json!("strong");
    assert_eq!(difference(&[]), Difference::Clean);
    assert_eq!(difference(&[(MODE_2, strong()), (MODE_3, strong())]), Difference::Ours);
    let missing = [path(MODE_3)].into_iter().collect();
    assert_eq!(difference(&[(MODE_2, strong())]), Difference::Subset { missing });
    let foreign =
        |paths: &[&str]| Difference::Foreign { paths: paths.iter().map(|text| path(text)).collect() };
    let tenant = "authority tenant t1 description";
    for (values, paths) in [
        (vec![(MODE_2, strong()), (MODE_3, strong()), (tenant, json!("y"))], vec![tenant]),
        (vec![(tenant, json!("y"))], vec![tenant]),
        // our path with another value is somebody else's
        (vec![(MODE_2, json!("weak")), (MODE_3, strong())], vec![MODE_2]),
        (vec![(MODE_2, json!(["strong"]))], vec![MODE_2]),
    ] {
        let found = difference(&values);
        assert_eq!(found, foreign(&paths));
        assert!(!found.may_revert() && !found.may_commit());
    }
}

#[test]
fn what_somebody_deleted_is_foreign() {
    let running = read(&running());
    let mut candidate = running.clone();
    candidate.0.remove(&path("authority router store-1 node node0 asset-id"));
    let recorded = Changes::of(&[Change::AssetId {
        router: name("store-1"),
        node: name("node0"),
        asset_id: name::<AssetId>("A1"),
    }]);

    assert!(matches!(Difference::of(&running, &candidate, &recorded), Difference::Foreign { .. }));
}

#[test]
fn only_all_of_ours_is_committed_and_only_ours_is_reverted() {
    for (difference, commit, revert) in [
        (Difference::Clean, false, false),
        (Difference::Ours, true, true),
        (Difference::Subset { missing: Paths::default() }, false, true),
        (Difference::Foreign { paths: Paths::default() }, false, false),
    ] {
        assert_eq!((difference.may_commit(), difference.may_revert()), (commit, revert));
    }
}

proptest! {
    #[test]
    fn one_foreign_path_is_enough(ours in 0_usize..3, tag in "[a-z]{1,8}", foreign: bool) {
        let mut values: Vec<(&str, Value)> =
            [(MODE_2, json!("strong")), (MODE_3, json!("strong"))].into_iter().take(ours).collect();
        let at = format!("authority tenant {tag} name");
        if foreign {
            values.push((&at, json!(tag)));
        }

        let difference = difference(&values);

        prop_assert_eq!(matches!(difference, Difference::Foreign { .. }), foreign);
        prop_assert_eq!(difference.may_commit(), !foreign && ours == 2);
    }
}
