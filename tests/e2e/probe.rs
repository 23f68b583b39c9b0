//! `fogbell snmp probe` tells apart what a real snmptrapd can have against a sink, and delivers no alarm.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use e2e::{Answer, Config, Snmptrapd, SnmptrapdSetup, ask_fogbell_in, free_port};
use tempfile::TempDir;

const USER: &str = "relay";

/// Parameters that are no texts.
const NUMBERS: [&str; 6] = ["state", "severity", "count", "duration", "seq", "truncated"];

/// What a sink of version 3 has of its own.
#[derive(Clone, Copy)]
struct Sink {
    kind: &'static str,
    user: &'static str,
    /// Names of files in `secrets/`, which hold that name and some more.
    auth: Option<&'static str>,
    privacy: Option<&'static str>,
}

const GOOD: Sink = Sink { kind: "inform", user: USER, auth: Some("auth"), privacy: Some("privacy") };

impl Sink {
    fn table(&self, address: &str) -> String {
        let Self { kind, user, auth, privacy } = self;
        let secret = |file: &str| format!("{{ file = \"SECRETS/{file}\" }}");
        let auth_line = match auth {
            Some(auth) => format!("auth = {{ protocol = \"sha-256\", secret = {} }}", secret(auth)),
            None => "danger_without_auth = true".to_owned(),
        };
        let privacy_line = match privacy {
            Some(privacy) => format!("privacy = {{ protocol = \"aes-128\", secret = {} }}", secret(privacy)),
            None if auth.is_some() => "danger_without_privacy = true".to_owned(),
            None => String::new(),
        };
        format!(
            "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"3\"\nuser = \"{user}\"\n\
             notification = \"{kind}\"\n{auth_line}\n{privacy_line}\n"
        )
    }
}

/// Asks about a sink that is configured by `table`; no relay was ever started.
fn probe(table: &str) -> Answer {
    let folder = TempDir::new().unwrap();
    let mut config = Config::new().table(table);
    for name in ["auth", "privacy", "other"] {
        config = config.secret(name, &passphrase(name));
    }
    config.secret("community", "public").secret("stranger", "stranger").write(folder.path());
    let answer = ask_fogbell_in(folder.path(), &["snmp", "probe", "noc"]);
    assert!(!folder.path().join("state/snmp-engine").exists(), "a probe starts no engine");
    for secret in ["auth", "privacy", "other"] {
        let said = format!("{}{}", answer.out, answer.said);
        assert!(!said.contains(&passphrase(secret)), "{said}");
    }
    answer
}

fn passphrase(name: &str) -> String {
    format!("canary-{name}-4711")
}

/// A receiver that knows [`USER`] with `keys` of its two passphrases, and lets it in at `level`.
fn receiver(keys: usize, level: Option<&str>) -> Snmptrapd {
    let [auth, privacy] = ["auth", "privacy"].map(passphrase);
    let keys =
        [String::new(), format!(" SHA-256 \"{auth}\""), format!(" SHA-256 \"{auth}\" AES \"{privacy}\"")]
            [keys]
            .clone();
    let mut lines = vec![format!("createUser {USER}{keys}")];
    lines.extend(level.map(|level| format!("authUser log {USER} {level}")));
    Snmptrapd::start(&SnmptrapdSetup {
        communities: vec!["public".to_owned()],
        lines,
        ..SnmptrapdSetup::default()
    })
}

/// Checks that the probe of `sink` ends as it must: its last line has every word, and only what works ends with 0.
fn check(nms: &Snmptrapd, table: &str, works: bool, words: &[&str]) {
    let before = nms.traps().len();

    let answer = probe(table);

    let what = format!("{}{}", answer.out, answer.said);
    assert_eq!(answer.code, i32::from(!works), "{what}");
    let lines: Vec<&str> = answer.out.lines().collect();
    let (last, steps) = lines.split_last().unwrap_or_else(|| panic!("no line: {what}"));
    assert!(steps.iter().all(|line| line.starts_with("ok: ")), "{what}");
    assert!(last.starts_with(if works { "ok: " } else { "FAILED: " }), "{what}");
    for word in words {
        assert!(last.contains(word), "no {word}: {what}");
    }
    // what arrived of it is a heartbeat that says what it is
    let arrived = nms.traps();
    assert!(!works || arrived.len() > before, "nothing arrived: {what}");
    for trap in &arrived[before..] {
        assert_eq!(trap.name, ".1.3.6.1.4.1.32473.1.0.5", "{what}");
        let parameters = trap.parameters(32473);
        assert_eq!(parameters["state"], "3");
        if works {
            assert_eq!(parameters["type"], "heartbeat");
            assert!(parameters["summary"].contains("nothing is wrong"), "{parameters:?}");
        } else {
            // sent without encryption by a sink that encrypts: it says nothing that could be read
            let texts = parameters.keys().filter(|name| !NUMBERS.contains(&name.as_str()));
            assert_eq!(texts.collect::<Vec<_>>(), Vec::<&String>::new());
        }
    }
}

#[test]
fn what_works_is_acknowledged_at_every_level() {
    for (keys, level, sink, said) in [
        (2, "priv", GOOD, "at authPriv"),
        (1, "auth", Sink { privacy: None, ..GOOD }, "at authNoPriv"),
        (0, "noauth", Sink { auth: None, privacy: None, ..GOOD }, "at noAuthNoPriv"),
    ] {
        let nms = receiver(keys, Some(level));

        check(&nms, &sink.table(&nms.address()), true, &[said]);
    }
}

