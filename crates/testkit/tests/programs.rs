//! The fake cloud as a program, driven from outside as end-to-end tests drive it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Runs the program with these lines as its input, to the end; what it printed, line by line.
fn driven(arguments: &[&str], input: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fogbell-testkit-cloud"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built with this test");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let mut stdout = child.stdout.take().expect("it was asked for");
    stdin.write_all(input.as_bytes()).expect("the program reads");
    drop(stdin);
    let (sender, printed) = sync_channel(1);
    thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    let Ok(printed) = printed.recv_timeout(Duration::from_secs(60)) else {
        child.kill().expect("it still runs");
        panic!("the program did not end with its input");
    };
    assert!(child.wait().expect("it is a child").success());
    printed.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[test]
fn every_command_is_answered_by_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let arguments = ["--ca", ca.to_str().unwrap(), "--seed", "1"];
    let org = driven(&arguments, "")[0]["organisations"][0]["id"].as_str().unwrap().to_owned();
    let devices = driven(&arguments, &format!("devices {org}\n"))[1]["ok"].clone();
    let ap = devices[0]["mac"].as_str().unwrap();

    let said = driven(
        &arguments,
        &format!(
            "webhook {org} - https://127.0.0.1:9/ secret alarms\n\
             down {ap}\n\
             fail 503 2 /inventory\n\
             misbehave rudeness 1 /x\n\
             rename {ap} another name\n\
             devices {org}\n\
             calls\n\
             nonsense\n\
             quit\n\
             not read any more\n"
        ),
    );

    assert_eq!(said.len(), 9);
    let webhook = &said[1]["ok"];
    assert_eq!(said[2]["ok"]["deliveries"][0]["webhook_id"], *webhook);
    assert_eq!(said[2]["ok"]["deliveries"][0]["topic"], "alarms");
    assert_eq!(said[3], json!({ "ok": null }));
    assert!(said[4]["error"].as_str().unwrap().contains("rudeness"));
    assert_eq!(said[6]["ok"][0]["name"], "another name");
    assert_eq!(said[6]["ok"][0]["connected"], false);
    assert_eq!(said[7], json!({ "ok": [] }));
    assert!(said[8]["error"].as_str().unwrap().contains("nonsense"));
    assert!(std::fs::read_to_string(ca).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn a_large_estate_is_made_on_demand() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");

    let arguments = ["--ca", ca.to_str().unwrap(), "--sites", "7", "--devices", "90", "--age", "3600"];
    let said = driven(&arguments, "");
    let org = &said[0]["organisations"][0];
    assert_eq!((&org["sites"], &org["devices"]), (&json!(7), &json!(90)));

    let org = org["id"].as_str().unwrap();
    let some = &driven(&arguments, &format!("devices {org} 3\n"))[1]["ok"];
    assert_eq!(some.as_array().map(Vec::len), Some(3));
}
