//! Twelve secrets, one in every place where a secret can be: whatever is done with the programs, none is found anywhere
//! but at home.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{DEADLINE, wait_until};

mod forms;
mod places;
mod scene;

use forms::Canary;
use places::Places;
use scene::Scene;

#[test]
fn no_secret_is_found_anywhere_but_at_home() {
    let mut scene = Scene::set_up();
    let mut places = Places::default();

    vault_commands(&scene, &mut places);
    wrong_configurations(&scene, &mut places);
    scene.start();
    requests(&mut scene, &mut places);
    commands_beside_it(&mut scene, &mut places);
    places.process(scene.relay().process().pid());
    crashes(&mut scene, &mut places);
    places.add("snmptrapd, v2c", &format!("{:?}", scene.v2c.traps()));
    places.add("snmptrapd, v3", &format!("{:?}", scene.v3.traps()));
    places.add("rsyslog", &format!("{:?}", scene.siem.lines()));
    places.folder(&scene.home.path, &scene.homes());

    let canaries = scene.canaries();
    assert_eq!(canaries.len(), 12);
    for canary in &canaries {
        let found: Vec<String> = places.with(canary).into_iter().filter(|at| !canary.may_be(at)).collect();
        assert!(found.is_empty(), "{} is in {found:?}", canary.name);
    }
    // a signed body is kept as it came: what is in it is found, and so the journal was looked at
    let audit = canaries.iter().find(|canary| canary.name == AUDIT).unwrap();
    assert!(places.with(audit).iter().any(|at| at.contains("journal")), "the journal has every signed body");
    every_planted_one_is_found(&canaries);
}

/// Puts each canary in each of its forms where none may be.
fn every_planted_one_is_found(canaries: &[Canary]) {
    let folder = tempfile::tempdir().unwrap();
    for canary in canaries {
        for (form, bytes) in canary.forms() {
            fs::write(folder.path().join("planted"), [b"... ", &*bytes, b" ..."].concat()).unwrap();
            let mut with_one = Places::default();
            with_one.folder(folder.path(), &[]);
            let found = with_one.with(canary);
            assert!(found.iter().any(|at| at.contains("planted")), "{} as {form} is not found", canary.name);
        }
    }
}

/// Everything that `fogbell secret` does.
fn vault_commands(scene: &Scene, places: &mut Places) {
    let home = &scene.home;
    let beside = |name: &str| home.path.join(name).display().to_string();
    let recovery = home.recovery_file().display().to_string();
    let passphrase = format!("{}\n", scene.passphrase);
    let asked = [("New passphrase", &*passphrase), ("The same again: ", &*passphrase)];
    places.add("rewrap at a terminal", &scene.typed(&["rewrap", "--add-passphrase"], &asked));
    let asked = [("Passphrase of the vault: ", &*passphrase)];
    let rotate = ["rotate-key", "--recovery-key-file", &recovery];
    places.add("rotate-key at a terminal", &scene.typed(&rotate, &asked));
    // typed wrong, and one that opens nothing
    let asked = [("Passphrase of the vault", "wrong wrong wrong\n")];
    places.add("list without its key", &scene.typed_without_key(&["list"], &asked));
    let commands: [&[&str]; 9] = [
        &["list"],
        &["list", "--json"],
        &["verify"],
        &["show", "mist/webhook"],
        &["rm", "nothing", "--yes"],
        &["set", &scene.webhook],
        &["backup", &beside("vault.backup")],
        &["verify", &beside("vault.backup"), "--recovery-key-file", &recovery],
        &["restore", &beside("vault.backup"), "--replace", "--recovery-key-file", &recovery],
    ];
    for command in commands {
        let answer = home.ask(command, "");
        places.add(&format!("secret {}", command[0]), &format!("{}{}", answer.out, answer.said));
    }
}

/// What `fogbell check` says of configurations in which something is wrong, a secret in the place of its home too.
fn wrong_configurations(scene: &Scene, places: &mut Places) {
    let whole = scene.render();
    let home = "{ secret = \"mist/webhook\" }";
    assert!(whole.contains(home) && whole.contains("{ credential = \"token\" }"));
    let inline = format!("{:?}", scene.webhook);
    let wrong = [
        whole.clone(),
        whole.replace(home, &inline),
        whole.replace(home, &format!("{{ value = {inline} }}")),
        whole.replace(home, &format!("{{ secret = {inline} }}")),
        whole.replace(home, &format!("{{ secret = {inline}")),
        whole.replace(home, &format!("{{ secret = \"{}", scene.webhook)),
        whole.replace("{ credential = \"token\" }", &format!("{:?}", scene.token)),
        whole.replace("{ credential = \"token\" }", "{ credential = \"tokn\" }"),
        whole.replace("version = \"3\"", "version = \"4\""),
        whole.replace(home, &format!("{home}, {home}")),
    ];
    for (number, text) in wrong.iter().enumerate() {
        let answer = scene.check(text);
        assert_eq!(answer.code == 0, number == 0, "{number}: {}", answer.said);
        places.add(&format!("check {number}"), &format!("{}{}", answer.out, answer.said));
    }
}

