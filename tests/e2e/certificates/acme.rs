//! An authority that issues and renews: pebble, having good days and bad ones.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::{
    Config, Curl, DEADLINE, FakeClock, Fogbell, Front, Pebble, PebbleSetup, Showing, TlsClient,
    ask_fogbell_in, free_port, wait_until,
};
use serde_json::{Value, json};

use super::watched::{Watch, connected, ping};

const NOW: Duration = Duration::ZERO;

/// Pebble, and a configuration of a relay that pebble can connect to.
fn setting(setup: PebbleSetup) -> (Pebble, Config) {
    let port = free_port();
    let pebble = Pebble::start(PebbleSetup { tls_port: port, ..setup });
    let config = Config::new().set("listen", "address", &format!("\"127.0.0.1:{port}\"")).set(
        "tls",
        "self_signed",
        "[]",
    );
    (pebble, config)
}

/// Renews by the running relay: the exit code, and what was said.
fn renew(home: &Path) -> (i32, String) {
    let answer = ask_fogbell_in(home, &["cert", "renew"]);
    (answer.code, answer.out + &answer.said)
}

fn attempts(home: &Path) -> Value {
    let text = fs::read_to_string(home.join("state/acme/attempts.json")).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a round found.
#[derive(Debug, Default)]
struct Round {
    issued: u64,
    looks: u64,
    invalid: u64,
    attempts: u64,
}

/// A first certificate and `renewals` more, with a connection that stays open through all of them.
fn round(bad_nonces: u8, dns: bool, renewals: u64) -> Round {
    let (pebble, config) = setting(PebbleSetup { bad_nonces, ..PebbleSetup::default() });
    let mut relay = Fogbell::start(&config.table(&pebble.table(&pebble.directory(), dns)));
    let (root, pid) = (pebble.root(), relay.process().pid());
    let mut open = connected(&relay, &root, NOW, &[]);
    ping(&mut open);
    let watch = Watch::start(relay.address(), &root, NOW);

    for _ in 0..renewals {
        let (code, said) = renew(relay.home());
        assert_eq!(code, 0, "{said}");
        ping(&mut open);
    }

    let seen = watch.end();
    assert_eq!(seen.invalid, Vec::<String>::new(), "{bad_nonces} % bad nonces, dns: {dns}");
    assert_eq!((relay.process().pid(), relay.process().is_running()), (pid, true));
    let shown = connected(&relay, &root, NOW, &[open.leaf()]);
    assert!(shown.leaf() != open.leaf());
    if dns {
        let calls = pebble.calls();
        let count = |word: &str| {
            calls.iter().filter(|call| **call == format!("{word} _acme-challenge.relay.test")).count()
        };
        // even when told never to, pebble takes one validation in a hundred for good twice
        assert!(count("present") > usize::try_from(renewals * 3 / 4).unwrap(), "{calls:?}");
        assert_eq!(count("present"), count("cleanup"), "{calls:?}");
    }
    let attempts = attempts(relay.home())["made"].as_u64().unwrap();
    Round { issued: 1 + renewals, looks: seen.looks, invalid: seen.invalid.len() as u64, attempts }
}

fn is_long() -> bool {
    std::env::var_os("FOGBELL_LONG").is_some_and(|long| long == "1")
}

#[test]
fn a_certificate_is_issued_and_renewed_while_nonces_are_refused() {
    let renewals = if is_long() { 20 } else { 1 };
    let mut all = Round::default();
    for bad_nonces in [0, 5, 50] {
        for dns in [true, false] {
            let Round { issued, looks, invalid, attempts } = round(bad_nonces, dns, renewals);
            all.issued += issued;
            all.looks += looks;
            all.invalid += invalid;
            all.attempts += attempts;
        }
    }
    let Round { issued, looks, invalid, attempts } = all;
    eprintln!(
        "figures: {}",
        json!({ "issued": issued, "attempts": attempts, "looks": looks, "invalid": invalid, "restarts": 0 })
    );
    assert_eq!(attempts, issued, "every attempt brings a certificate, however many nonces are refused");
}

#[test]
fn a_validation_that_fails_takes_nothing_away_and_is_mended() {
    let (pebble, config) = setting(PebbleSetup::default());
    let relay = Fogbell::start(&config.table(&pebble.table(&pebble.directory(), true)));
    let root = pebble.root();
    let mut open = connected(&relay, &root, NOW, &[]);
    let watch = Watch::start(relay.address(), &root, NOW);

    pebble.set_wrong(true);
    let (code, said) = renew(relay.home());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("could not validate relay.test") && said.contains("DNS"), "{said}");
    let failed = attempts(relay.home());
    assert_eq!(failed["failed"], 1);
    assert!(failed["not_before"].as_u64().unwrap() >= since_1970() + 30, "{failed}");
    ping(&mut open);
    let last: Vec<String> = pebble.calls().into_iter().rev().take(2).collect();
    assert_eq!(last, ["cleanup _acme-challenge.relay.test", "present _acme-challenge.relay.test"]);

    pebble.set_wrong(false);
    let (code, said) = renew(relay.home());
    assert_eq!(code, 0, "{said}");
    assert_eq!(attempts(relay.home())["failed"], 0);
    drop(connected(&relay, &root, NOW, &[open.leaf()]));
    ping(&mut open);
    assert_eq!(watch.end().invalid, Vec::<String>::new());
}

