//! Secrets in a vault, when it is asked for.

use e2e::{Snmptrapd, SnmptrapdSetup};

use super::*;

/// What keeps secrets in a vault that a key file opens.
fn sealed(machine: &Machine) -> [String; 4] {
    let path = |name: &str| machine.at(name).display().to_string();
    ["--secrets".to_owned(), path("vault.key"), "--recovery-key-to".to_owned(), path("recovery")]
}

fn strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn in_a_vault_secrets_are_sealed_and_reach_the_receivers_and_a_second_run_changes_nothing() {
    let machine = Machine::new();
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["canary".to_owned()], ..Default::default() });
    machine.secret("nms", "canary");
    let answers = machine.answers("create_webhook = true\n").display().to_string();
    let sinks = [
        "--sink".to_owned(),
        format!("siem=tcp://{}", machine.siem.tcp()),
        "--sink".to_owned(),
        format!("noc=v2c://{}?community={}", nms.address(), machine.at("nms").display()),
    ];
    let given = [&["--answers".to_owned(), answers, "--yes".to_owned()], &sinks[..]].concat();
    let first = [&given[..], &sealed(&machine)].concat();

    let dry = machine.init(&[strs(&first), vec!["--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{}", dry.said);
    assert!(!machine.home().exists() && !machine.at("state").exists() && !machine.at("vault.key").exists());
    assert!(dry.out.contains("    + mist/webhook") && dry.out.contains("the recovery key"), "{}", dry.out);

    let done = machine.init(&strs(&first));
    assert_eq!((done.code, machine.writes()), (0, 1), "{}{}", done.out, done.said);
    let vault = machine.at("state/vault");
    for (path, expect) in [
        (&vault, 0o600),
        (&machine.at("vault.key"), 0o600),
        (&machine.at("recovery"), 0o600),
        (&machine.at("state"), 0o700),
        (&machine.config(), 0o600),
    ] {
        assert_eq!(mode(path), expect, "{}", path.display());
    }
    assert!(!machine.home().join("secrets").exists(), "no secret is in a file of its own");
    let text = fs::read_to_string(machine.config()).unwrap();
    assert!(text.contains("secrets = [{ secret = \"mist/webhook\" }]"), "{text}");
    let token = machine.cloud.token(machine.org);
    for (path, bytes) in [files(&machine.home()), files(&machine.at("state"))].concat() {
        let holds = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds(&token) && !holds("canary"), "{}", path.display());
    }

    // the same again, and also when nobody says any more where secrets are
    let before = [files(&machine.home()), files(&machine.at("state"))];
    for again in [&first, &given] {
        let again = machine.init(&strs(again));
        assert_eq!((again.code, machine.writes()), (0, 1), "{}{}", again.out, again.said);
        assert!(again.out.contains("nothing to do"), "{}", again.out);
        assert_eq!([files(&machine.home()), files(&machine.at("state"))], before);
    }

    let config = machine.config().display().to_string();
    let _relay = Fogbell::start_as_it_is(&machine.home(), &[]);
    let ping = ask_fogbell(&["webhook", "ping", "--json", "--config", &config]);
    assert_eq!(ping.code, 0, "{}{}", ping.out, ping.said);
    let tested = ask_fogbell(&["test", "--config", &config]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.said);
    assert!(machine.siem.wait_lines(1).iter().any(|line| line.msgid == "ping"));
    assert!(nms.traps().iter().any(|trap| trap.sender.ends_with("community canary")), "{:?}", nms.traps());

    // another token is one change, in the vault alone
    let writes = machine.writes();
    let token = machine.cloud.add_token(machine.org, "admin").unwrap();
    machine.secret("token", &token);
    let changed = machine.init(&strs(&given));
    assert_eq!((changed.code, machine.writes()), (0, writes), "{}{}", changed.out, changed.said);
    assert!(
        changed.out.contains("    ~ mist/token") && changed.out.contains("    = mist/webhook"),
        "{}",
        changed.out
    );
    assert_eq!(files(&machine.home()), before[0]);
}

#[test]
fn secrets_that_were_in_files_move_into_the_vault_as_they_are() {
    let machine = Machine::new();
    let answers = machine.answers("create_webhook = true\n").display().to_string();
    let given = ["--answers".to_owned(), answers, "--yes".to_owned()];
    let done = machine.init(&strs(&given));
    assert_eq!((done.code, machine.writes()), (0, 1), "{}{}", done.out, done.said);

    let moved = machine.init(&strs(&[&given[..], &sealed(&machine)].concat()));

    // the secret of the webhook is the same, so that nothing changes in Mist
    assert_eq!((moved.code, machine.writes()), (0, 1), "{}{}", moved.out, moved.said);
    assert!(moved.out.contains("secrets/webhook is not used any more"), "{}", moved.out);
    let checked = ask_fogbell(&["check", "--config", &machine.config().display().to_string()]);
    assert_eq!(checked.code, 0, "{}", checked.said);
}

#[test]
fn a_vault_is_not_made_when_its_recovery_key_would_be_lost_or_its_key_is_missing() {
    let machine = Machine::new();
    let answers = machine.answers("").display().to_string();
    let given = ["--answers".to_owned(), answers, "--yes".to_owned()];
    let sealed = sealed(&machine);

    let lost = machine.init(&strs(&[&given[..], &sealed[..2]].concat()));
    assert!(lost.code == 1 && lost.said.contains("--recovery-key-to FILE"), "{}", lost.said);
    let wrong = machine.init(&[strs(&given), vec!["--secrets", "vault.key"]].concat());
    assert!(wrong.code == 1 && wrong.said.contains("whole path of a key file"), "{}", wrong.said);
    assert!(!machine.home().exists() && !machine.at("state").exists());

    let done = machine.init(&strs(&[&given[..], &sealed].concat()));
    assert_eq!(done.code, 0, "{}", done.said);
    fs::remove_file(machine.at("vault.key")).unwrap();
    let missing = machine.init(&strs(&[&given[..], &sealed].concat()));
    assert!(missing.code == 1 && missing.said.contains("what opens it"), "{}", missing.said);
}