/// Good requests, and such that are refused, with secrets where somebody may put them.
fn requests(scene: &mut Scene, places: &mut Places) {
    scene.wait_asked();
    let (webhook, old_webhook, audit) =
        (scene.webhook.clone(), scene.old_webhook.clone(), scene.audit_body());
    let relay = scene.relay();
    for secret in [&webhook, &old_webhook] {
        let device = format!("down-{}", secret.len());
        let body = ALARM.replace("DEVICE", &device);
        assert_eq!(relay.post(secret, &body).status, 200);
    }
    assert_eq!(relay.post(&webhook, &audit).status, 200);
    assert_eq!(relay.post("another secret", ALARM).status, 401);
    for said in scene.refused() {
        places.add("an answer", &said);
    }
    assert_eq!(scene.v2c.wait_traps(3).len().min(3), 3);
    assert_eq!(scene.v3.wait_traps(3).len().min(3), 3);
    assert_eq!(scene.siem.wait_lines(3).len().min(3), 3);
}

/// Every command beside a running relay.
fn commands_beside_it(scene: &mut Scene, places: &mut Places) {
    let body = scene.home.path.join("secrets").join("audit.json");
    fs::write(&body, scene.audit_body()).unwrap();
    let body = body.display().to_string();
    let tail = scene.fogbell(&["tail", "-n", "3", "--json"]);
    let alert: serde_json::Value = serde_json::from_str(tail.out.lines().next().unwrap()).unwrap();
    let id = alert["id"].as_str().unwrap();
    let commands: [&[&str]; 12] = [
        &["tail", "-n", "3"],
        &["tail", "-n", "3", "--json"],
        &["check"],
        &["explain", id],
        &["explain", &body],
        &["journal", "status"],
        &["journal", "status", "--json"],
        &["journal", "verify"],
        &["journal", "export", "--log", "outbox"],
        &["snmp", "user-line", "v3"],
        &["snmp", "user-line", "v3", "--reveal"],
        &["snmp", "probe", "v3"],
    ];
    for command in commands {
        let answer = scene.fogbell(command);
        places.add(&command.join(" "), &format!("{}{}", answer.out, answer.said));
    }
    let inbox = scene.fogbell(&["journal", "export", "--log", "inbox"]);
    places.add("the journal's signed bodies", &format!("{}{}", inbox.out, inbox.said));
    for page in ["/metrics", "/readyz", "/livez", "/"] {
        places.add(page, &format!("{:?}", e2e::Curl::new(&scene.relay().admin_url(page)).run()));
    }
}

/// Ends that were not asked for, with core files allowed, and an orderly one.
fn crashes(scene: &mut Scene, places: &mut Places) {
    use rustix::process::Signal;
    for signal in [Signal::KILL, Signal::QUIT, Signal::ABORT, Signal::TERM] {
        places.process(scene.relay().process().pid());
        let relay = scene.relay();
        relay.process().signal(signal);
        let _ = relay.wait_exit(Duration::from_secs(30));
        places.add("what was said", &scene.relay().process().lines().join("\n"));
        if signal != Signal::TERM {
            scene.start();
        }
    }
    let log = scene.log();
    assert!(wait_until(DEADLINE, || fs::read_to_string(&log).is_ok_and(|text| text.contains("stopped"))));
    let cores: Vec<PathBuf> =
        places::files(&scene.home.path).into_iter().filter(|file| is_core(file)).collect();
    assert!(cores.is_empty(), "a crash left {cores:?}");
}

fn is_core(file: &Path) -> bool {
    file.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("core"))
}

const ALARM: &str = r#"{"topic":"alarms","events":[{"id":"1","type":"device_down","device_name":"DEVICE","timestamp":1767323045}]}"#;

/// The one that comes in a message.
const AUDIT: &str = "secret in an audit";

/// The one that its receiver is told.
const COMMUNITY: &str = "SNMP community";
