//! A backup becomes the vault of another machine, which has nothing but it and the recovery key.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_backup_is_restored_on_another_machine_by_the_recovery_key() {
    let first = Home::with_vault();
    first.set("mist/webhook", "s3cret");
    first.set("snmp.auth", "passphrase");
    let backup = first.path.join("backup").display().to_string();
    let made = first.ask(&["backup", &backup], "");
    assert_eq!(made.code, 0, "{}", made.said);
    assert!(made.out.contains("2 secrets") && made.out.contains("recovery key `recovery`"), "{}", made.out);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o600);
    let again = first.ask(&["backup", &backup], "");
    assert!(again.code == 1 && again.said.contains("exists already"), "{}", again.said);
    first.set("mist/webhook", "a later one");

    let second = Home::without_vault();
    let recovery = second.path.join("typed").display().to_string();
    fs::copy(first.recovery_file(), &recovery).unwrap();
    fs::set_permissions(&recovery, Permissions::from_mode(0o600)).unwrap();
    let restored = second.ask(&["restore", &backup, "--recovery-key-file", &recovery], "");
    assert_eq!(restored.code, 0, "{}", restored.said);

    let secrets = second.secrets();
    assert_eq!((secrets["mist/webhook"].as_str(), secrets["snmp.auth"].as_str()), ("s3cret", "passphrase"));
    assert_ne!(fs::read(first.key_file()).unwrap(), fs::read(second.key_file()).unwrap());
    let listed = (first.list(), second.list());
    assert_eq!(listed.0["secrets"][1], listed.1["secrets"][1], "name, kind, ages and fingerprint stay");
    // the paper in the safe still opens it, the first machine's key does not
    assert_eq!(second.ask(&["verify", "--recovery-key-file", &recovery], "").code, 0);
    assert_eq!(second.ask(&["verify", "--key-file", first.key_file().to_str().unwrap()], "").code, 1);

    second.set("only/here", "kept");
    let refused = second.ask(&["restore", &backup, "--recovery-key-file", &recovery], "");
    assert!(refused.code == 1 && refused.said.contains("--replace"), "{}", refused.said);
    assert_eq!(second.secrets()["only/here"], "kept");
    let replaced = second.ask(&["restore", &backup, "--replace", "--recovery-key-file", &recovery], "");
    assert_eq!(replaced.code, 0, "{}", replaced.said);
    assert!(!second.secrets().contains_key("only/here"));
}

#[test]
fn a_backup_does_not_open_without_one_of_its_keys() {
    let first = Home::with_vault();
    first.set("a", "one");
    let backup = first.path.join("backup").display().to_string();
    assert_eq!(first.ask(&["backup", &backup], "").code, 0);
    let second = Home::with_vault();

    let refused = second.ask(&["restore", &backup, "--replace"], "");

    assert_eq!(refused.code, 1);
    assert!(
        refused.said.contains("none of the keys at hand") && refused.said.contains(&backup),
        "{}",
        refused.said
    );
    assert!(second.secrets().is_empty());
    let wrong = second.recovery_file().display().to_string();
    assert_eq!(second.ask(&["verify", &backup, "--recovery-key-file", &wrong], "").code, 1);
}
