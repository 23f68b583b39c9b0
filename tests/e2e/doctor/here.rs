//! What is wrong on this machine, and at the receivers.

use std::fs;
use std::process::Command;
use std::time::Duration;

use e2e::{DEADLINE, FakeClock, Showing, wait_until};
use rustix::process::Resource;
use serde_json::Value;

use super::scene::{Practice, found, is_gone};
use crate::network::MESSAGE;
use crate::nothing_lost::limits::limit;

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
fn a_name_that_does_not_lead_where_mist_can_go_is_found() {
    let practice = Practice::healthy();
    let told = |name: &'static str| {
        practice.edit(|text| {
            let (before, rest) = text.split_once("public_url = \"https://").unwrap();
            let port = rest.rfind(':').map(|_| rest[..rest.find('"').unwrap()].rsplit(':').next().unwrap());
            let after = &rest[rest.find('"').unwrap()..];
            format!("{before}public_url = \"https://{name}:{}{after}", port.unwrap())
        });
    };

    told("nowhere.invalid");
    practice.finds("name_unknown");
    told("localhost");
    practice.mended("name_unknown");

    told("10.1.2.3");
    practice.finds("name_inside");
    told("localhost");
    practice.mended("name_inside");

    told("[::1]");
    practice.finds("name_without_ipv4");
    told("127.0.0.1");
    practice.mended("name_without_ipv4");
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

    let finding = practice.finds("sources_old");

    assert!(finding["text"].as_str().unwrap().contains("as of 2024-01-31"), "{finding}");
    // compared and dated anew, as it says
    table["as_of"] = now;
    fs::write(&list, table.to_string()).unwrap();
    practice.mended("sources_old");
}

#[test]
fn an_organisation_that_nobody_can_post_for_is_found() {
    let practice = Practice::healthy();
    practice.edit(|text| {
        text.replace("cloud = \"global-01\"\n", "").replace("networks = [\"127.0.0.0/8\"]", "networks = []")
    });

    let finding = practice.finds("sources_none");

    assert_eq!(finding["target"], "acme");
    practice.edit(|text| text.replace("name = \"acme\"\n", "name = \"acme\"\ncloud = \"global-01\"\n"));
    practice.mended("sources_none");
}

#[test]
fn a_clock_that_is_off_is_found() {
    let practice = Practice::healthy();
    let clock = FakeClock::new();
    let wrapper = clock.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let finds = |code| found(&practice.examine_under(&wrapper).0, code);
    let mended = |code| assert!(is_gone(&practice.examine_under(&wrapper).0, code));

    for (showing, status, says) in [
        (Showing::Ahead(Duration::from_secs(600)), "fail", "s ahead of Mist's"),
        (Showing::Back(Duration::from_secs(600)), "fail", "s behind Mist's"),
        (Showing::Ahead(Duration::from_secs(30)), "warn", "s ahead of Mist's"),
    ] {
        clock.set(showing);
        let finding = finds("clock_off");
        assert_eq!(finding["status"], status, "{finding}");
        assert!(finding["text"].as_str().unwrap().contains(says), "{finding}");
    }
    clock.set(Showing::Right);
    mended("clock_off");
}

#[test]
fn a_journal_that_may_outgrow_its_disk_is_found_and_the_bound_it_names_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| text + "\n[journal]\nmax_bytes = 900_000_000_000_000\n");

    let finding = practice.finds("disk_outgrown");

    practice.edit(|text| text.replace("900_000_000_000_000", &number(&finding)));
    practice.mended("disk_outgrown");
}

#[test]
fn a_directory_that_is_not_there_is_found_and_the_command_it_names_makes_it() {
    let mut practice = Practice::healthy();
    practice.scene.relay.sigterm();
    assert!(practice.scene.relay.wait_exit(DEADLINE).success());
    fs::remove_dir_all(practice.scene.folder.path().join("state")).unwrap();

    let finding = practice.finds("disk_unseen");

    let mend = finding["mend"].as_str().unwrap();
    // this machine has no user of that name
    let command = mend.split_once("or make it: ").unwrap().1.replace(" -o fogbell -g fogbell", "");
    let words: Vec<&str> = command.split_whitespace().collect();
    assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success(), "{command}");
    practice.mended("disk_unseen");
    practice.scene.relay.start_again();
}

/// The number that a mend names.
fn number(finding: &Value) -> String {
    let mend = finding["mend"].as_str().unwrap();
    mend.split_whitespace().find(|word| word.parse::<u64>().is_ok()).unwrap().to_owned()
}

