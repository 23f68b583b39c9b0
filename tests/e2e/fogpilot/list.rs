//! `template` and `check`.

use serde_json::Value;

use super::*;

fn check(arguments: &[&str], list: &[u8]) -> Answer {
    let home = tempfile::tempdir().unwrap();
    ask(home.path(), &[&["check"], arguments, &["-"]].concat(), list)
}

#[test]
fn the_template_is_a_list_once_a_row_is_filled_in() {
    let home = tempfile::tempdir().unwrap();
    let template = ask(home.path(), &["template"], b"");
    assert_eq!((template.code, template.said.as_str()), (0, ""));
    golden("template.csv", &template.out);
    assert_eq!(check(&[], template.out.as_bytes()).code, 2);

    let filled = template.out + "store-1,,02:00:5e:aa:00:07,A7,ATL-01,,203.0.113.10,\n";
    let answer = check(&[], filled.as_bytes());

    assert_eq!((answer.code, answer.said.as_str()), (0, ""), "{}", answer.out);
    assert_eq!(answer.out, "-: nothing is wrong by itself: 1 rows, 1 routers\n");
}

/// As a spreadsheet wrote it: byte order mark, semicolons, CRLF.
const BAD: &str = "\u{feff}Name;Node;MAC;asset-id;sight;mode\r\n\
    store-1;;2.00E+05;A1;ATL;strong\r\n\
    ;;;;;\r\n\
    store 2;;2:0:5e:aa:0:1;A2;ATL;stron\r\n\
    store-3;;02-00-5E-AA-00-03;A3;ATL;;too much\r\n";

#[test]
fn every_fault_of_the_whole_list_is_told_with_its_place() {
    let answer = check(&["--conductor-host", "203.0.113.10"], BAD.as_bytes());

    assert_eq!((answer.code, answer.said.as_str()), (2, ""));
    golden("check.txt", &answer.out);
    let json = check(&["--conductor-host", "203.0.113.10", "-o", "json"], BAD.as_bytes());
    assert_eq!((json.code, json.said.as_str()), (2, ""));
    let json: Value = serde_json::from_str(&json.out).unwrap();
    let faults = json["faults"].as_array().unwrap();
    assert_eq!(faults.len(), answer.out.lines().count() - 1);
    for (fault, line) in faults.iter().zip(answer.out.lines()) {
        let number = |key: &str| fault[key].as_u64().map(|number| format!("{number}:")).unwrap_or_default();
        let place = format!("-:{}{} ", number("line"), number("column"));
        assert_eq!(format!("{place}{}", fault["text"].as_str().unwrap()), line);
    }
}

#[test]
fn five_thousand_rows_are_judged_and_the_last_fault_is_told() {
    let mut list = "name,mac,asset_id,site\n".to_owned();
    for number in 0..5_000 {
        list += &format!("r{number},02005eaa{number:04x},A{number},S{number}\n");
    }
    let good = check(&["--conductor-host", "203.0.113.10", "-o", "json"], list.as_bytes());
    let json: Value = serde_json::from_str(&good.out).unwrap();
    assert_eq!((good.code, &json["rows"]), (0, &5_000.into()));

    list += "r5000,02005eaa0000,A5000,S0\n";
    let bad = check(&["--conductor-host", "203.0.113.10"], list.as_bytes());

    assert_eq!(bad.code, 2);
    let expected = "-:5002: the device 02005eaa0000 is in line 2 already; a device comes once\n";
    assert!(bad.out.starts_with(expected), "{}", bad.out);
}
