//! The vendor's own examples, and what is like them but not quite.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fogbell_mist::webhooks::DeliveryStatus;
use fogbell_mist::{
    Answer, Problem, Scope, account, alarms, definitions, events, inventory, sites, ssr, stats, webhooks,
};
use http::StatusCode;
use ids::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

mod operations;
use operations::{Operation, org, site};

fn sample(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.json")))
        .unwrap()
}

fn samples() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")).unwrap();
    let names = files.filter_map(|file| {
        file.unwrap().file_name().to_str().unwrap().strip_suffix(".json").map(str::to_owned)
    });
    names.map(|name| (name.clone(), sample(&name))).collect()
}

fn same_json(body: &[u8], sample_name: &str) {
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(value(body), value(&sample(sample_name)));
}

#[test]
fn every_sample_is_read_and_none_shows_a_secret() {
    let operations = operations::all();
    let mut read = 0;
    for (name, body) in samples() {
        let (operation, kind) = name.split_once("--").unwrap();
        let readers: Vec<&Operation> = operations.iter().filter(|known| known.name == operation).collect();
        if kind.starts_with("request") || kind.starts_with("built-request") {
            assert!(!readers.is_empty(), "{name}");
        } else if kind.starts_with("response200") || kind.starts_with("built-response200") {
            assert!(!readers.is_empty(), "{name}");
            for reader in readers {
                let shown = (reader.read)(StatusCode::OK, &body)
                    .unwrap_or_else(|problem| panic!("{name}: {problem}"));
                assert!(!shown.contains("FAKE-"), "{name}: {shown}");
                read += 1;
            }
        }
    }
    assert!(read >= 30, "{read}");
}

#[test]
fn the_account_has_its_privileges() {
    let account = account::whoami().read(StatusCode::OK, &sample("getSelf--response200")).unwrap();

    let [privilege] = account.privileges.as_slice() else { panic!("{account:?}") };
    assert_eq!(privilege.role, Some(account::Role::Admin));
    assert_eq!(privilege.scope, Some(account::PrivilegeScope::Org));
    assert_eq!(privilege.extra["orggroup_ids"][0], "b069b358-4c97-5319-1f8c-7c5ca64d6ab1");
    assert_eq!(account.email.as_deref(), Some("user@example.com"));
}

