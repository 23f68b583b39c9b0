//! What the subcommands say and do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn a_script_of_sixty_lines_opens_what_the_program_wrote() {
    let home = Home::with_vault();
    home.set("mist/webhook", "s3cret\n");
    home.set("snmp.auth", "two\nlines\n\n");
    let pem = home.path.join("key.pem");
    fs::write(&pem, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    assert_eq!(home.ask(&["set", "key", "--file", pem.to_str().unwrap()], "").code, 0);

    let read = home.secrets();

    assert_eq!(read["mist/webhook"], "s3cret");
    assert_eq!(read["snmp.auth"], "two\nlines\n");
    assert!(read["key"].ends_with("-----END PRIVATE KEY-----"), "{}", read["key"]);
    assert_eq!(read.len(), 3);
    let script =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/vault/tests/open_vault.py"));
    assert!(script.unwrap().lines().count() <= 60);
}

#[test]
fn the_vault_of_format_1_that_is_kept_opens_for_the_script_too() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/vault/tests/fixtures");

    let read = read_vault(&fixtures.join("format-1.vault"), &fixtures.join("format-1.key"));

    assert_eq!(read["mist/webhook"], "correct horse battery staple");
    assert_eq!(read["snmp.auth"], "päss wörd");
    assert_eq!(read.len(), 3);
}