#[test]
fn a_siem_that_is_not_there_is_found_and_so_is_what_waits_for_it() {
    let mut practice = Practice::healthy();
    practice.siem.kill9();
    practice.scene.relay.deliver(MESSAGE);
    let away = practice.finds("sink_unreachable");
    assert_ne!(practice.mend(&away).code, 0, "it is still away: {away}");
    // as two minutes later
    let clock = FakeClock::new();
    clock.set(Showing::Ahead(Duration::from_secs(120)));
    let wrapper = clock.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let later = || practice.examine_under(&wrapper).0;
    let finds = |code| found(&later(), code);
    let behind = finds("sink_behind");
    assert!(behind["text"].as_str().unwrap().contains("sink `siem`"), "{behind}");
    assert_ne!(practice.mend(&behind).code, 0, "it says why: {behind}");

    practice.siem.start_again();

    practice.mended("sink_unreachable");
    for finding in [&away, &behind] {
        // it is tried again in a moment
        assert!(wait_until(DEADLINE, || practice.mend(finding).code == 0), "{finding}");
    }
    let later = || practice.examine_under(&wrapper).0;
    let mended = |code| wait_until(DEADLINE, || is_gone(&later(), code));
    assert!(mended("sink_behind"), "{:#}", later());
}

#[test]
fn an_nms_that_is_not_there_is_found() {
    let mut practice = Practice::healthy();
    practice.nms.stop();

    let away = practice.finds("sink_refuses");

    assert_ne!(practice.mend(&away).code, 0, "it is still away: {away}");
    practice.nms.start_again();
    practice.mended("sink_refuses");
    assert_eq!(practice.mend(&away).code, 0, "{away}");
}

#[test]
fn a_place_that_a_removed_sink_left_is_found_and_forgetting_it_mends_it() {
    let practice = Practice::healthy();
    practice.reload(|text| text[..text.find("[[syslog]]").unwrap()].to_owned());

    let finding = practice.finds("journal_forgotten");

    assert!(finding["text"].as_str().unwrap().contains("sink `siem`"), "{finding}");
    let answer = practice.mend(&finding);
    assert_eq!(answer.code, 0, "{}", answer.said);
    practice.mended("journal_forgotten");
}

#[test]
fn a_relay_without_sinks_is_found_until_one_is_added() {
    let practice = Practice::healthy();
    let whole = fs::read_to_string(practice.config()).unwrap();
    practice.edit(|text| text[..text.find("[[snmp]]").unwrap()].to_owned());

    let finding = practice.finds("sink_none");

    let added = format!("add [[snmp]] or [[syslog]] to {}", practice.config().display());
    assert_eq!(finding["mend"], added);
    practice.edit(|_| whole);
    practice.mended("sink_none");
}

#[test]
fn more_connections_than_open_files_are_found_and_either_number_mends_it() {
    let mut practice = Practice::healthy();
    practice.edit(|text| text.replace("[gate]\n", "[gate]\nmax_connections = 900_000_000\n"));
    let finding = practice.finds("open_files_few");
    practice.edit(|text| text.replace("900_000_000", &number(&finding)));
    practice.mended("open_files_few");

    practice.edit(|text| text.replace(&format!("max_connections = {}\n", number(&finding)), ""));
    limit(&mut practice.scene.relay, Resource::Nofile, Some(100));
    let finding = practice.finds("open_files_few");
    let mend = finding["mend"].as_str().unwrap();
    let needed = mend.split_once("LimitNOFILE=").unwrap().1.split(' ').next().unwrap();
    limit(&mut practice.scene.relay, Resource::Nofile, Some(needed.parse().unwrap()));
    practice.mended("open_files_few");
}

#[test]
fn an_organisation_that_mist_cannot_be_asked_about_is_said_to_be_one() {
    let practice = Practice::healthy();
    let whole = fs::read_to_string(practice.config()).unwrap();
    practice.edit(|text| {
        let lines = text.lines().filter(|line| !line.starts_with("api = "));
        lines.map(|line| format!("{line}\n")).collect()
    });

    let finding = practice.finds("api_none");
    assert_eq!(finding["target"], "acme");
    // without an API nobody tells the time
    practice.finds("clock_unknown");

    practice.edit(|_| whole);
    practice.mended("api_none");
    practice.mended("clock_unknown");
}
