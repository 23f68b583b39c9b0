//! The receiver of SNMPv3 informs comes back as another engine, or with a clock that went back.

use std::collections::HashSet;

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Snmptrapd, SnmptrapdSetup, SnmptrapdUser, V3, ask_fogbell_in,
    wait_until,
};
use serde_json::json;

use super::arrivals::{Arrival, account, has_all};
use super::load::{Load, Size, Target, Told, Until};
use super::{DRAINED, admin, rounds, tell};

/// How a receiver is found again.
#[derive(Clone, Copy, Debug)]
enum Return {
    /// Under the same engine id, started once more.
    SameEngine,
    /// Under a new engine id.
    NewEngine,
    /// Under the same engine id, and it forgot how often it was started.
    BootsLost,
}

#[test]
fn a_receiver_that_returns_as_another_engine_gets_everything() {
    let rounds = rounds(1, 5);
    let mut nms = Snmptrapd::start(&SnmptrapdSetup {
        users: vec![SnmptrapdUser {
            name: USER.to_owned(),
            create_user: format!("createUser {USER} SHA-256 {AUTH} AES {PRIVACY}"),
        }],
        ..SnmptrapdSetup::default()
    });
    let v3 = V3 { user: USER.to_owned(), auth: AUTH.to_owned(), privacy: PRIVACY.to_owned() };
    let mut relay = Fogbell::start(&Config::new().v3("noc", &nms.address(), &v3, Notification::Inform));
    let target = Target::of(&relay);
    // one whose starts can be forgotten
    restart(&mut nms, |kept| with(kept, "engineBoots ", "engineBoots 500"));
    let mut known = who(&relay);
    assert_eq!(known.boots, 501);
    let mut engines = HashSet::from([known.engine.clone()]);

    let mut told = Told::default();

    for (round, way) in
        [Return::NewEngine, Return::SameEngine, Return::BootsLost].repeat(rounds).into_iter().enumerate()
    {
        // messages come in all the while
        let until = Until::Count(MESSAGES);
        let load = Load::start(&target, CONNECTIONS * round as u64, CONNECTIONS, Size::Usual, until);
        let before = nms.traps().len();
        assert!(wait_until(DEADLINE, || nms.traps().len() > before + SOME), "nothing arrives before {way:?}");
        restart(&mut nms, |kept| match way {
            Return::SameEngine => kept,
            Return::NewEngine => without(&kept, "oldEngineID "),
            Return::BootsLost => with(kept, "engineBoots ", "engineBoots 0"),
        });
        let now = who(&relay);
        match way {
            Return::SameEngine => assert_eq!(now, Receiver { boots: known.boots + 1, ..known }, "{way:?}"),
            Return::NewEngine => assert_ne!(now.engine, known.engine, "{way:?}"),
            Return::BootsLost => assert_eq!(now, Receiver { boots: 1, ..known }, "{way:?}"),
        }
        engines.insert(now.engine.clone());
        known = now;
        told.extend(load.finish(until));
        let arrived = wait_until(DRAINED, || has_all(&arrivals(&nms), &told));
        assert!(arrived, "not everything arrived after {way:?}: {:?}", relay.process().lines());
    }

    let figures = account("noc", &arrivals(&nms), &told);
    eprintln!(
        "engines: {} returns, {} engines, {} acknowledged; {figures:?}",
        3 * rounds,
        engines.len(),
        told.acknowledged().count()
    );
    tell(&json!({
        "returns": 3 * rounds,
        "acknowledged": told.acknowledged().count(),
        "lost": figures.lost,
        "overtaken": figures.overtaken,
        "repeats": figures.repeats,
    }));
    assert_eq!(figures.lost, 0, "acknowledged messages are lost");
    // Those in flight when the receiver returns are sent side by side: the first may go to nobody, the next to it.
    assert!(figures.overtaken <= IN_FLIGHT * 3 * rounds, "out of order: {figures:?}");
    assert_eq!(engines.len(), 1 + rounds);
    assert_eq!(admin::metric(&relay, "fogbell_set_aside_total", "").unwrap_or(0), 0);
}

fn arrivals(nms: &Snmptrapd) -> Vec<Arrival> {
    nms.traps().iter().map(Arrival::from).collect()
}

/// Which engine a receiver is, and how often it was started.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Receiver {
    engine: String,
    boots: u32,
}

/// The receiver of the relay's sink, as it says itself.
fn who(relay: &Fogbell) -> Receiver {
    let answer = ask_fogbell_in(relay.home(), &["snmp", "probe", "noc"]);
    let said = answer.out.split_once(": engine ").and_then(|(_, rest)| rest.split_once(", up "));
    let (engine, boots) = said
        .and_then(|(said, _)| said.split_once(", start "))
        .unwrap_or_else(|| panic!("{}{}", answer.out, answer.said));
    Receiver { engine: engine.to_owned(), boots: boots.parse().unwrap() }
}

/// Stops it, changes what it keeps, and starts it on the same port.
fn restart(nms: &mut Snmptrapd, change: impl FnOnce(String) -> String) {
    nms.stop();
    nms.rewrite_kept(change);
    nms.start_again();
}

/// The line of what a receiver keeps that begins with `key`.
fn line(kept: &str, key: &str) -> String {
    kept.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key}: {kept}")).to_owned()
}

fn with(kept: String, key: &str, instead: &str) -> String {
    kept.replace(&line(&kept, key), instead)
}

/// Without every line that says who the engine is; its users are made anew from the configuration.
fn without(kept: &str, key: &str) -> String {
    let kept = kept.lines().filter(|line| !line.starts_with(key) && !line.starts_with("usmUser "));
    kept.collect::<Vec<_>>().join("\n") + "\n"
}

/// How many informs the relay sends side by side.
const IN_FLIGHT: usize = 8;

/// Enough that several are on their way.
const SOME: usize = 10;

const CONNECTIONS: u64 = 3;

/// Of each connection while one receiver goes and returns.
const MESSAGES: u64 = 50;

const USER: &str = "relay";
const AUTH: &str = "auth-passphrase";
const PRIVACY: &str = "privacy-passphrase";
