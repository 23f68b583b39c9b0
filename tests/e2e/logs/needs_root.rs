//! The journal of systemd.

use e2e::Journald;

use super::*;

/// Started by systemd, standard error is the journal, and the environment says so.
const BY_SYSTEMD: &str = "JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr); export JOURNAL_STREAM; exec \"$@\"";

/// The entries of the relay.
fn of_relay(journald: &mut Journald) -> Vec<Value> {
    let entries = journald.entries();
    entries.into_iter().filter(|it| it["SYSLOG_IDENTIFIER"] == "fogbell").collect()
}

#[test]
fn started_by_systemd_each_value_is_a_field_of_its_journal() {
    let mut journald = Journald::start();
    let wrapper = [&journald.wrapper()[..], &["sh", "-c", BY_SYSTEMD, "sh"]].concat();
    let mut relay = Logged::start(&wrapper, &[], "info,async_snmp=off");
    relay.posts();
    let mut entries = Vec::new();
    let complete = wait_until(DEADLINE, || {
        entries = of_relay(&mut journald);
        let refused = entries.iter().filter(|it| it["FOGBELL_REASON"].is_string()).count();
        refused == 2 && entries.iter().any(|it| it["FOGBELL_SINK"] == "siem")
    });
    assert!(complete, "{entries:#?}");
    relay.running.sigterm();
    assert!(relay.running.wait_exit(DEADLINE).success());

    let reasons: Vec<&Value> =
        entries.iter().map(|it| &it["FOGBELL_REASON"]).filter(|it| it.is_string()).collect();
    assert_eq!(reasons, ["signature_wrong", "path"]);
    let refused = entries.iter().find(|it| it["FOGBELL_REASON"] == "path").unwrap();
    for (field, value) in [
        // informational, see syslog(3)
        ("PRIORITY", "6"),
        ("FOGBELL_PEER", "127.0.0.1"),
        ("FOGBELL_STATUS", "404"),
        ("_TRANSPORT", "journal"),
        // who looks with `journalctl -u fogbell` sees this alone
        ("MESSAGE", "refused a request peer=127.0.0.1 reason=path status=404 unlogged=0"),
    ] {
        assert_eq!(refused[field], value, "{field}: {refused:#}");
    }
    let of_sink = entries.iter().find(|it| it["FOGBELL_SINK"] == "siem").unwrap();
    assert_eq!(of_sink["PRIORITY"], "4", "{of_sink:#}");
    let text = format!("{entries:?}");
    assert!(!text.contains(CANARY) && !text.contains(Config::SECRET), "{text}");
    assert_eq!(relay.running.lines(), Vec::<String>::new(), "it is said once");
}

#[test]
fn why_a_relay_ends_is_an_error_in_the_journal() {
    let mut journald = Journald::start();
    let home = TempDir::new().unwrap();
    let mut relay = run(home.path(), &journald.wrapper(), &["--log", "journald"], "info");

    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(78));

    let mut entries = Vec::new();
    let said = wait_until(DEADLINE, || {
        entries = of_relay(&mut journald);
        !entries.is_empty()
    });
    assert!(said);
    assert_eq!((entries.len(), &entries[0]["PRIORITY"]), (1, &"3".into()), "{entries:#?}");
    assert!(entries[0]["MESSAGE"].as_str().unwrap().contains("cannot read `"), "{entries:#?}");
}

/// Asked for by name there has to be one.
#[test]
fn a_journal_that_is_not_there_is_said() {
    let home = TempDir::new().unwrap();
    let script = "mount -t tmpfs none /run && exec \"$@\"";
    let mut relay =
        run(home.path(), &["unshare", "--mount", "sh", "-c", script, "sh"], &["--log", "journald"], "info");

    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(1));

    assert!(
        relay.lines().iter().any(|line| line.contains("there is no journal of systemd")),
        "{:?}",
        relay.lines()
    );
}
