//! SNMPv3 goes on over restarts of the relay and of the receiver, as traps and as informs.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Snmptrapd, SnmptrapdSetup, V3, ask_fogbell_in, free_port,
    wait_until,
};
use serde_json::json;
use tempfile::TempDir;

use super::arrivals::{Arrival, has_all, judge, judge_what_came};
use super::load::{Load, Size, Target, Told, Until, post};
use super::{DRAINED, admin, moment, rounds, seeded, tell};

#[test]
fn snmpv3_goes_on_over_restarts_of_both_ends() {
    let rounds = rounds(3, 50);
    let mut rng = seeded("snmp restarts");
    let folder = TempDir::new().unwrap();
    let home = folder.path();
    let mut nms = receiver(home);
    let mut relay = Fogbell::start_in(home, &config(&nms.address()));
    let target = Target::of(&relay);
    let mut boots = vec![boots_in(home)];
    let mut connections = 0;
    let mut next = || {
        connections += CONNECTIONS;
        connections - CONNECTIONS
    };
    // What was posted while the receiver was up, which is what it must get as traps; and everything.
    let (mut while_up, mut all) = (Told::default(), Told::default());

    for _ in 0..rounds {
        // the relay restarts while messages come in
        let until = Until::Count(MESSAGES);
        let load = Load::start(&target, next(), CONNECTIONS, Size::Usual, until);
        // The moment of the end is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, Duration::from_millis(300)));
        if rng.percent(50) {
            relay.kill9();
        } else {
            relay.sigterm();
            assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
        }
        relay.start_again();
        boots.push(boots_in(home));
        let posted = load.finish(until);
        while_up.extend(posted.clone());
        all.extend(posted);
        // what the kernel took must be read before the receiver ends
        wait_arrived(&nms, &all, &while_up);

        // the receiver restarts while messages come in; its traps are gone, not one of its informs is
        nms.stop();
        let sent = || admin::metric(&relay, "fogbell_delivered_total", "sink=\"trap\"").unwrap_or(0);
        let before = sent();
        all.extend(post(&target, next(), CONNECTIONS, MESSAGES));
        let gone = wait_until(DEADLINE, || sent() >= before + CONNECTIONS * MESSAGES);
        assert!(gone, "traps wait for a receiver");
        nms.start_again();
        let posted = post(&target, next(), CONNECTIONS, MESSAGES);
        while_up.extend(posted.clone());
        all.extend(posted);
        wait_arrived(&nms, &all, &while_up);
    }

    let all_informs = arrivals(&nms, INFORM);
    let informs = judge(INFORM, &all_informs, &all);
    let all_traps = arrivals(&nms, TRAP);
    let traps = judge_what_came(TRAP, &all_traps, &all);
    let [informed, trapped] = [(&all_informs, &all), (&all_traps, &while_up)].map(|(arrivals, told)| {
        let arrived: HashSet<u64> = arrivals.iter().filter_map(Arrival::number).collect();
        let acknowledged: Vec<u64> = told.acknowledged().collect();
        (acknowledged.iter().filter(|number| arrived.contains(number)).count(), acknowledged.len())
    });
    eprintln!(
        "snmp restarts: {rounds} of the relay and {rounds} of the receiver; informs {} of {} ({} repeats), traps {} \
         of {} sent while it was up ({} repeats); boots {} to {}",
        informed.0, informed.1, informs.repeats, trapped.0, trapped.1, traps.repeats, boots[0], boots[rounds],
    );
    tell(&json!({
        "restarts_of_each": rounds,
        "informs": informed.1,
        "traps_while_up": trapped.1,
        "lost": informed.1 - informed.0 + trapped.1 - trapped.0,
        "repeats": informs.repeats + traps.repeats,
    }));
    assert!(informed.0 == informed.1 && trapped.0 == trapped.1, "{informed:?} {trapped:?}");
    assert!(boots.is_sorted_by(|before, after| before + 1 == *after), "boots: {boots:?}");
    assert_eq!(admin::metric(&relay, "fogbell_set_aside_total", "").unwrap_or(0), 0);
}

/// Waits until each sink's receiver has what it must.
fn wait_arrived(nms: &Snmptrapd, informs: &Told, traps: &Told) {
    let arrived = wait_until(DRAINED, || {
        has_all(&arrivals(nms, INFORM), informs) && has_all(&arrivals(nms, TRAP), traps)
    });
    if !arrived {
        judge(INFORM, &arrivals(nms, INFORM), informs);
        panic!("traps are lost that were sent while the receiver was up");
    }
}

/// One that knows both users of a relay that was started once in `home`.
fn receiver(home: &Path) -> Snmptrapd {
    let mut relay = Fogbell::start_in(home, &config(&format!("127.0.0.1:{}", free_port())));
    let lines = [TRAP, INFORM].map(|sink| {
        let answer = ask_fogbell_in(home, &["snmp", "user-line", sink]);
        assert_eq!(answer.code, 0, "{}", answer.said);
        answer.out.replace("<auth passphrase>", AUTH).replace("<privacy passphrase>", PRIVACY)
    });
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    Snmptrapd::start(&SnmptrapdSetup { lines: lines.into(), ..SnmptrapdSetup::default() })
}

/// Both sinks, each with a user of its own name.
fn config(address: &str) -> Config {
    let v3 = |user: &str| V3 { user: user.to_owned(), auth: AUTH.to_owned(), privacy: PRIVACY.to_owned() };
    Config::new().v3(TRAP, address, &v3(TRAP), Notification::Trap).v3(
        INFORM,
        address,
        &v3(INFORM),
        Notification::Inform,
    )
}

/// What arrived from the user of one sink.
fn arrivals(nms: &Snmptrapd, sink: &str) -> Vec<Arrival> {
    let user = format!(", user {sink},");
    nms.traps().iter().filter(|trap| trap.sender.contains(&user)).map(Arrival::from).collect()
}

/// How often the relay says that its engine was started.
fn boots_in(home: &Path) -> u32 {
    let kept = fs::read_to_string(home.join("state/snmp-engine")).unwrap();
    let boots = kept.lines().find_map(|line| line.strip_prefix("boots = "));
    boots.unwrap_or_else(|| panic!("no boots: {kept}")).parse().unwrap()
}

const CONNECTIONS: u64 = 2;

/// Of each connection at a time: few enough for a receiver that loses traps that come faster than it reads.
const MESSAGES: u64 = 10;

const TRAP: &str = "trap";
const INFORM: &str = "inform";
const AUTH: &str = "auth-passphrase";
const PRIVACY: &str = "privacy-passphrase";