#[test]
fn a_secret_is_listed_replaced_and_removed_and_never_printed() {
    let home = Home::with_vault();
    let mut said = String::new();
    let mut ask = |arguments: &[&str], input: &str| {
        let answer = home.ask(arguments, input);
        said += &format!("{}{}", answer.out, answer.said);
        answer
    };

    assert_eq!(ask(&["set", "a", "--kind", "webhook"], "canary-one").out, "set `a` (webhook)\n");
    assert_eq!(ask(&["set", "b"], "canary-two").out, "set `b` (other)\n");
    let first = home.list();
    assert_eq!(ask(&["set", "a"], "canary-one\n").out, "set again, to the value it had, `a` (webhook)\n");
    assert_eq!(ask(&["set", "a"], "canary-three").out, "replaced `a` (webhook)\n");
    let listed = home.list();
    let table = ask(&["list"], "").out;
    assert_eq!(ask(&["verify"], "").code, 0);
    let refused = ask(&["show", "a"], "");
    assert_eq!(refused.code, 1);
    assert!(refused.said.contains("terminal only"), "{}", refused.said);
    assert_eq!(ask(&["rm", "b", "--yes"], "").code, 0);
    assert_eq!(ask(&["rm", "b", "--yes"], "").code, 1);

    assert_eq!(
        (&listed["secrets"][0]["name"], &listed["secrets"][0]["kind"]),
        (&"a".into(), &"webhook".into())
    );
    assert_eq!(listed["secrets"][0]["created"], first["secrets"][0]["created"]);
    assert_ne!(listed["secrets"][0]["fingerprint"], first["secrets"][0]["fingerprint"]);
    assert_eq!(listed["secrets"][1]["fingerprint"], first["secrets"][1]["fingerprint"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    for word in [
        "webhook",
        "FINGERPRINT",
        "key-file",
        "recovery",
        listed["secrets"][1]["fingerprint"].as_str().unwrap(),
    ] {
        assert!(table.contains(word), "{word} in\n{table}");
    }
    assert_eq!(home.secrets().keys().collect::<Vec<_>>(), ["a"]);
    assert!(!said.contains("canary"), "{said}");
    for file in [home.vault(), home.path.join("fogbell.toml")] {
        let bytes = fs::read(file).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"));
    }
    // the names are sealed too
    assert!(!String::from_utf8_lossy(&fs::read(home.vault()).unwrap()).contains("webhook"));
}

#[test]
fn what_is_wrong_is_said_with_what_mends_it() {
    let home = Home::without_vault();
    let refused = |arguments: &[&str], input: &str, says: &[&str]| {
        let answer = home.ask(arguments, input);
        assert_eq!(answer.code, 1, "{arguments:?}: {}{}", answer.out, answer.said);
        for word in says {
            assert!(answer.said.contains(word), "{arguments:?}: no {word} in: {}", answer.said);
        }
        assert_eq!(answer.said.lines().count(), 1, "{}", answer.said);
        assert!(!answer.said.contains("canary"), "{}", answer.said);
    };
    let vault = home.vault().display().to_string();

    refused(&["init"], "", &["recovery key", "--recovery-key-to"]);
    refused(&["list"], "", &["there is no vault", &vault, "secret restore"]);
    fs::remove_file(home.key_file()).ok();
    refused(&["set", "a"], "canary", &["there is no vault", "secret init"]);
    home.init();
    refused(&["init", "--recovery-key-to", "/dev/null"], "", &["exists already", &vault]);
    refused(&["set", "a"], "", &["an empty secret"]);
    refused(&["set", "a"], &"canary".repeat(20_000), &["at most 65536 bytes"]);
    refused(&["set", "a b"], "canary", &["a secret's name has"]);
    refused(&["rm", "a"], "", &["--yes"]);
    refused(&["rm", "a", "--yes"], "", &["no secret `a`"]);
    refused(&["rewrap"], "", &["nothing to do"]);
    refused(&["rewrap", "--remove", "nobody"], "", &["no `nobody`", "recovery key `recovery`"]);

    home.set("a", "canary");
    let other = home.path.join("other.key");
    fs::write(&other, [7; 32]).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    refused(
        &["list", "--key-file", other.to_str().unwrap()],
        "",
        &["none of the keys at hand", "key file `key-file`"],
    );
    fs::write(&other, [7; 31]).unwrap();
    refused(&["list", "--key-file", other.to_str().unwrap()], "", &["other.key", "32 to 4096", "not 31"]);
    fs::set_permissions(home.vault(), Permissions::from_mode(0o640)).unwrap();
    refused(&["list"], "", &["mode 0640", "`chmod 600 "]);
    fs::set_permissions(home.vault(), Permissions::from_mode(0o600)).unwrap();
    fs::rename(home.vault(), home.state.join("elsewhere")).unwrap();
    symlink(home.state.join("elsewhere"), home.vault()).unwrap();
    refused(&["list"], "", &["symbolic link"]);
    fs::remove_file(home.vault()).unwrap();
    let mut bytes = fs::read(home.state.join("elsewhere")).unwrap();
    fs::write(home.vault(), &bytes[..bytes.len() - 1]).unwrap();
    fs::set_permissions(home.vault(), Permissions::from_mode(0o600)).unwrap();
    refused(&["list"], "", &[&vault, "damaged", "restore a backup"]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(home.vault(), &bytes).unwrap();
    refused(&["verify"], "", &[&vault, "altered", "restore a backup"]);
    bytes[9] = 2;
    fs::write(home.vault(), &bytes).unwrap();
    refused(&["verify"], "", &["format 2", "newer"]);
}

#[test]
fn the_keys_that_open_a_vault_can_be_changed() {
    let home = Home::with_vault();
    home.set("a", "one");
    let other = home.path.join("other.key");
    fs::write(&other, [7; 32]).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    let other = other.display().to_string();

    let swapped =
        home.ask(&["rewrap", "--add-key-file", &other, "--label", "second", "--remove", "key-file"], "");
    assert_eq!(swapped.code, 0, "{}", swapped.said);
    assert!(
        swapped.out.contains("opens with recovery, second") && swapped.out.contains("rotate-key"),
        "{}",
        swapped.out
    );
    assert_eq!(home.ask(&["list"], "").code, 1);
    assert_eq!(home.ask(&["list", "--key-file", &other], "").code, 0);
    let recovery = home.recovery_file().display().to_string();
    assert_eq!(home.ask(&["list", "--recovery-key-file", &recovery], "").code, 0);

    let same = home.ask(
        &[
            "rewrap",
            "--key-file",
            &other,
            "--add-key-file",
            home.key_file().to_str().unwrap(),
            "--label",
            "second",
            "--remove",
            "second",
        ],
        "",
    );
    assert_eq!(same.code, 0, "{}", same.said);
    assert_eq!(home.list()["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_rotation_wants_all_keys_and_replaces_a_recovery_key_that_is_not_given() {
    let home = Home::with_vault();
    home.set("a", "one");
    let other = home.path.join("other.key");
    fs::write(&other, [7; 32]).unwrap();
    fs::set_permissions(&other, Permissions::from_mode(0o600)).unwrap();
    let other = other.display().to_string();
    let before = fs::read(home.vault()).unwrap();
    assert_eq!(home.ask(&["rewrap", "--add-key-file", &other, "--label", "second"], "").code, 0);
    let (old, new) =
        (home.recovery_file().display().to_string(), home.path.join("new").display().to_string());

    let refused = home.ask(&["rotate-key", "--recovery-key-file", &old], "");
    assert_eq!(refused.code, 1);
    assert!(refused.said.contains("`second` is not at hand"), "{}", refused.said);
    let rotated = home.ask(&["rotate-key", "--also-key-file", &other, "--recovery-key-to", &new], "");
    assert_eq!(rotated.code, 0, "{}", rotated.said);

    let opens =
        |file: &str, arguments: &[&str]| home.ask(&[&["verify", file], arguments].concat(), "").code == 0;
    let vault = home.vault().display().to_string();
    assert!(opens(&vault, &["--recovery-key-file", &new]));
    assert!(!opens(&vault, &["--recovery-key-file", &old]));
    assert!(opens(&vault, &["--key-file", &other]));
    assert_eq!(home.secrets()["a"], "one");
    fs::write(home.path.join("before"), before).unwrap();
    fs::set_permissions(home.path.join("before"), Permissions::from_mode(0o600)).unwrap();
    assert!(opens(home.path.join("before").to_str().unwrap(), &["--recovery-key-file", &old]));
}
