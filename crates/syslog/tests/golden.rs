//! Whole messages, byte for byte. `UPDATE_GOLDEN=1` rewrites them.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use alarm::{AlarmKey, Alert, AlertId, Origin, Severity, Stamp, State};
use fogbell_syslog::{Cef, Format, Json, MaxBytes, Rfc3164, Rfc5424};
use ids::Timestamp;

const STAMP: Stamp<'_> = Stamp { relay: "relay-a", sequence: 4711 };

fn alert(topic: &str, kind: &str) -> Alert {
    let at = Timestamp::from_micros(1_629_753_888_250_000);
    Alert::new(AlertId::of(&[kind.as_bytes()]), AlarmKey::of(&[b"problem"]), topic, kind, at)
}

fn switch_down() -> Alert {
    let mut alert = alert("alarms", "switch_down");
    alert.state = State::Raised;
    alert.severity = Severity::Critical;
    alert.mist_severity = "critical".into();
    alert.group = "infrastructure".into();
    alert.category = "switch".into();
    alert.org = "acme".into();
    alert.site = "HQ Zürich".into();
    alert.site_id = "4ac1dcf4-9d8b-7211-65c4-057819f0862b".into();
    alert.device_type = "switch".into();
    alert.device = "core-1".into();
    alert.mac = Some("5c5b351e13b5".parse().unwrap());
    alert.model = "EX4100-48P".into();
    alert.serial = "FJ0123456789".into();
    alert.ip = "10.2.3.4".into();
    alert.port = "ge-0/0/1".into();
    alert.reason = "lost contact".into();
    alert.count = 1;
    alert.summary = "critical: switch core-1 at HQ Zürich is down".into();
    alert
}

fn check(name: &str, encoder: &Rfc5424, alert: &Alert) {
    check_format(name, &Format::Rfc5424(encoder.clone()), alert);
}

/// The same alert in the other formats, each with its own limit.
fn check_others(name: &str, alert: &Alert) {
    check_format(&format!("{name}.rfc3164"), &Format::Rfc3164(Rfc3164::default()), alert);
    check_format(&format!("{name}.json"), &Format::Json(Json::default()), alert);
    check_format(&format!("{name}.cef"), &Format::Cef(Cef::default()), alert);
}

fn check_format(name: &str, format: &Format, alert: &Alert) {
    let line = format.encode(alert, &STAMP);
    let shown = format!("{}\n", std::str::from_utf8(&line.bytes).unwrap());
    // a release changes the version that CEF carries and nothing else
    let shown = shown.replace(concat!("|", env!("CARGO_PKG_VERSION"), "|"), "|<version>|");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(shown, golden, "{name}: UPDATE_GOLDEN=1 rewrites it");
}

#[test]
fn a_raised_alarm_has_every_parameter() {
    check("raised", &Rfc5424::default(), &switch_down());
    check_others("raised", &switch_down());
}

#[test]
fn its_clear_is_a_notice_with_the_same_key_and_a_duration() {
    let mut clear = switch_down();
    clear.id = AlertId::of(&[b"clear"]);
    clear.state = State::Cleared;
    clear.last_seen = Timestamp::from_micros(1_629_754_128_750_000);
    clear.duration_secs = Some(240);
    clear.reason.clear();
    clear.origin = Origin::Reconcile;
    clear.summary = "cleared after 4 min: switch core-1 at HQ Zürich is down".into();
    check("cleared", &Rfc5424::default(), &clear);
    check_others("cleared", &clear);
}

#[test]
fn an_audit_says_its_message() {
    let mut audit = alert("audits", "audit");
    audit.org = "acme".into();
    audit.summary = "Updated Device \"core-1\"".into();
    audit.message = "Updated Device \"core-1\" of jane@example.net from 192.0.2.7:\nname, \\ports[0]".into();
    check("audit", &Rfc5424::default(), &audit);
    check_others("audit", &audit);
}

#[test]
fn what_the_relay_says_of_itself_names_the_relay_as_host() {
    let mut own = alert(Alert::OWN_TOPIC, "sink_behind");
    own.origin = Origin::Relay;
    own.severity = Severity::Warning;
    own.summary = "sink siem is behind".into();
    let encoder = Rfc5424 {
        facility: "daemon".parse().unwrap(),
        app_name: "fogbell-noc".parse().unwrap(),
        enterprise: 64512,
        ..Rfc5424::default()
    };
    check("own", &encoder, &own);
    check_others("own", &own);
}

#[test]
fn hostile_names_stay_inside_their_quotes() {
    let mut hostile = alert("alarms", "x\" y=\"z\"] \u{1b}[2J");
    hostile.device = "ap\"]\n<0>1 - evil - - - -".into();
    hostile.site = "\u{202e}gnp.exe \\".into();
    hostile.port = "]".into();
    hostile.reason = "a\0b\u{85}c\u{2028}d".into();
    hostile.summary = "first\r\nsecond \u{9b}31m \u{feff}🦊".into();
    check("hostile", &Rfc5424::default(), &hostile);
    check_others("hostile", &hostile);
}

#[test]
fn a_long_alarm_is_shortened_where_it_hurts_least() {
    let mut long = switch_down();
    long.reason = "packet loss, ".repeat(8_000).into();
    check(
        "shortened",
        &Rfc5424 { max_bytes: MaxBytes::try_from(1024).unwrap(), ..Rfc5424::default() },
        &long,
    );
    check_others("shortened", &long);
    long.summary = "much to say, ".repeat(100).into();
    let max_bytes = MaxBytes::LEAST;
    check("shortest", &Rfc5424 { max_bytes, ..Rfc5424::default() }, &long);
    check_format("shortest.rfc3164", &Format::Rfc3164(Rfc3164 { max_bytes, ..Rfc3164::default() }), &long);
    check_format("shortest.json", &Format::Json(Json { max_bytes, ..Json::default() }), &long);
    check_format("shortest.cef", &Format::Cef(Cef { max_bytes, ..Cef::default() }), &long);
}
