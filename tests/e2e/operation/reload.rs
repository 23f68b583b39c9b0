//! Another configuration for a relay that runs: nothing is lost, no connection is cut, and what does not hold is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, TlsClient, ask_fogbell_in, wait_until};

use rustix::process::Signal;

use super::{alarm, sink};
use crate::certificates::watched::ping;

/// Replaces `old` in the configuration of `relay` by `new`.
fn edit(relay: &Fogbell, old: &str, new: &str) {
    let file = relay.home().join("fogbell.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(old), "{old} is not in {text}");
    fs::write(&file, text.replace(old, new)).unwrap();
}

/// Adds `table` at the end of the configuration of `relay`.
fn add(relay: &Fogbell, table: &str) {
    let file = relay.home().join("fogbell.toml");
    fs::write(&file, fs::read_to_string(&file).unwrap() + "\n" + table).unwrap();
}

fn reload(relay: &Fogbell) {
    let answer = ask_fogbell_in(relay.home(), &["reload"]);
    assert_eq!(answer.code, 0, "{}", answer.said);
}

/// The types that arrived under this APP-NAME, in their order; not what the relay says of itself.
fn kinds(siem: &Rsyslog, app: &str) -> Vec<String> {
    let own = |line: &e2e::Line| line.app == app && line.parameters(32473)["topic"] != "relay";
    siem.lines().into_iter().filter(own).map(|line| line.msgid).collect()
}

fn arrives(siem: &Rsyslog, app: &str, kind: &str) {
    let there = || kinds(siem, app).iter().any(|told| told == kind);
    assert!(wait_until(DEADLINE, there), "{app}: {kind} is not in {:?}", kinds(siem, app));
}

#[test]
fn a_reload_changes_who_is_let_in_and_which_sink_gets_what() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new().table(&sink("first", &siem.tcp(), "")).table(&sink("stays", &siem.tcp(), ""));
    let relay = Fogbell::start(&config);
    let mut open = TlsClient::connect(relay.address(), "localhost", relay.ca(), Duration::ZERO).unwrap();
    ping(&mut open);
    relay.deliver(&alarm("before"));
    arrives(&siem, "first", "before");
    arrives(&siem, "stays", "before");

    fs::write(relay.home().join("secrets/another"), "another secret").unwrap();
    fs::set_permissions(relay.home().join("secrets/another"), PermissionsExt::from_mode(0o600)).unwrap();
    edit(&relay, "/secrets/webhook\"", "/secrets/another\"");
    edit(&relay, "\"first\"", "\"second\"");
    add(
        &relay,
        "[[route]]\ntype = \"hidden\"\nsinks = [\"stays\"]\n[[route]]\nsinks = [\"second\", \"stays\"]\n",
    );
    reload(&relay);

    assert_eq!(relay.post(Config::SECRET, &alarm("refused")).status, 401);
    for kind in ["hidden", "after"] {
        assert_eq!(relay.post("another secret", &alarm(kind)).status, 200);
    }
    arrives(&siem, "second", "after");
    arrives(&siem, "stays", "after");
    assert_eq!(kinds(&siem, "first"), ["before"], "it is not served any more");
    assert_eq!(kinds(&siem, "second"), ["after"], "it is new, and one is not for it");
    assert_eq!(kinds(&siem, "stays"), ["before", "hidden", "after"]);
    let status = ask_fogbell_in(relay.home(), &["journal", "status", "--json"]).out;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let registered = |name: &str| {
        let cursors = status["cursors"].as_array().unwrap();
        cursors.iter().find(|cursor| cursor["name"] == name).unwrap()["registered"].clone()
    };
    assert_eq!([registered("first"), registered("second")], [false, true]);

    // it comes back, and goes on where it was
    edit(&relay, "\"second\", \"stays\"", "\"first\", \"second\", \"stays\"");
    add(&relay, &sink("first", &siem.tcp(), ""));
    reload(&relay);
    arrives(&siem, "first", "after");
    assert_eq!(kinds(&siem, "first"), ["before", "after"]);
    // the connection is still there, and the secret of now counts on it
    assert_eq!(open.post(Config::PATH, "another secret", &alarm("open")), Ok(200));
}

