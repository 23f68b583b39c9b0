//! A relay goes on elsewhere from a backup.

mod needs_root;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Answer, Config, DEADLINE, Fogbell, Notification, V3, ask_fogbell, ask_fogbell_in, wait_until};
use serde_json::Value;

use crate::nothing_lost::load::{Load, Target, Until};
use crate::nothing_lost::sinks::Receivers;
use crate::nothing_lost::{admin, seeded};

fn backup(home: &Path, to: &Path, more: &[&str]) -> Answer {
    ask_fogbell_in(home, &[&["backup", to.to_str().unwrap()], more].concat())
}

fn restore(from: &Path, more: &[&str]) -> Answer {
    ask_fogbell(&[&["restore", from.to_str().unwrap()], more].concat())
}

/// A folder with a relay's home in it, which may go and come back, and room beside it.
fn home() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("relay");
    fs::create_dir(&home).unwrap();
    (folder, home)
}

fn boots(home: &Path) -> u64 {
    let text = fs::read_to_string(home.join("state/snmp-engine")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("boots = ")).unwrap().parse().unwrap()
}

#[test]
fn nothing_acknowledged_before_a_backup_is_lost_to_a_machine_that_is_gone() {
    let _rng = seeded("backup");
    let (folder, home) = home();
    let file = folder.path().join("backup");
    let mut receivers = Receivers::start();
    let mut relay = Fogbell::start_in(&home, &receivers.add_to(Config::new(), ""));
    // some is delivered already, and some is nowhere but in the journal
    let load = Load::paced(&Target::of(&relay), 0, 4, 200);
    assert!(wait_until(DEADLINE, || load.acknowledged() > 50));
    receivers.set_all(false);
    let before = load.acknowledged();
    assert!(wait_until(DEADLINE, || load.acknowledged() > before + 50));
    let mut told = load.finish(Until::Finished);
    // others are still coming in: they may be in it or not
    let meanwhile = Load::paced(&Target::of(&relay), 100, 4, 200);
    assert!(wait_until(DEADLINE, || meanwhile.acknowledged() > 0));

    let made = backup(&home, &file, &[]);

    assert_eq!(made.code, 0, "{}", made.said);
    let meanwhile = meanwhile.finish(Until::Finished);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let boots_then = boots(&home);
    // the old machine goes on for a while, and is then gone
    for _ in 0..2 {
        relay.kill9();
        relay.start_again();
    }
    let boots_last = boots(&home);
    relay.kill9();
    fs::remove_dir_all(&home).unwrap();
    let restored = restore(&file, &[]);
    assert_eq!(restored.code, 0, "{}", restored.said);
    assert!(boots(&home) > boots_last && boots_last > boots_then, "{boots_then} {boots_last}");
    receivers.set_all(true);
    let mut relay = Fogbell::start_as_it_is(&home, &[]);
    admin::wait_drained(&mut relay, Duration::from_secs(90));

    told.extend(meanwhile.into_posted());
    for figures in receivers.account(&told, DEADLINE) {
        assert_eq!(figures.lost, 0, "{figures:?}");
    }
}

/// Every file below a folder, with its mode and bytes, but for what only a running program needs.
fn files(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() && !name.ends_with(".lock") && !name.starts_with("journal.db") {
            found.push((
                path.clone(),
                fs::metadata(&path).unwrap().permissions().mode(),
                fs::read(&path).unwrap(),
            ));
        }
    }
    found.sort();
    found
}

/// A configuration that names a file wherever one can be named.
fn everything(home: &Path) -> Config {
    let ca = home.join("certs/ca.pem");
    let trust = e2e::TlsTrust {
        ca: &ca,
        server_name: "localhost",
        client: Some((&home.join("certs/client.pem"), &home.join("certs/client.key"))),
    };
    let v3 = V3 {
        user: "relay".to_owned(),
        auth: "auth-passphrase".to_owned(),
        privacy: "privacy-passphrase".to_owned(),
    };
    Config::new()
        .set("gate", "clouds", &format!("{:?}", home.join("clouds.json").display().to_string()))
        .api("127.0.0.1:9", "0c160b7f-1027-4cd1-923b-744534c4b070", "token", &ca)
        .v2c("nms", "127.0.0.1:9", "public", Notification::Trap)
        .v3("nms3", "127.0.0.1:9", &v3, Notification::Trap)
        .syslog_tls("siem", "127.0.0.1:9", &trust)
}

