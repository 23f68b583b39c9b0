//! The addresses Mist posts from are data: shown, dated, and replaced by the operator's file.

use std::fs;

use e2e::{Config, Fogbell, ask_fogbell, ask_fogbell_in};
use serde_json::{Value, json};

use super::{good, only};

#[test]
fn the_clouds_are_shown_with_their_hosts_addresses_and_date() {
    let shown = ask_fogbell(&["clouds"]);
    let json = ask_fogbell(&["clouds", "--json"]);

    assert_eq!((shown.code, json.code), (0, 0), "{}{}", shown.said, json.said);
    let table: Value = serde_json::from_str(&json.out).unwrap();
    let date = table["as_of"].as_str().unwrap();
    assert!(shown.out.starts_with(&format!("as of {date}\n")), "{}", shown.out);
    let clouds = table["clouds"].as_array().unwrap();
    assert_eq!(clouds.len(), 12);
    for cloud in clouds {
        let text = |key: &str| cloud[key].as_str().unwrap().to_owned();
        let line = shown.out.lines().find(|line| line.starts_with(&text("cloud"))).unwrap();
        assert!(line.contains(&text("api_host")), "{line}");
        for network in cloud["networks"].as_array().unwrap() {
            assert!(line.contains(network.as_str().unwrap()), "{line}: {network}");
        }
    }
}

#[test]
fn a_file_of_the_operator_takes_the_place_of_the_addresses_that_came_with_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clouds.json");
    let config = only("").set("gate", "clouds", &json!(file.display().to_string()).to_string());
    let printed = ask_fogbell(&["clouds", "--json"]).out;
    let table = printed.replace("54.193.71.17/32", "127.0.0.3/32");
    assert_ne!(printed, table);
    fs::write(&file, table.replace("\"as_of\": \"2", "\"as_of\": \"3")).unwrap();

    let mut relay = Fogbell::start(&config);
    let line = relay.process().wait_line("the date", |line| line.contains("addresses of the clouds"));
    assert!(line.contains("as_of=\"3"), "{line}");
    let url = relay.url(Config::PATH);
    assert_eq!(good(&relay, &url, "127.0.0.3", &[]).status, 200);
    assert_eq!(good(&relay, &url, "127.0.0.2", &[]).status, 403);
    let shown = ask_fogbell_in(relay.home(), &["clouds"]);
    assert!(shown.out.starts_with("as of 3") && shown.out.contains("127.0.0.3/32"), "{}", shown.out);

    // one that cannot be used, or that lacks a cloud in use, is refused with its place
    for (text, says) in [
        ("{}".to_owned(), "gate.clouds"),
        (table.replace("127.0.0.3/32", "0.0.0.0/0"), "wider than any cloud's addresses"),
        (r#"{"as_of": "2026-11-22", "clouds": []}"#.to_owned(), "have none of global-01"),
    ] {
        fs::write(&file, text).unwrap();
        let answer = ask_fogbell_in(relay.home(), &["check"]);
        assert_eq!(answer.code, 78, "{}", answer.said);
        assert!(answer.said.contains(says) && answer.said.contains("fogbell.toml:"), "{}", answer.said);
    }
    fs::remove_file(&file).unwrap();
    let answer = ask_fogbell_in(relay.home(), &["check"]);
    assert!(answer.code == 78 && answer.said.contains("clouds.json"), "{}", answer.said);
}
