//! `docs/formats.md` says what the encoder does.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::Path;

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp, State};
use fogbell_syslog::Rfc5424;
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
        "x".clone_into(text);
    }
    alert.mac = Some("020000000001".parse().unwrap());
    alert.reason = "x".repeat(10_000);
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
