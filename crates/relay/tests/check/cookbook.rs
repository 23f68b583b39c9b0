//! Every recipe of `docs/routes.md` is a good configuration and does what its heading says.

use alarm::{AlarmKey, Alert, AlertId, Severity, State};
use ids::Timestamp;

use crate::whole;

/// The blocks of the page, each with the heading it stands under.
fn recipes() -> Vec<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut recipes = Vec::new();
    let mut heading = String::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match (&mut block, line) {
            (None, "```toml") => block = Some(String::new()),
            (Some(text), "```") => {
                recipes.push((heading.clone(), std::mem::take(text)));
                block = None;
            }
            (Some(text), line) => *text += &format!("{line}\n"),
            (None, line) if line.starts_with("## ") => heading = line[3..].to_owned(),
            (None, _) => {}
        }
    }
    recipes
}

/// A recipe with an organisation, and with the sinks of the page when it has none of its own.
fn configuration(recipe: &str) -> String {
    let mut text =
        "[[org]]\nname = \"acme\"\ncloud = \"global-01\"\nsecrets = [{ file = \"webhook\" }]\n".to_owned();
    if !recipe.contains("[[snmp]]") && !recipe.contains("[[syslog]]") {
        for name in ["noc", "siem", "helpdesk", "campus", "wireless", "lan", "clients", "admins"] {
            text += &format!("[[syslog]]\nname = \"{name}\"\naddress = \"h:1\"\ntransport = \"udp\"\n");
        }
    }
    text + recipe
}

#[test]
fn every_recipe_is_a_good_configuration() {
    let recipes = recipes();
    assert!(recipes.len() > 15, "{}", recipes.len());
    for (heading, recipe) in recipes {
        let setup = whole(configuration(&recipe)).unwrap_or_else(|error| panic!("{heading}: {error}"));
        let warnings = setup.warnings().iter().filter(|warning| !warning.contains("no route leads to"));
        assert_eq!(warnings.count(), 0, "{heading}: {:?}", setup.warnings());
    }
}

/// An alert of a topic, changed by `change`.
fn alert(topic: &str, change: impl FnOnce(&mut Alert)) -> Alert {
    let mut alert =
        Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), topic, "switch_down", Timestamp::default());
    alert.org = "acme".into();
    alert.site = "HQ".into();
    alert.device = "core-1".into();
    alert.device_type = "switch".into();
    alert.severity = Severity::Warning;
    change(&mut alert);
    alert
}

#[test]
fn every_recipe_does_what_it_says() {
    let recipes = recipes();
    let check = |heading: &str, nth: usize, alert: Alert, expect: &[&str]| {
        let (_, recipe) = recipes.iter().filter(|(of, _)| of.contains(heading)).nth(nth).expect(heading);
        let judged = whole(configuration(recipe)).unwrap().judge(&alert);
        assert_eq!(judged.sinks, expect, "{heading}: {judged:#?}");
    };
    let plain = |_: &mut Alert| ();

    check("what is critical", 0, alert("alarms", plain), &["siem"]);
    check(
        "what is critical",
        0,
        alert("alarms", |alert| alert.severity = Severity::Critical),
        &["noc", "siem"],
    );

    check("own team", 0, alert("alarms", |alert| alert.site = "Campus South".into()), &["campus"]);
    check("own team", 0, alert("alarms", plain), &["noc"]);
    check("own team", 1, alert("alarms", |alert| alert.site = "Campus West".into()), &["noc", "campus"]);

    check("Noisy", 0, alert("device-events", |alert| alert.kind = "AP_RRM_ACTION".into()), &[]);
    check("Noisy", 0, alert("device-events", |alert| alert.kind = "AP_RADAR_DETECTED".into()), &[]);
    check("Noisy", 0, alert("alarms", plain), &["noc", "siem"]);

    check("Audits", 0, alert("audits", plain), &["siem"]);
    check("Audits", 0, alert("alarms", plain), &["noc", "siem"]);

    check("are up", 0, alert("device-updowns", plain), &["noc", "siem", "helpdesk"]);
    check("are up", 0, alert("alarms", plain), &["noc", "siem"]);

    check("Clients", 0, alert("nac-events", plain), &["clients"]);
    check("Clients", 0, alert("nac-events", |alert| alert.site = "Lab 2".into()), &[]);
    check("Clients", 0, alert("location", plain), &[]);

    check("customer", 0, alert("alarms", plain), &["campus"]);
    check("customer", 0, alert("alarms", |alert| alert.org = "other".into()), &["noc"]);

    check("Access points", 0, alert("alarms", |alert| alert.device_type = "AP".into()), &["wireless"]);
    check("Access points", 0, alert("alarms", plain), &["lan"]);
    check("Access points", 0, alert("alarms", |alert| alert.device_type.clear()), &["noc"]);

    check("but the lab", 0, alert("alarms", |alert| alert.site = "Staging".into()), &[]);
    check("but the lab", 0, alert("alarms", |alert| alert.site = "Test-3".into()), &[]);
    check("but the lab", 0, alert("alarms", plain), &["noc", "siem"]);

    let with_mac = |mac: &str| {
        let mac = mac.parse().unwrap();
        move |alert: &mut Alert| alert.mac = Some(mac)
    };
    check("one vendor", 0, alert("alarms", with_mac("5c5b35000001")), &["lan"]);
    check("one vendor", 0, alert("alarms", with_mac("5c5b36000001")), &[]);

    check("of itself", 0, alert("relay", plain), &["admins"]);
    check("of itself", 0, alert("alarms", plain), &["noc", "siem"]);

    check("cannot say", 0, alert("alarms", plain), &["noc", "helpdesk"]);
    let quiet = |alert: &mut Alert| alert.device = "edge-2".into();
    check("cannot say", 0, alert("alarms", quiet), &["noc", "siem"]);
    let cleared = |alert: &mut Alert| {
        quiet(alert);
        alert.state = State::Cleared;
        alert.duration_secs = Some(60);
    };
    check("cannot say", 0, alert("alarms", cleared), &["siem"]);
    let worded = |alert: &mut Alert| {
        quiet(alert);
        alert.summary = "DHCP fails".into();
    };
    check("cannot say", 0, alert("alarms", worded), &["siem", "lan"]);
}

#[test]
fn the_page_names_every_field_and_filter() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/routes.md");
    let page = std::fs::read_to_string(page).unwrap();
    let error = whole(configuration(
        "[[syslog]]\nname = \"a\"\naddress = \"h:1\"\ntransport = \"udp\"\nmessage = \"{{ x }}\"\n",
    ))
    .unwrap_err()
    .to_string();
    let filter = whole(configuration(
        "[[syslog]]\nname = \"a\"\naddress = \"h:1\"\ntransport = \"udp\"\nmessage = \"{{ site | x }}\"\n",
    ))
    .unwrap_err()
    .to_string();
    for said in [error, filter] {
        let (_, names) = said.rsplit_once("there are ").unwrap();
        for name in names.split(", ") {
            assert!(page.contains(&format!("`{name}`")), "no `{name}` on the page");
        }
    }
}
