//! What is wrong on this machine, and at the receivers.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use e2e::{DEADLINE, FakeClock, Showing, wait_until};
use serde_json::Value;

use super::scene::Practice;
use crate::webhooks::scene::{May, Scene};

#[test]
fn where_nothing_is_wrong_nothing_is_said_to_be() {
    let practice = Practice::healthy();

    let (told, code) = practice.examine();

    assert_eq!((code, &told["failed"], &told["warned"]), (0, &0.into(), &0.into()), "{told:#}");
    let all: std::collections::BTreeSet<&str> =
        told["findings"].as_array().unwrap().iter().map(|it| it["component"].as_str().unwrap()).collect();
    let expected = [
        "alarm template",
        "certificate",
        "clock",
        "config",
        "disk",
        "journal",
        "listener",
        "memory",
        "mist api",
        "name",
        "nat",
        "open files",
        "sink",
        "sources",
        "up/down delay",
        "webhook",
    ];
    assert_eq!(all.into_iter().collect::<Vec<_>>(), expected);
    // nothing was sent that is an alarm, and nothing changed in Mist
    assert!(practice.siem.lines().is_empty());
    assert_eq!(practice.scene.writes(), 0);
    let table = practice.scene.ask(&[
        "doctor",
        "--no-sites",
        "--ca",
        &practice.scene.relay.ca().display().to_string(),
    ]);
    assert!(table.out.lines().next().unwrap().starts_with("COMPONENT"), "{}", table.out);
    assert!(table.out.ends_with("failed, 0 to look at\n") && table.code == 0, "{}", table.out);
}

#[test]
fn a_configuration_that_is_not_the_running_one_is_found_and_reload_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| text + "\n# a remark\n");

    let (status, finding) = practice.finding("config");

    assert_eq!(status, "fail");
    assert!(finding["text"].as_str().unwrap().contains("goes by another text"), "{finding}");
    let answer = practice.mend(&finding);
    assert_eq!(answer.code, 0, "{}", answer.said);
    assert!(practice.is_well("config"));

    practice.edit(|text| text + "\nnonsense = 1\n");
    let broken = practice.scene.ask(&["doctor", "--json"]);
    let told: Value = serde_json::from_str(&broken.out).unwrap();
    assert_eq!((broken.code, told["findings"].as_array().unwrap().len()), (1, 1), "{told:#}");
    assert!(told["findings"][0]["text"].as_str().unwrap().contains("nonsense"), "{told:#}");
    practice.edit(|text| text.replace("\nnonsense = 1\n", ""));
    assert!(practice.is_well("config"));
}

#[test]
fn a_relay_that_does_not_run_is_found_and_so_is_another_program_on_its_port() {
    let mut practice = Practice::healthy();
    practice.scene.relay.sigterm();
    assert!(practice.scene.relay.wait_exit(DEADLINE).success());

    for component in ["config", "listener", "certificate"] {
        let (status, finding) = practice.finding(component);
        assert_eq!(
            (status.as_str(), &finding["mend"]),
            ("fail", &"systemctl enable --now fogbell".into()),
            "{finding}"
        );
    }
    let other = TcpListener::bind(practice.scene.relay.address()).unwrap();
    let (status, finding) = practice.finding("listener");
    assert_eq!(status, "fail");
    assert!(finding["text"].as_str().unwrap().contains("another program has this port"), "{finding}");
    drop(other);

    practice.scene.relay.start_again();
    for component in ["config", "listener", "certificate"] {
        assert!(practice.is_well(component), "{component}: {:#}", practice.examine().0);
    }
}

#[test]
fn a_certificate_that_nobody_outside_accepts_is_found() {
    let practice = Practice::healthy();
    // the system trusts none of the test's authorities
    let told = practice.scene.told(&["doctor"]).0;
    let all = told["findings"].as_array().unwrap();
    let finding = all.iter().find(|it| it["component"] == "certificate").unwrap();
    assert_eq!(finding["status"], "fail", "{finding}");
    assert!(finding["text"].as_str().unwrap().contains("does not accept it"), "{finding}");
    assert!(practice.is_well("certificate"), "an outsider that trusts the authority accepts it");

    // Mist is told a name that the certificate does not have
    practice.edit(|text| text.replace("https://127.0.0.1:", "https://127.0.0.2:"));
    let (status, finding) = practice.finding("certificate");
    assert_eq!(status, "fail");
    assert!(finding["text"].as_str().unwrap().contains("127.0.0.1"), "{finding}");
    practice.edit(|text| text.replace("https://127.0.0.2:", "https://127.0.0.1:"));
    assert!(practice.is_well("certificate"));
}

#[test]
fn a_name_that_leads_nowhere_is_found() {
    let practice = Practice::healthy();
    practice.edit(|text| text.replace("https://127.0.0.1:", "https://nowhere.invalid:"));

    let (status, finding) = practice.finding("name");

    assert_eq!(status, "fail");
    assert!(finding["text"].as_str().unwrap().contains("cannot be looked up"), "{finding}");
    practice.edit(|text| text.replace("https://nowhere.invalid:", "https://localhost:"));
    assert!(practice.is_well("name"), "{:#}", practice.examine().0);
}