#[test]
fn what_does_not_hold_is_refused_and_the_old_goes_on() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let mut relay = Fogbell::start(&Config::new().table(&sink("siem", &siem.tcp(), "")));
    let file = relay.home().join("fogbell.toml");
    let good = fs::read_to_string(&file).unwrap();
    for (number, (change, says)) in [
        ("[[route]]\nsinks = [\"nobody\"]\n", "nobody"),
        ("[[route]]\nwhen = \"severity ==\"\nsinks = [\"siem\"]\n", "when"),
        ("[alarms]\nno_such_key = 1\n", "no_such_key"),
        ("[[org]]\nname = \"b\"\npath = \"/b\"\ncloud = \"global-01\"\nsecrets = [{ file = \"/nowhere\" }]\n", "/nowhere"),
        ("[journal]\nmax_bytes = 5000000\n", "journal.max_bytes can change only with a restart"),
        ("[vault]\npath = \"/x\"\n[[syslog]]\nname = \"s\"\naddress = \"a:1\"\nappname = \"x\"\n", "appname"),
    ]
    .into_iter()
    .enumerate()
    {
        fs::write(&file, format!("{good}\n{change}")).unwrap();
        let answer = ask_fogbell_in(relay.home(), &["reload"]);
        assert_ne!(answer.code, 0, "{change}");
        assert!(answer.said.contains(says), "{change}: {}", answer.said);
        relay.deliver(&alarm(&format!("still_{number}")));
        arrives(&siem, "siem", &format!("still_{number}"));
    }
    // without anybody to ask: by the signal, and said in the log
    let hangup = |relay: &mut Fogbell| relay.process().signal(Signal::HUP);
    hangup(&mut relay);
    let _ = relay
        .process()
        .wait_line("refused", |line| line.contains("was not taken; the relay goes on as it was"));
    fs::write(&file, good.replace("\"siem\"", "\"other\"")).unwrap();
    hangup(&mut relay);
    let _ = relay.process().wait_line("read again", |line| line.contains("the configuration was read again"));
    relay.deliver(&alarm("by_signal"));
    arrives(&siem, "other", "by_signal");
}

#[test]
fn a_secret_that_was_replaced_counts_without_anybody_asking() {
    let mut relay = Fogbell::start(&Config::new());
    let file = relay.home().join("secrets/webhook");
    assert_eq!(relay.post(Config::SECRET, &alarm("a")).status, 200);

    // as `mv` does it, and half of it first
    let beside = relay.home().join("secrets/new");
    fs::write(&beside, "").unwrap();
    fs::set_permissions(&beside, PermissionsExt::from_mode(0o600)).unwrap();
    fs::copy(&beside, &file).unwrap();
    let _ = relay
        .process()
        .wait_line("refused", |line| line.contains("do not hold; the relay goes on with the old ones"));
    assert_eq!(relay.post(Config::SECRET, &alarm("b")).status, 200);
    fs::write(&beside, "a newer secret").unwrap();
    fs::rename(&beside, &file).unwrap();
    let taken = || relay.post("a newer secret", &alarm("c")).status == 200;
    assert!(wait_until(DEADLINE, taken));
    assert_eq!(relay.post(Config::SECRET, &alarm("d")).status, 401);
}

#[test]
fn twenty_reloads_under_load_lose_and_repeat_nothing() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let relay = Fogbell::start(&Config::new().table(&sink("siem", &siem.tcp(), "")));
    let done = AtomicBool::new(false);
    let posted = thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let mut posted = Vec::new();
            while !done.load(Ordering::Relaxed) {
                posted.push(format!("alarm_{}", posted.len()));
                relay.deliver(&alarm(posted.last().unwrap()));
            }
            posted
        });
        for _ in 0..20 {
            reload(&relay);
        }
        done.store(true, Ordering::Relaxed);
        posting.join().unwrap()
    });

    arrives(&siem, "siem", posted.last().unwrap());
    let told = kinds(&siem, "siem");
    let first = told.iter().zip(&posted).find(|(told, posted)| told != posted);
    assert!(
        told == posted,
        "{} were posted, {} told; the first that differ are {first:?}",
        posted.len(),
        told.len()
    );
}
