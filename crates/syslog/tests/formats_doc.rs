//! `docs/formats.md` says what the encoders do.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp, State};
use fogbell_syslog::{Cef, Format, Json, Rfc3164, Rfc5424};
use ids::Timestamp;

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats.md")).unwrap()
}

/// The rows of the table below `heading`, cell by cell, without its head.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = document.lines().skip_while(|line| *line != heading).skip(1);
    let rows = lines.by_ref().skip_while(|line| !line.starts_with('|')).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// As [`table`], the one whose head is `head`.
fn table_with(document: &str, head: &str) -> Vec<Vec<String>> {
    let at = document.find(head).unwrap();
    table(&format!("#\n{}", &document[at..]), "#")
}

/// The words of a cell that stand in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).map(str::trim).collect()
}

/// An alert of which everything is known, with more to say than fits.
fn overfull() -> Alert {
    let at = Timestamp::from_micros(0);
    let mut alert = Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "switch_down", at);
    for text in [
        &mut alert.mist_severity,
        &mut alert.group,
        &mut alert.category,
        &mut alert.org,
        &mut alert.site,
        &mut alert.site_id,
        &mut alert.device_type,
        &mut alert.device,
        &mut alert.model,
        &mut alert.serial,
        &mut alert.ip,
        &mut alert.port,
    ] {
        *text = "10.2.3.4".into();
    }
    alert.mac = Some("020000000001".parse().unwrap());
    alert.reason = "x".repeat(10_000).into();
    alert.summary = "x".into();
    (alert.count, alert.duration_secs) = (1, Some(1));
    alert
}

#[test]
fn every_parameter_is_described_in_its_place() {
    let line = Rfc5424::default().encode(&overfull(), &Stamp { relay: "x", sequence: 1 });
    let text = String::from_utf8(line.bytes).unwrap();
    let (_, data) = text.split_once("[fogbell@32473 ").unwrap();
    let (data, _) = data.split_once(']').unwrap();
    let written: Vec<&str> = data.split(' ').map(|param| param.split_once('=').unwrap().0).collect();

    let document = document();
    let rows = table(&document, "### Parameters");
    let described: Vec<&str> = rows.iter().flat_map(|row| quoted(&row[0])).collect();

    assert_eq!(described, written);

    let encode = |format: Format| {
        String::from_utf8(format.encode(&overfull(), &Stamp { relay: "x", sequence: 1 }).bytes).unwrap()
    };
    let pairs = encode(Format::Rfc3164(Rfc3164::default()));
    let (_, pairs) = pairs.split_once(" fogbell: ").unwrap();
    let names: Vec<&str> = pairs.split(' ').map(|pair| pair.split_once('=').unwrap().0).collect();
    assert_eq!(names, [&["msg"], &described[..]].concat());

    let object = encode(Format::Json(Json::default()));
    let members = object.split_once(" - {\"").unwrap().1.split(",\"");
    let names: Vec<&str> = members.map(|member| member.split_once("\":").unwrap().0).collect();
    assert_eq!(names, [&described[..], &["msg"]].concat());
}

#[test]
fn every_key_of_cef_is_described_in_its_place_with_what_it_holds() {
    let document = document();
    let described = table_with(&document, "| key | label | holds |");
    let parameters = table(&document, "### Parameters");
    let mut alert = overfull();
    let texts = [
        (&mut alert.mist_severity, "mist_severity"),
        (&mut alert.topic, "topic"),
        (&mut alert.group, "group"),
        (&mut alert.category, "category"),
        (&mut alert.org, "org"),
        (&mut alert.site, "site"),
        (&mut alert.site_id, "site_id"),
        (&mut alert.device_type, "device_type"),
        (&mut alert.device, "device"),
        (&mut alert.model, "model"),
        (&mut alert.serial, "serial"),
        (&mut alert.port, "port"),
        (&mut alert.summary, "msg"),
    ];
    for (text, name) in texts {
        *text = name.into();
    }
    (alert.count, alert.duration_secs) = (11, Some(12));
    (alert.first_seen, alert.last_seen) = (Timestamp::from_micros(13_000), Timestamp::from_micros(14_000));

    let line = Format::Cef(Cef::default()).encode(&alert, &Stamp { relay: "relay", sequence: 15 });
    let text = String::from_utf8(line.bytes).unwrap();
    let (header, extension) = text.split_once("|6|").unwrap();
    let pairs: Vec<(&str, &str)> = extension.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();

    let mut expect = Vec::new();
    for row in &described {
        let (key, label, holds) = (quoted(&row[0])[0], quoted(&row[1]), quoted(&row[2])[0]);
        if let [label] = label[..] {
            assert_eq!(label, holds);
            expect.push((format!("{key}Label"), label.to_owned()));
        }
        let value = match holds {
            "id" => alert.id.to_string(),
            "key" => alert.key.to_string(),
            "state" => alert.state.word().to_owned(),
            "severity" => alert.severity.word().to_owned(),
            "mac" => "02:00:00:00:00:01".to_owned(),
            "ip" => "10.2.3.4".to_owned(),
            "reason" => pairs.iter().find(|(key, _)| *key == "reason").unwrap().1.to_owned(),
            "origin" => alert.origin.word().to_owned(),
            "count" => "11".to_owned(),
            "duration" => "12".to_owned(),
            "first_seen" => "13".to_owned(),
            "last_seen" => "14".to_owned(),
            "seq" => "15".to_owned(),
            "truncated" => "1".to_owned(),
            text => text.to_owned(),
        };
        expect.push((key.to_owned(), value));
    }
    let pairs: Vec<(String, String)> =
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    assert_eq!(pairs, expect);
    assert!(header.ends_with("|switch_down|switch_down"), "{header}");

    let held: Vec<&str> = described.iter().map(|row| quoted(&row[2])[0]).collect();
    for row in &parameters {
        let name = quoted(&row[0])[0];
        assert!(name == "type" || held.contains(&name), "{name} is in no key of CEF");
    }
}

#[test]
fn every_word_has_the_severities_of_its_row() {
    let document = document();
    let rows = table(&document, "### Severity");
    let number = |cell: &str| cell.split(' ').next().unwrap().parse::<u8>().unwrap();

    assert_eq!(rows.len(), 4);
    for row in rows {
        for word in quoted(&row[0]) {
            let severity = Severity::from_mist(word);
            assert_eq!(quoted(&row[1]), [severity.word()], "{word}");
            for state in [State::Raised, State::Event] {
                assert_eq!(number(&row[2]), severity.syslog(state, false) as u8, "{word}");
            }
            assert_eq!(number(&row[3]), severity.perceived(State::Raised, false) as u8, "{word}");
            assert_eq!(number(&row[4]), severity.perceived(State::Event, false) as u8, "{word}");
            for state in [State::Raised, State::Event] {
                assert_eq!(number(&row[5]), severity.cef(state, false), "{word}");
            }
        }
    }
}

#[test]
fn every_example_is_a_golden_line() {
    let golden: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let document = document();
    let examples: Vec<&str> =
        document.split("```syslog\n").skip(1).map(|block| block.split_once("```").unwrap().0).collect();

    assert!(!examples.is_empty());
    for example in examples {
        assert!(golden.iter().any(|line| line == example), "{example}");
    }
}
