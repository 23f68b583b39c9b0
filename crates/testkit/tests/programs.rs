//! The fake cloud and the whole estate as programs, driven from outside as end-to-end tests drive it.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Runs the program with these lines as its input, to the end; what it printed, line by line.
fn driven(arguments: &[&str], input: &str) -> Vec<Value> {
    run(env!("CARGO_BIN_EXE_fogbell-testkit-cloud"), arguments, input)
}

fn run(program: &str, arguments: &[&str], input: &str) -> Vec<Value> {
    let mut child = Command::new(program)
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

#[test]
fn a_whole_estate_is_told_disturbed_and_judged() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let arguments = ["--folder", folder, "--routers", "2", "--pairs", "1", "--legacy", "1", "--sites", "2"];

    let said = run(
        env!("CARGO_BIN_EXE_fogbell-testkit-estate"),
        &arguments,
        "counts\n\
         switches\n\
         switch ssr-put merges\n\
         switch ssr-put sideways\n\
         switch wrap 80\n\
         conductor disturb cut-off 1 create secure\n\
         conductor edit /authority/router/store-0001 {\"description\":\"his\"}\n\
         conductor before POST_/api/v1/config/commit 2 revert\n\
         conductor commit\n\
         conductor commits\n\
         conductor running /authority/router/store-0001/description\n\
         router 02005eaa0001 key 7\n\
         broken\n\
         writes\n\
         state\n\
         cloud calls\n\
         conductor nonsense\n\
         nonsense\n",
    );

    assert_eq!(said.len(), 19);
    assert_eq!(said[0]["places"].as_array().map(Vec::len), Some(4));
    assert_eq!(said[0]["legacy"][0]["router"], "legacy-0004");
    let list = std::fs::read_to_string(said[0]["list"].as_str().unwrap()).unwrap();
    assert_eq!(list.lines().count(), 5, "{list}");
    assert_eq!(said[1]["ok"], json!({ "mist_calls": 0, "commits": 0, "assignments": 0, "unassignments": 0 }));
    assert!(said[2]["ok"].as_array().unwrap().len() > 30);
    assert_eq!([&said[3], &said[5]], [&json!({ "ok": null }); 2]);
    assert!(said[4]["error"].as_str().unwrap().contains("sideways"));
    assert_eq!(said[10]["ok"][0]["by"], "another");
    assert_eq!(said[11]["ok"], "his");
    assert_eq!([&said[13]["ok"], &said[14]["ok"]], [&json!([]); 2]);
    assert_eq!(said[15]["ok"]["devices"]["02005eaa0000"], json!(null));
    assert_eq!(said[16]["ok"], json!([]));
    assert!(said[17]["error"].as_str().unwrap().contains("nonsense") && said[18]["error"].is_string());
}
