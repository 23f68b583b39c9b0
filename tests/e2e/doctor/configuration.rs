//! The configuration, and the relay that goes by it.

use std::fs;
use std::net::TcpListener;

use e2e::{DEADLINE, Fogbell, ask_fogbell, free_port};
use serde_json::Value;

use super::scene::{Practice, found, is_gone, mend};
use crate::setup::Machine;

#[test]
fn where_nothing_is_set_up_init_mends_it() {
    let machine = Machine::new();
    let config = machine.config().display().to_string();
    let doctor = || -> Value {
        let ca = machine.at("operator/certs/ca.pem").display().to_string();
        let answer = ask_fogbell(&["doctor", "--json", "--ca", &ca, "--config", &config]);
        serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}{}", answer.out, answer.said))
    };
    let finds = |code| found(&doctor(), code);
    let mended = |code| assert!(is_gone(&doctor(), code), "{code}");

    let missing = finds("config_missing");

    let answers = machine.answers("").display().to_string();
    let done = mend(&missing, &["--answers", &answers, "--yes"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.said);
    let _relay = Fogbell::start_as_it_is(&machine.home(), &[]);
    mended("config_missing");
    let told = doctor();
    let of_config = |it: &&Value| it["component"] == "config";
    assert_eq!(told["findings"].as_array().unwrap().iter().find(of_config).unwrap()["status"], "pass");
}

#[test]
fn a_configuration_that_is_not_the_running_one_is_found_and_reload_mends_it() {
    let practice = Practice::healthy();
    practice.edit(|text| text + "\n# a remark\n");

    let finding = practice.finds("config_not_loaded");

    let answer = practice.mend(&finding);
    assert_eq!(answer.code, 0, "{}", answer.said);
    practice.mended("config_not_loaded");
}

#[test]
fn a_configuration_that_is_none_is_found_with_what_is_wrong_in_it() {
    let practice = Practice::healthy();
    for (good, bad, says) in [
        ("[gate]\n", "[gate]\nnonsense = 1\n", "nonsense"),
        ("secrets/webhook", "secrets/nothing", "secrets/nothing"),
    ] {
        practice.edit(|text| text.replace(good, bad));
        let finding = practice.finds("config_invalid");
        assert!(finding["text"].as_str().unwrap().contains(says), "{finding}");
        let checked = practice.scene.ask(&["check"]);
        assert_ne!(checked.code, 0, "the mend says to correct it until this holds");
        practice.edit(|text| text.replace(bad, good));
        assert_eq!(practice.scene.ask(&["check"]).code, 0);
        practice.mended("config_invalid");
    }
}

#[test]
fn what_weakens_is_found_for_as_long_as_it_is_in() {
    let practice = Practice::healthy();
    practice.reload(|text| text.replace("[gate]\n", "[gate]\ndanger_read_unlisted = true\n"));

    let finding = practice.finds("config_weakened");

    assert!(finding["text"].as_str().unwrap().contains("danger_read_unlisted"), "{finding}");
    practice.reload(|text| text.replace("danger_read_unlisted = true\n", ""));
    practice.mended("config_weakened");
}

#[test]
fn a_relay_that_does_not_run_is_found_and_so_is_another_program_on_its_port() {
    let mut practice = Practice::healthy();
    practice.scene.relay.sigterm();
    assert!(practice.scene.relay.wait_exit(DEADLINE).success());

    let stopped = practice.finds("relay_stopped");
    for finding in [&stopped, &practice.finds("listener_closed"), &practice.finds("certificate_not_shown")] {
        assert_eq!(finding["mend"], "systemctl enable --now fogbell");
    }
    let other = TcpListener::bind(practice.scene.relay.address()).unwrap();
    practice.finds("listener_taken");
    drop(other);
    practice.mended("listener_taken");

    practice.scene.relay.start_again();
    practice.mended("relay_stopped");
    practice.mended("listener_closed");
    practice.mended("certificate_not_shown");
}

/// What a drop-in of systemd's socket mends, the relay does by itself where it binds its own.
#[test]
fn a_relay_that_listens_elsewhere_than_the_file_says_is_found() {
    let mut practice = Practice::healthy();
    let elsewhere = format!("127.0.0.1:{}", free_port());
    let here = practice.scene.relay.address().to_owned();
    practice
        .edit(|text| text.replace(&format!("address = \"{here}\""), &format!("address = \"{elsewhere}\"")));

    let finding = practice.finds("listener_elsewhere");

    assert!(finding["mend"].as_str().unwrap().contains(&format!("ListenStream={elsewhere}")), "{finding}");
    practice.scene.relay.start_again();
    practice.mended("listener_elsewhere");
}

#[test]
fn a_damaged_journal_is_found_and_the_next_start_mends_it() {
    let mut practice = Practice::healthy();
    practice.scene.relay.kill9();
    let journal = practice.scene.folder.path().join("state/journal.db");
    let mut bytes = fs::read(&journal).unwrap();
    // what SQLite itself would not take; what makes it a journal of ours is left
    bytes[20..24].fill(0);
    fs::write(&journal, bytes).unwrap();

    let finding = practice.finds("journal_unreadable");

    assert!(finding["mend"].as_str().unwrap().starts_with("systemctl restart fogbell"), "{finding}");
    practice.scene.relay.start_again();
    practice.mended("journal_unreadable");
}