#[test]
fn an_old_list_of_addresses_is_found() {
    let practice = Practice::healthy();
    let list = practice.scene.folder.path().join("clouds.json");
    let printed = practice.scene.ask(&["clouds", "--json"]).out;
    let mut table: Value = serde_json::from_str(&printed).unwrap();
    let now = table["as_of"].clone();
    table["as_of"] = "2024-01-31".into();
    fs::write(&list, table.to_string()).unwrap();
    practice.edit(|text| text.replace("[gate]\n", &format!("[gate]\nclouds = \"{}\"\n", list.display())));

    let (status, finding) = practice.finding("sources");
    assert_eq!(status, "warn");
    assert!(finding["text"].as_str().unwrap().contains("as of 2024-01-31"), "{finding}");
    // compared and dated anew, as it says
    table["as_of"] = now;
    fs::write(&list, table.to_string()).unwrap();
    assert!(practice.is_well("sources"));
}

#[test]
fn a_clock_that_is_off_is_found() {
    let practice = Practice::healthy();
    let clock = FakeClock::new();
    let wrapper = clock.wrapper();
    let examine = || {
        let mut command = std::process::Command::new(&wrapper[0]);
        command.args(&wrapper[1..]).arg(std::env::var("FOGBELL_BIN").unwrap());
        command.args(["doctor", "--json", "--config"]).arg(practice.scene.folder.path().join("fogbell.toml"));
        let output = command.output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let all = told["findings"].as_array().unwrap().clone();
        all.into_iter().find(|it| it["component"] == "clock").unwrap()
    };

    clock.set(Showing::Ahead(Duration::from_secs(600)));
    let finding = examine();
    assert_eq!(finding["status"], "fail", "{finding}");
    assert!(finding["text"].as_str().unwrap().contains("s ahead of Mist's"), "{finding}");
    clock.set(Showing::Right);
    assert_eq!(examine()["status"], "pass");
}

#[test]
fn a_journal_that_may_outgrow_its_disk_is_found_and_the_bound_it_names_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| text + "\n[journal]\nmax_bytes = 900_000_000_000_000\n");

    let (status, finding) = practice.finding("disk");

    assert_eq!(status, "warn");
    let mend = finding["mend"].as_str().unwrap();
    let bound: u64 = mend.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    practice.edit(|text| text.replace("900_000_000_000_000", &bound.to_string()));
    assert!(practice.is_well("disk"), "{:#}", practice.examine().0);
}

#[test]
fn a_sink_that_is_not_there_is_found_and_so_is_what_waits_for_it() {
    let mut practice = Practice::healthy();
    practice.siem.kill9();
    practice.nms.stop();

    let (told, code) = practice.examine();
    assert_eq!(code, 1);
    let all = told["findings"].as_array().unwrap();
    let bad: Vec<&Value> =
        all.iter().filter(|it| it["component"] == "sink" && it["status"] == "fail").collect();
    assert_eq!(bad.len(), 2, "{told:#}");
    for finding in &bad {
        assert_ne!(practice.mend(finding).code, 0, "it is still away: {finding}");
    }

    practice.siem.start_again();
    practice.nms.start_again();
    assert!(wait_until(DEADLINE, || practice.is_well("sink")), "{:#}", practice.examine().0);
    for finding in bad {
        assert_eq!(practice.mend(finding).code, 0, "{finding}");
    }
}

#[test]
fn a_place_that_a_removed_sink_left_is_found_and_forgetting_it_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| {
        let at = text.find("[[syslog]]").unwrap();
        text[..at].to_owned()
    });
    assert_eq!(practice.scene.ask(&["reload"]).code, 0);

    let (status, finding) = practice.finding("journal");

    assert_eq!(status, "warn");
    assert!(
        finding["text"].as_str().unwrap().contains("sink `siem`, which is not configured any more"),
        "{finding}"
    );
    let answer = practice.mend(&finding);
    assert_eq!(answer.code, 0, "{}", answer.said);
    assert!(practice.is_well("journal"));
}

#[test]
fn more_connections_than_open_files_are_found_and_the_number_it_names_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| text.replace("[gate]\n", "[gate]\nmax_connections = 900_000_000\n"));

    let (status, finding) = practice.finding("open files");

    assert_eq!(status, "warn");
    let mend = finding["mend"].as_str().unwrap();
    let number: u64 = mend.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    practice.edit(|text| text.replace("900_000_000", &number.to_string()));
    assert!(practice.is_well("open files"), "{:#}", practice.examine().0);
}

#[test]
fn an_organisation_that_mist_cannot_be_asked_about_is_said_to_be_one() {
    let scene = Scene::with(May::Read, |config| {
        config.table("[[org]]\nname = \"other\"\ncloud = \"emea-01\"\npath = \"/v1/other\"\nsecrets = [{ file = \"SECRETS/other\" }]\n").secret("other", "another good secret")
    });

    let told = scene.told(&["doctor"]).0;

    let all = told["findings"].as_array().unwrap();
    let finding = all.iter().find(|it| it["component"] == "mist api" && it["target"] == "other").unwrap();
    assert_eq!(finding["status"], "warn", "{finding}");
    let none = all.iter().find(|it| it["component"] == "sink").unwrap();
    assert!(none["text"].as_str().unwrap().contains("alerts go nowhere"), "{none}");
}