#[test]
fn each_mistake_with_a_user_is_told_apart() {
    let nms = receiver(2, Some("priv"));
    let address = nms.address();
    for (sink, words) in [
        (Sink { user: "nobody", ..GOOD }, &["does not know the user", "`user`", "user-line"][..]),
        (Sink { auth: Some("other"), ..GOOD }, &["another auth passphrase", "`auth`"]),
        // it wants no readable inform, so that nobody can say which of the two it is
        (
            Sink { privacy: Some("other"), ..GOOD },
            &["privacy passphrase", "authUser", "error parsing ScopedPDU"],
        ),
        (Sink { privacy: None, ..GOOD }, &["acknowledges nothing at authNoPriv", "authUser"]),
        (Sink { auth: None, privacy: None, ..GOOD }, &["acknowledges nothing at noAuthNoPriv", "authUser"]),
        (Sink { kind: "trap", ..GOOD }, &["no receiver answers SNMPv3 traps", "user-line", "inform"]),
    ] {
        check(&nms, &sink.table(&address), false, words);
    }
    assert!(nms.traps().is_empty());

    // one that takes readable informs too shows by them that only the encryption is wrong
    let nms = receiver(2, Some("auth"));
    let sink = Sink { privacy: Some("other"), ..GOOD };
    check(&nms, &sink.table(&nms.address()), false, &["cannot decrypt", "`privacy`"]);

    let nms = receiver(1, Some("auth"));
    check(&nms, &GOOD.table(&nms.address()), false, &["without the keys for authPriv", "user-line"]);

    let nms = receiver(2, None);
    check(&nms, &GOOD.table(&nms.address()), false, &["accepts the signature", "authUser"]);
}

#[test]
fn silence_and_an_address_where_nobody_is_are_told_apart() {
    let nms = receiver(2, Some("priv"));
    // a socket that says nothing
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let quiet = silent.local_addr().unwrap().to_string();
    let nowhere = format!("127.0.0.1:{}", free_port());

    check(&nms, &GOOD.table(&quiet), false, &["nobody answers", "firewall"]);
    check(&nms, &GOOD.table(&nowhere), false, &["nobody is there", "refused"]);
}

#[test]
fn of_version_2c_only_a_yes_can_be_known() {
    let nms = receiver(2, Some("priv"));
    let table = |community: &str, kind: &str, address: &str| {
        format!(
            "[[snmp]]\nname = \"noc\"\naddress = \"{address}\"\nversion = \"2c\"\nnotification = \"{kind}\"\n\
             community = {{ file = \"SECRETS/{community}\" }}\n"
        )
    };

    for kind in ["trap", "inform"] {
        check(&nms, &table("community", kind, &nms.address()), true, &["at 2c"]);
        check(&nms, &table("stranger", kind, &nms.address()), false, &["authCommunity", "cannot tell"]);
    }
    check(
        &nms,
        &table("community", "trap", &format!("127.0.0.1:{}", free_port())),
        false,
        &["nobody is there"],
    );
}

/// Passes the first `few` datagrams on to one receiver and the others to another, as a load balancer may.
fn balancer(few: usize, first: String, others: String, stop: Arc<AtomicBool>) -> String {
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = front.local_addr().unwrap().to_string();
    front.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    thread::spawn(move || {
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let (mut count, mut buffer) = (0, [0; 65_536]);
        while !stop.load(Ordering::Relaxed) {
            let Ok((len, from)) = front.recv_from(&mut buffer) else { continue };
            back.send_to(&buffer[..len], if count < few { &first } else { &others }).unwrap();
            count += 1;
            if let Ok((len, _)) = back.recv_from(&mut buffer) {
                front.send_to(&buffer[..len], from).unwrap();
            }
        }
    });
    address
}

#[test]
fn two_receivers_behind_one_address_are_told_apart() {
    let (one, other) = (receiver(2, Some("priv")), receiver(2, Some("priv")));
    let stop = Arc::new(AtomicBool::new(false));
    let address = balancer(1, one.address(), other.address(), Arc::clone(&stop));

    check(&other, &GOOD.table(&address), false, &["not the engine it said", "several receivers"]);

    stop.store(true, Ordering::Relaxed);
}

#[test]
fn two_receivers_with_one_engine_id_are_told_apart_by_their_clocks() {
    let (mut one, mut other) = (receiver(2, Some("priv")), receiver(2, Some("priv")));
    let line = |kept: &str, key: &str| kept.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let mut engine = String::new();
    one.stop();
    one.rewrite_kept(|kept| {
        engine = line(&kept, "oldEngineID ");
        kept
    });
    one.start_again();
    // as a copied machine is
    other.stop();
    other.rewrite_kept(|kept| {
        kept.replace(&line(&kept, "oldEngineID "), &engine)
            .replace(&line(&kept, "engineBoots "), "engineBoots 500")
    });
    other.start_again();
    let stop = Arc::new(AtomicBool::new(false));
    // the question for the engine, and the one for the clock
    let address = balancer(2, one.address(), other.address(), Arc::clone(&stop));

    check(&other, &GOOD.table(&address), false, &["clock", "start 501", "one engine id"]);

    stop.store(true, Ordering::Relaxed);
}

#[test]
fn a_sink_that_is_not_there_is_named() {
    let folder = TempDir::new().unwrap();
    Config::new().write(folder.path());

    let answer = ask_fogbell_in(folder.path(), &["snmp", "probe", "nowhere"]);

    assert_eq!((answer.code, answer.out.as_str()), (1, ""));
    assert!(answer.said.contains("`nowhere`"), "{}", answer.said);
}