#[test]
fn what_the_configuration_names_comes_back_with_its_mode_and_the_key_of_the_vault_does_not() {
    let (folder, home) = home();
    let file = folder.path().join("backup");
    fs::write(home.join("clouds.json"), ask_fogbell(&["clouds", "--json"]).out).unwrap();
    let key = folder.path().join("key").display().to_string();
    let config = everything(&home).set("vault", "key", &format!("{{ file = {key:?} }}"));
    config.write(&home);
    let init = ask_fogbell_in(&home, &["secret", "init", "--recovery-key-to", &format!("{key}.recovery")]);
    assert_eq!(init.code, 0, "{}", init.said);
    let relay = Fogbell::start_as_it_is(&home, &[]);
    let before = files(&home);

    let made = backup(&home, &file, &["--json"]);
    drop(relay);

    assert_eq!(made.code, 0, "{}", made.said);
    let list: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(
        list["left_out"][0].as_str().unwrap(),
        format!("the key `{key}` of the vault, or its recovery key")
    );
    fs::remove_dir_all(&home).unwrap();
    assert_eq!(restore(&file, &[]).code, 0);
    let mut after = files(&home);
    let named = |list: &[(PathBuf, u32, Vec<u8>)]| list.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    // what nobody names stays behind: keys of the authority and of the receiver
    let text = fs::read_to_string(home.join("fogbell.toml")).unwrap();
    let expect: Vec<_> = before
        .into_iter()
        .filter(|(path, ..)| {
            path.starts_with(home.join("state"))
                || path.ends_with("fogbell.toml")
                || text.contains(path.to_str().unwrap())
        })
        .collect();
    assert_eq!(named(&after), named(&expect));
    // the engine alone has counted on
    let engine = |file: &(PathBuf, u32, Vec<u8>)| file.0.ends_with("snmp-engine");
    assert_eq!(after.iter().filter(|file| engine(file)).count(), 1);
    after.retain(|file| !engine(file));
    assert_eq!(after, expect.into_iter().filter(|file| !engine(file)).collect::<Vec<_>>());
    assert_eq!(ask_fogbell_in(&home, &["check"]).code, 0);
    assert!(!fs::read(&file).unwrap().windows(16).any(|bytes| bytes == &fs::read(&key).unwrap()[..16]));
}