#[test]
fn usage_without_a_reset_is_usage() {
    let usage = account::usage().read(StatusCode::OK, &sample("getSelfApiUsage--response200")).unwrap();

    assert_eq!((usage.requests, usage.limit, usage.reset()), (Some(5), Some(5_000), None));
    assert!(!usage.is_spent());
    for (seconds, reset) in [("1.5", 1.5), ("-3", f64::NAN), ("1e9", 3_600.0), ("0", 1.0), ("\"90\"", 90.0)] {
        let body = format!(r#"{{"requests":5000,"seconds":{seconds}}}"#);
        let usage = account::usage().read(StatusCode::OK, body.as_bytes()).unwrap();
        assert_eq!(
            usage.reset().map(|reset| reset.as_secs_f64()),
            Some(reset).filter(|reset| !reset.is_nan())
        );
        assert!(usage.is_spent());
    }
}

#[test]
fn devices_and_sites_have_their_names() {
    let filter = inventory::InventoryFilter::default();
    let devices = inventory::list(org(), &filter)
        .read(StatusCode::OK, &sample("getOrgInventory--response200"))
        .unwrap();
    let [device] = devices.as_slice() else { panic!("{devices:?}") };
    assert_eq!(device.mac.unwrap().to_string(), "5c5b35000018");
    assert_eq!(device.kind, Some(inventory::DeviceType::Ap));
    assert_eq!(device.name.as_deref(), Some("hallway"));
    assert_eq!(device.site_id, Some(site()));
    assert_eq!(device.last_disconnected.map(Timestamp::micros), Some(1_542_828_000_000_000));
    assert_eq!(device.connected, Some(true));

    let sites = sites::list(org()).read(StatusCode::OK, &sample("listOrgSites--response200")).unwrap();
    assert_eq!(sites[0].name.as_deref(), Some("Mist Office"));
    assert_eq!(sites[0].timezone.as_deref(), Some("America/Los_Angeles"));
    assert_eq!(sites[0].extra["latlng"]["lat"], json!(37.295_833));

    let routers = stats::devices(org(), &stats::StatsFilter::default())
        .read(StatusCode::OK, &sample("listOrgDevicesStats--response200-Gateway-Stats"))
        .unwrap();
    assert_eq!(routers[0].kind, Some(inventory::DeviceType::Gateway));
    assert_eq!(routers[0].last_seen.map(Timestamp::micros), Some(1_720_598_726_000_000));
    assert_eq!((routers[0].status.as_deref(), routers[0].is_ha), (Some("connected"), Some(true)));
}

#[test]
fn a_claim_code_can_be_had_and_not_seen() {
    let body = br#"[{"mac":"5c:5b:35:00:00:18","magic":"FAKE-CLAIM-CODE"}]"#;
    let filter = inventory::InventoryFilter::default();
    let devices = inventory::list(org(), &filter).read(StatusCode::OK, body).unwrap();

    assert_eq!(devices[0].claim_code.as_ref().unwrap().expose(), "FAKE-CLAIM-CODE");
    assert_eq!(devices[0].mac.unwrap().to_string(), "5c5b35000018");
    assert!(!format!("{devices:?}").contains("FAKE"));
}

#[test]
fn definitions_have_what_a_catalogue_needs() {
    let alarms =
        definitions::alarms().read(StatusCode::OK, &sample("listAlarmDefinitions--response200")).unwrap();
    let [alarm] = alarms.as_slice() else { panic!("{alarms:?}") };
    assert_eq!(
        [&alarm.key, &alarm.display, &alarm.group, &alarm.severity].map(|text| text.as_deref().unwrap()),
        ["device_down", "Device offline", "infrastructure", "warn"]
    );
    assert_eq!(alarm.fields, ["aps", "hostnames"]);

    let topics = definitions::webhook_topics()
        .read(StatusCode::OK, &sample("listWebhookTopics--response200"))
        .unwrap();
    let topic = |key: &str| topics.iter().find(|topic| topic.key.as_deref() == Some(key)).unwrap();
    assert!(topic("alarms").for_org && topic("alarms").has_delivery_results);
    assert!(topic("device-events").allows_single_event && !topic("device-events").has_delivery_results);
    assert!(!topic("asset-raw-rssi").for_org);

    let nac = definitions::nac_events()
        .read(StatusCode::OK, &sample("listNacEventsDefinitions--response200"))
        .unwrap();
    assert_eq!((&nac[0].key, &nac[0].extra["nas_vendor"]), (&None, &json!("Mist")));
}

#[test]
fn alarms_and_events_are_kept_whole() {
    let body = sample("searchOrgAlarms--response200");
    let alarms = alarms::search(Scope::Org(org()), &alarms::AlarmFilter::default());
    let alarms = alarms.read(StatusCode::OK, &body).unwrap();
    let whole: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(Value::from(alarms[0].raw.clone().into_map()), whole["results"][0]);
    assert_eq!(alarms[0].kind.as_deref(), Some("rogue_client"));
    assert_eq!((alarms[0].count, alarms[0].acked), (Some(2), Some(true)));

    let listing = events::devices(org(), &events::EventFilter::default());
    let events = listing.read(StatusCode::OK, &sample("searchOrgDeviceEvents--response200")).unwrap();
    assert_eq!(events[0].mac.unwrap().to_string(), "5c5b351e13b5", "of an access point under `ap`");
    assert_eq!(events[1].mac.unwrap().to_string(), "d007ca6c6ac0");
    assert_eq!(events[0].timestamp.map(Timestamp::micros), Some(1_547_235_620_890_000));
    assert_eq!(events[1].kind.as_deref(), Some("NOTICE"));

    let audits = events::audits(org(), &events::AuditFilter::default());
    let audits = audits.read(StatusCode::OK, &sample("listOrgAuditLogs--response200")).unwrap();
    assert_eq!(audits[0].message.as_deref(), Some("TEST AUDIT"));

    let templates =
        alarms::templates(org()).read(StatusCode::OK, &sample("listOrgAlarmTemplates--response200")).unwrap();
    assert_eq!(templates[0].rules, [("ap_offline".to_owned(), true), ("bad_cable".to_owned(), true)].into());
}

#[test]
fn a_webhook_is_written_as_it_is_read() {
    let request = webhooks::create(Scope::Org(org()), &operations::draft());
    same_json(request.to_http(&operations::host()).body(), "createOrgWebhook--built-request");

    let webhook = request.read(StatusCode::OK, &sample("createOrgWebhook--built-response200")).unwrap();
    assert_eq!(webhook.secret.as_ref().unwrap().expose(), "FAKE-WEBHOOK-SECRET");
    assert_eq!(webhook.headers["X-Example"].expose(), "fogbell");
    assert_eq!(webhook.topics.len(), 5);
    assert_eq!(webhook.modified.map(Timestamp::micros), Some(1_695_169_967_621_590));
    assert!(!format!("{webhook:?} {:?}", operations::draft()).contains("FAKE"));

    let filter = webhooks::DeliveryFilter::default();
    let deliveries = webhooks::deliveries(Scope::Org(org()), &operations::id(), &filter);
    let deliveries =
        deliveries.read(StatusCode::OK, &sample("searchOrgWebhooksDeliveries--response200")).unwrap();
    assert_eq!(deliveries[0].status, Some(DeliveryStatus::Success));
    assert!(deliveries[0].extra["req_payload"].as_str().unwrap().contains("Update Site Settings"));
}

#[test]
fn an_empty_draft_says_nothing() {
    let request = webhooks::update(Scope::Org(org()), &operations::id(), &webhooks::WebhookDraft::default());

    assert_eq!(request.to_http(&operations::host()).body(), "{}");
}

#[test]
fn a_partial_refusal_is_an_outcome() {
    let request = inventory::assign(org(), &operations::assignment());
    let read = |name: &str| request.read(StatusCode::OK, &sample(name)).unwrap();

    let assigned = read("updateOrgInventoryAssignment--response200-Assign");
    assert_eq!(
        (assigned.done.as_slice(), assigned.refused.len()),
        (["5c5b350e0001".to_owned()].as_slice(), 0)
    );
    let refused = read("updateOrgInventoryAssignment--response200-Error").refused;
    assert_eq!(refused[0].reason.as_deref(), Some("already managed"));
    let refused = read("updateOrgInventoryAssignment--response200-Delete").refused;
    assert_eq!((refused[0].device.as_str(), &refused[0].reason), ("FXLH2015150026", &None));

    let body: Value = serde_json::from_slice(request.to_http(&operations::host()).body()).unwrap();
    let documented: Value =
        serde_json::from_slice(&sample("updateOrgInventoryAssignment--request-assign")).unwrap();
    assert_eq!(body["op"], documented["op"]);
    assert!(request.is_idempotent());
    let strict = inventory::Assignment { no_reassign: true, ..operations::assignment() };
    assert!(!inventory::assign(org(), &strict).is_idempotent());
}

#[test]
fn the_conductor_is_read_and_written() {
    let body = sample("updateOrgSettings--request-ssr");
    let setting = ssr::setting(Scope::Org(org())).read(StatusCode::OK, &body).unwrap();
    let ssr = setting.ssr.unwrap();
    assert_eq!(ssr.conductor_hosts, ["192.0.2.10", "192.0.2.11"]);
    assert!(!format!("{ssr:?}").contains("TOKEN"));
    let written = ssr::write_setting(Scope::Site(site()), &ssr);
    same_json(written.to_http(&operations::host()).body(), "updateOrgSettings--request-ssr");

    let with_more =
        br#"{"ssr":{"conductor_hosts":["a"],"proxy":{"disabled":false,"url":"http://p"}},"other":1}"#;
    let ssr = ssr::setting(Scope::Org(org())).read(StatusCode::OK, with_more).unwrap().ssr.unwrap();
    let body: Value = serde_json::from_slice(
        ssr::write_setting(Scope::Org(org()), &ssr).to_http(&operations::host()).body(),
    )
    .unwrap();
    assert_eq!(
        body,
        json!({"ssr": {"conductor_hosts": ["a"], "proxy": {"disabled": false, "url": "http://p"}}}),
        "what is not known is written back, and nothing beside `ssr`"
    );
}

#[test]
fn id_tokens_that_did_not_come_are_missed() {
    let [one, two] = ["683b679ac024", "025b35000020"].map(|mac| mac.parse().unwrap());
    let request = ssr::export_id_tokens(org(), &[one, one]);
    same_json(request.to_http(&operations::host()).body(), "exportOrgSsrIdTokens--request");

    let tokens = request.read(StatusCode::OK, &sample("exportOrgSsrIdTokens--response200")).unwrap();
    assert_eq!(tokens.missing(&[one, two]), [one]);
    let older = request
        .read(StatusCode::OK, br#"{"results":[{"mac":"68-3b-67-9a-c0-24","idtoken":"FAKE"}]}"#)
        .unwrap();
    assert_eq!(older.missing(&[one, two]), [two]);
    assert_eq!(older.tokens[0].token.as_ref().unwrap().expose(), "FAKE");
    assert!(!format!("{older:?}").contains("FAKE"));
}

#[test]
fn every_operation_asks_for_its_own_path() {
    let mut names = BTreeSet::new();
    for operation in operations::all() {
        let path = operation.http.uri().path();
        assert!(path.starts_with("/api/v1/") && !path.contains(['{', '}']), "{path}");
        let (method, template) = operation.endpoint.split_once(' ').unwrap();
        assert_eq!(operation.http.method(), method);
        let same = |(part, of): (&str, &str)| part == of || of.starts_with('{');
        assert_eq!(path.split('/').count(), template.split('/').count());
        assert!(path.split('/').zip(template.split('/')).all(same), "{path} is no {template}");
        names.insert(operation.name);
    }
    assert_eq!(names.len(), 41);
}

#[test]
fn the_queries_are_what_the_document_names() {
    let query = |http: http::Request<bytes::Bytes>| http.uri().query().unwrap().to_owned();
    let host = operations::host();

    assert_eq!(
        query(inventory::list(org(), &inventory::InventoryFilter::default()).to_http(&host)),
        "type=ap,switch,gateway&vc=true&limit=1000&page=1"
    );
    assert_eq!(
        query(inventory::list(org(), &operations::devices()).limit(0).to_http(&host)),
        "type=ap,switch,gateway&mac=683b679ac024,5c5b350e0001&site_id=4ac1dcf4-9d8b-7211-65c4-057819f0862b&vc=true&\
         unassigned=true&modified_after=1703003296&limit=1&page=1"
    );
    assert_eq!(
        query(alarms::search(Scope::Org(org()), &operations::alarming()).to_http(&host)),
        "group=infrastructure&severity=critical&type=device_down,rogue_client&acked=false&sort=timestamp&\
         start=1700000000&end=1700003601&limit=1000"
    );
    assert_eq!(
        query(
            webhooks::deliveries(Scope::Site(site()), &operations::id(), &operations::delivered())
                .to_http(&host)
        ),
        "status=failure&topic=alarms&sort=-timestamp&duration=120m&limit=1000"
    );
}

#[test]
fn half_an_answer_is_no_answer_and_shows_nothing() {
    for (name, body) in samples() {
        let half = &body[..body.len() / 2];
        for operation in operations::all() {
            match (operation.read)(StatusCode::OK, half) {
                Ok(shown) => assert_eq!(shown, "()", "{name}"),
                Err(Problem::NotJson { snippet, .. }) => {
                    assert!(snippet.starts_with("broken at line"), "{snippet}")
                }
                Err(other) => panic!("{name}: {other}"),
            }
        }
    }
}

#[test]
fn a_field_of_another_type_costs_that_field_alone() {
    for (name, body) in samples() {
        let Ok(value) = serde_json::from_slice::<Value>(&body) else { panic!("{name}") };
        for odd in [
            json!(null),
            json!(true),
            json!(-1.5),
            json!("FAKE-odd"),
            json!(["FAKE-odd", 1]),
            json!({"a": "FAKE-odd"}),
        ] {
            let odd_everywhere = exchanged(&value, &odd, 2);
            for operation in operations::all() {
                let body = odd_everywhere.to_string();
                if let Err(problem) = (operation.read)(StatusCode::OK, body.as_bytes()) {
                    assert!(
                        matches!(problem, Problem::Decode { .. }),
                        "{name}, {}: {problem}",
                        operation.name
                    );
                    assert!(!problem.to_string().contains("FAKE"), "{problem}");
                }
            }
        }
    }
}

/// `value` with `odd` in the place of every field of the objects in the first levels.
fn exchanged(value: &Value, odd: &Value, levels: u32) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| exchanged(item, odd, levels)).collect(),
        Value::Object(map) if levels > 0 && map.contains_key("results") => {
            let fields = map.iter().map(|(key, value)| {
                let value = if key == "results" { exchanged(value, odd, levels - 1) } else { odd.clone() };
                (key.clone(), value)
            });
            Value::Object(fields.collect())
        }
        Value::Object(map) => {
            Value::Object(map.keys().map(|key| (key.clone(), odd.clone())).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[test]
fn a_webhook_of_odd_types_is_still_a_webhook() {
    let value =
        json!({"id": 7, "url": null, "enabled": "yes", "topics": "alarms", "headers": {"a": 1}, "new": [1]});
    let webhook = webhooks::Webhook::from_json(value.clone()).unwrap();

    assert_eq!((webhook.id, webhook.url, webhook.enabled, webhook.topics.len()), (None, None, None, 0));
    let mut kept = value.as_object().unwrap().clone();
    kept.remove("url");
    assert_eq!(*webhook.extra, kept, "what could not be read is there as it came");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("results".to_owned()),
        Just("next".to_owned()),
        Just("mac".to_owned()),
        Just("timestamp".to_owned()),
        Just("ssr".to_owned()),
        Just("privileges".to_owned()),
        Just("rules".to_owned()),
        "[a-z_]{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("5c5b35000018")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(names.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_an_answer_or_a_problem(bytes: Vec<u8>, status in 100_u16..=599) {
        let status = StatusCode::from_u16(status).unwrap();
        for operation in operations::all() {
            if let Err(problem) = (operation.read)(status, &bytes) {
                prop_assert!(problem.to_string().chars().count() < 700, "{}", problem);
                prop_assert!(!problem.to_string().contains('\n'));
            }
        }
    }

    #[test]
    fn any_json_is_an_answer_or_a_problem(value in any_json()) {
        let body = value.to_string();
        for operation in operations::all() {
            for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
                if let Err(problem) = (operation.read)(status, body.as_bytes()) {
                    let fits = match &problem {
                        Problem::Decode { .. } => status.is_success(),
                        Problem::Api { .. } => !status.is_success(),
                        _ => false,
                    };
                    prop_assert!(fits, "{}", problem);
                }
            }
        }
    }
}