#[test]
fn who_is_asked_too_often_is_left_alone_over_a_restart_too() {
    let (pebble, config) = setting(PebbleSetup::default());
    let front = Front::start(&pebble);
    front.limit(true);
    let mut relay = Fogbell::start(&config.table(&pebble.table(&front.directory(), true)));
    let limited =
        |attempts: &Value| attempts["error"].as_str().is_some_and(|error| error.contains("rateLimited"));
    assert!(wait_until(DEADLINE, || limited(&attempts(relay.home()))), "{}", attempts(relay.home()));
    let hour = since_1970() + 3_500;
    assert!(attempts(relay.home())["not_before"].as_u64().unwrap() >= hour, "{}", attempts(relay.home()));
    assert_eq!(front.orders(), (1, 1));

    relay.start_again();
    let line = relay.process().wait_line("when it tries again", |line| line.contains("renewed by then"));
    assert_eq!(front.orders(), (1, 1), "{line}");

    front.limit(false);
    let (code, said) = renew(relay.home());
    assert_eq!(code, 0, "{said}");
    drop(connected(&relay, &pebble.root(), NOW, &[]));
    assert_eq!(front.orders(), (2, 1));
}

#[test]
fn sixty_days_later_the_certificate_was_renewed_without_a_restart() {
    const LATER: Duration = Duration::from_secs(60 * 24 * 60 * 60);
    for dns in [true, false] {
        let (pebble, config) = setting(PebbleSetup::default());
        let clock = FakeClock::new();
        let wrapper = clock.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let mut relay =
            Fogbell::start_under(&wrapper, &config.table(&pebble.table(&pebble.directory(), dns)));
        let (root, pid) = (pebble.root(), relay.process().pid());
        let mut open = connected(&relay, &root, NOW, &[]);
        // what is valid now is valid for thirty days more then, and what is issued now too
        let watch = Watch::start(relay.address(), &root, LATER);

        clock.set(Showing::Ahead(LATER));

        let mut new = connected(&relay, &root, LATER, &[open.leaf()]);
        ping(&mut open);
        ping(&mut new);
        let seen = watch.end();
        assert_eq!(seen.invalid, Vec::<String>::new(), "dns: {dns}");
        assert_eq!((relay.process().pid(), relay.process().is_running()), (pid, true));
        // it is due at once by a clock that is ahead of the authority's, and still asked for only once
        assert!(attempts(relay.home())["made"] == 2, "{}", attempts(relay.home()));
    }
}

#[test]
fn an_authority_that_wants_a_renewal_gets_it() {
    let (pebble, config) = setting(PebbleSetup::default());
    let front = Front::start(&pebble);
    front.set_window("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z");
    let clock = FakeClock::new();
    let wrapper = clock.wrapper();
    let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let relay = Fogbell::start_under(&wrapper, &config.table(&pebble.table(&front.directory(), true)));
    let (root, old) = (pebble.root(), connected(&relay, &pebble.root(), NOW, &[]));
    let window = || attempts(relay.home())["window"].is_array();
    assert!(wait_until(DEADLINE, window), "{}", attempts(relay.home()));

    // what was just issued is left alone for some hours
    clock.set(Showing::Ahead(Duration::from_secs(7 * 60 * 60)));

    drop(connected(&relay, &root, NOW, &[old.leaf()]));
}

#[test]
fn a_start_without_the_authority_shows_what_is_valid() {
    let (mut pebble, config) = setting(PebbleSetup::default());
    let mut relay = Fogbell::start(&config.table(&pebble.table(&pebble.directory(), true)));
    let old_root = pebble.root();
    let old = connected(&relay, &old_root, NOW, &[]);

    pebble.down();
    relay.start_again();
    let mut again = TlsClient::connect(relay.address(), "relay.test", &old_root, NOW).unwrap();
    assert_eq!(again.leaf(), old.leaf());
    let (code, said) = renew(relay.home());
    assert_eq!(code, 1, "{said}");
    ping(&mut again);

    // back, and without a memory: it knows the account no more
    pebble.up();
    let (code, said) = renew(relay.home());
    assert_eq!(code, 0, "{said}");
    drop(connected(&relay, &pebble.root(), NOW, &[old.leaf()]));
}

#[test]
fn until_the_first_certificate_a_self_signed_one_is_shown_and_said() {
    let (mut pebble, config) = setting(PebbleSetup::default());
    let table = pebble.table(&pebble.directory(), true);
    pebble.down();

    let mut relay = Fogbell::start(&config.table(&table));

    let loud = "there is no certificate from the authority yet";
    let _said = relay.process().wait_line(loud, |line| line.contains(loud));
    let ping = Curl::new(&relay.url(Config::PATH)).danger_insecure().run();
    assert_eq!(ping.status, 405, "{}", ping.said);
    assert!(wait_until(DEADLINE, || attempts(relay.home())["error"].is_string()));
    assert!(!relay.home().join("state/self-signed.pem").exists());
    pebble.up();
    let (code, said) = renew(relay.home());
    assert_eq!(code, 0, "{said}");
    drop(connected(&relay, &pebble.root(), NOW, &[]));
}

#[test]
fn an_external_account_is_used_where_the_authority_wants_one() {
    let (pebble, config) = setting(PebbleSetup { external_account: true, ..PebbleSetup::default() });
    let table = pebble.table(&pebble.directory(), true);
    let with = |key: &str| {
        let account = "external_account = { id = \"kid-1\", key = { file = \"SECRETS/eab\" } }\n";
        config.clone().secret("eab", key).table(&format!("{table}{account}"))
    };

    let relay = Fogbell::start(&with("b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH"));
    assert!(
        wait_until(DEADLINE, || attempts(relay.home())["error"].is_string()),
        "{}",
        attempts(relay.home())
    );
    drop(relay);
    let relay = Fogbell::start(&with(Pebble::EXTERNAL_KEY));
    drop(connected(&relay, &pebble.root(), NOW, &[]));
}