#[test]
fn a_restore_goes_over_nothing_and_keeps_off_a_running_relay() {
    let (folder, home) = home();
    let file = folder.path().join("backup");
    let relay = Fogbell::start_in(&home, &Config::new());
    assert_eq!(backup(&home, &file, &[]).code, 0);
    let again = backup(&home, &file, &[]);
    assert!(again.code == 1 && again.said.contains("--replace"), "{}", again.said);
    assert_eq!(backup(&home, &file, &["--replace"]).code, 0);

    let there = restore(&file, &[]);
    assert!(
        there.code == 1 && there.said.contains("journal.db`") && there.said.contains("--replace"),
        "{}",
        there.said
    );
    let held = restore(&file, &["--replace"]);
    assert!(held.code == 1 && held.said.contains("journal"), "{}", held.said);
    drop(relay);
    let before = files(&home);
    fs::write(home.join("fogbell.toml"), "spoilt").unwrap();
    assert_eq!(restore(&file, &["--check"]).code, 0);
    assert_eq!(fs::read_to_string(home.join("fogbell.toml")).unwrap(), "spoilt");

    let replaced = restore(&file, &["--replace"]);

    assert_eq!(replaced.code, 0, "{}", replaced.said);
    assert_eq!(files(&home), before);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_backup_that_is_damaged_short_newer_or_none_is_refused_and_nothing_is_written() {
    let mut rng = seeded("backup-damage");
    let (folder, home) = home();
    let file = folder.path().join("backup");
    drop(Fogbell::start_in(&home, &Config::new()));
    assert_eq!(backup(&home, &file, &[]).code, 0);
    let good = fs::read(&file).unwrap();
    fs::remove_dir_all(&home).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        let answer = restore(&file, &[]);
        assert!(
            answer.code == 1 && answer.said.contains("cannot be restored"),
            "{what}: {} {}",
            answer.out,
            answer.said
        );
        assert!(!home.exists(), "{what}: something was written");
        answer.said
    };

    // headers and the ends of entries have bytes that say nothing; those of the contents all count
    let list = good.windows(9).position(|bytes| bytes == b"\"format\":").unwrap();
    let contents = list..list + 600;
    for _ in 0..20 {
        let mut bytes = good.clone();
        bytes[contents.start + rng.below(contents.len())] ^= 1 << rng.below(8);
        refused(&bytes, "a bit of the list");
    }
    let toml = good.windows(6).rposition(|bytes| bytes == b"[gate]").unwrap();
    let mut bytes = good.clone();
    bytes[toml] ^= 1;
    assert!(refused(&bytes, "a bit of a file").contains("its copy of"));
    for length in [0, 100, 511, 512, 1024, good.len() / 2, toml, good.len() - 1024 - 512] {
        refused(&good[..length], &format!("the first {length} bytes"));
    }
    refused(b"[listen]\n", "another file");
    let newer = String::from_utf8_lossy(&good[list..list + 12]).replace('1', "2");
    let mut bytes = good;
    bytes[list..list + 12].copy_from_slice(newer.as_bytes());
    let said = refused(&bytes, "a newer one");
    assert!(said.contains("format 2") && said.contains("knows formats up to 1"), "{said}");
}

#[test]
fn a_configuration_of_a_newer_version_is_refused_by_its_version() {
    let (_folder, home) = home();
    Config::new().set("", "version", "2").set("", "warp", "9").write(&home);

    let newer = ask_fogbell_in(&home, &["check"]);

    assert_eq!(newer.code, 78);
    assert!(newer.said.contains("version 2") && newer.said.contains("reads version 1"), "{}", newer.said);
    Config::new().set("", "version", "1").write(&home);
    assert_eq!(ask_fogbell_in(&home, &["check"]).code, 0);
}

#[test]
fn a_journal_of_a_newer_format_is_refused_by_its_format_and_left_as_it_is() {
    let (_folder, home) = home();
    let mut relay = Fogbell::start_in(&home, &Config::new());
    relay.deliver(r#"{"topic":"alarms","events":[{"type":"device_down","timestamp":1767323045}]}"#);
    relay.sigterm();
    assert!(relay.wait_exit(DEADLINE).success());
    drop(relay);
    let file = home.join("state/journal.db");
    let good = fs::read(&file).unwrap();
    // as SQLite's file format has it: `user_version` in bytes 60 to 63, `application_id` in 68 to 71, which ends in a digit
    assert_eq!((good[63], good[71]), (3, b'3'));
    let mut newer = good.clone();
    (newer[63], newer[71]) = (4, b'4');
    fs::write(&file, &newer).unwrap();

    for command in ["run", "journal status"] {
        let answer = ask_fogbell_in(&home, &command.split(' ').collect::<Vec<_>>());

        assert_ne!(answer.code, 0, "{command}");
        let says = "has format 4, this version knows up to 3";
        assert!(answer.said.contains(says), "{command}: {}", answer.said);
    }
    assert_eq!(fs::read(&file).unwrap(), newer, "something was written");
    fs::write(&file, &good).unwrap();
    drop(Fogbell::start_in(&home, &Config::new()));
}
