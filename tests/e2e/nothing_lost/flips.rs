//! One bit flipped anywhere in what a stopped relay keeps: it starts, says what is damaged, loses one record at most
//! and never delivers one that was altered.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use e2e::{Config, DEADLINE, Fogbell, Line, Rsyslog, RsyslogSetup, wait_until};
use serde_json::json;

use super::arrivals::Arrival;
use super::load::{Target, post};
use super::{DRAINED, admin, rounds, seeded, tell};

/// What a relay keeps, as bytes by name.
type Kept = BTreeMap<PathBuf, Vec<u8>>;

#[test]
fn a_flipped_bit_costs_one_message_at_most_and_alters_none() {
    let flips = rounds(4, 60);
    let mut rng = seeded("flips");
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let mut away = Rsyslog::start(&RsyslogSetup::default());
    away.stop();
    let sinks = [("siem", siem.tcp()), ("away", away.tcp())].map(|(name, address)| {
        format!(
            "[[syslog]]\nname = \"{name}\"\naddress = \"{address}\"\ntransport = \"tcp\"\nsettle_secs = 0\n"
        )
    });
    let config = sinks.iter().fold(Config::new(), |config, sink| config.table(sink));
    let mut relay = Fogbell::start(&config.set("", "grace_secs", "2"));
    let told = post(&Target::of(&relay), 0, 4, 50);
    let posted = told.acknowledged().count();
    assert_eq!(posted, 200);
    let has = |relay: &Fogbell, sink: &str| {
        let label = format!("sink=\"{sink}\"");
        admin::metric(relay, "fogbell_sink_behind_alerts", &label) == Some(0)
    };
    assert!(wait_until(DRAINED, || siem.lines().len() >= posted && has(&relay, "siem")));
    // What each message is as a line, by its number.
    let texts = |lines: &[Line]| -> HashMap<u64, (String, String)> {
        let numbered = lines.iter().filter_map(|line| {
            let arrival = Arrival::from(line);
            Some((arrival.number()?, (arrival.id, line.message.clone())))
        });
        numbered.collect()
    };
    let sent = texts(&siem.lines());
    let state = relay.home().join("state");
    relay.kill9();
    let killed = keep(&state);
    relay.start_again();
    relay.sigterm();
    assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
    let closed = keep(&state);
    away.start_again();

    let (mut salvaged, mut restarts, mut lost, mut worst) = (0, 0, 0, 0);
    for flip in 0..flips {
        relay.kill9();
        let mut kept = if flip % 2 == 0 { closed.clone() } else { killed.clone() };
        let total = kept.values().map(Vec::len).sum();
        let (mut at, bit) = (rng.below(total), rng.below(8));
        let (name, bytes) = kept
            .iter_mut()
            .find(|(_, bytes)| {
                let here = at < bytes.len();
                at -= if here { 0 } else { bytes.len() };
                here
            })
            .expect("one of the files has it");
        bytes[at] ^= 1 << bit;
        let place = format!("{} byte {at} bit {bit}", name.display());
        restore(&state, &kept);
        let before = away.lines().len();

        let mut starts = 1;
        relay.start_again();
        loop {
            let all = wait_until(DRAINED, || has(&relay, "away") || !relay.process().is_running());
            assert!(all, "{place}: not drained");
            if relay.process().is_running() {
                break;
            }
            starts += 1;
            assert!(starts <= 3, "{place}: it ends again and again");
            relay.start_again();
        }

        let came = texts(&away.lines()[before..]);
        for (number, text) in &came {
            assert_eq!(sent.get(number), Some(text), "{place}: {number} was altered");
        }
        let missing = sent.keys().filter(|number| !came.contains_key(number)).count();
        let log = relay.process().lines().join("\n");
        let said = log.contains("damaged") || starts > 1;
        assert!(missing == 0 || said, "{place}: {missing} are lost and nothing is said\n{log}");
        assert!(missing <= 1, "{place}: {missing} are lost\n{log}");
        let files = fs::read_dir(&state).expect("the state can be listed");
        let names = files.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
        salvaged += usize::from(names.into_iter().any(|name| name.contains(".damaged-")));
        restarts += starts - 1;
        lost += missing;
        worst = worst.max(missing);
    }
    eprintln!(
        "flips: {flips} flips, {salvaged} journals salvaged, {restarts} restarts, {lost} records lost in all, at most \
         {worst} by one flip, 0 altered"
    );
    tell(&json!({"flips": flips, "salvaged": salvaged, "lost": lost, "lost_by_one_flip": worst}));
}

/// The journal's files.
fn keep(state: &Path) -> Kept {
    let files =
        fs::read_dir(state).expect("the state can be listed").map(|entry| entry.expect("a file").path());
    let journal = files
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("journal.db")));
    journal.map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect()
}

/// Puts these files there, and no others of a journal.
fn restore(state: &Path, kept: &Kept) {
    for path in keep(state).into_keys() {
        fs::remove_file(path).expect("it can be removed");
    }
    for (path, bytes) in kept {
        fs::write(path, bytes).expect("it can be written");
    }
}
