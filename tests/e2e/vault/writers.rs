//! Many at once: writers wait for each other, readers see one whole state or the next.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use super::*;
use crate::nothing_lost::{rounds, tell};

#[test]
fn writers_that_come_at_once_lose_nothing_and_tear_nothing() {
    let home = Home::with_vault();
    let writers: Vec<Child> = (0..24)
        .map(|n| start(&mut home.alone(&["set", &format!("name-{n}")]), &format!("value-{n}")))
        .collect();
    for writer in writers {
        let answer = answer(writer);
        assert_eq!(answer.code, 0, "{}", answer.said);
    }

    let expect: BTreeMap<String, String> =
        (0..24).map(|n| (format!("name-{n}"), format!("value-{n}"))).collect();
    assert_eq!(home.secrets(), expect);
    assert_eq!(home.list()["writes"], 25);
}

#[test]
fn the_root_key_is_rotated_under_load_and_nothing_is_lost() {
    let rotations = rounds(20, 200);
    let home = Home::with_vault();
    home.set("0-0", "first");
    let done = AtomicBool::new(false);
    let (reads, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = || -> Vec<String> {
        thread::scope(|scope| {
            let writers: Vec<_> = (1..=2)
                .map(|writer| {
                    let (home, done, written) = (&home, &done, &written);
                    scope.spawn(move || {
                        let mut names = Vec::new();
                        while !done.load(Ordering::SeqCst) {
                            // the names go round, so that there is room for a long run
                            let name = format!("{writer}-{}", names.len() % 100);
                            home.set(&name, &format!("{name} {}", names.len()));
                            names.push(name);
                            written.fetch_add(1, Ordering::SeqCst);
                        }
                        names
                    })
                })
                .collect();
            let (home_, done_, reads_) = (&home, &done, &reads);
            let reader = scope.spawn(move || {
                while !done_.load(Ordering::SeqCst) {
                    assert_eq!(home_.secrets()["0-0"], "first");
                    reads_.fetch_add(1, Ordering::SeqCst);
                }
            });
            let stop = Stop(&done);
            for turn in 0..rotations {
                let recovery = home.path.join(format!("recovery-{turn}")).display().to_string();
                let rotated = home.ask(&["rotate-key", "--recovery-key-to", &recovery], "");
                assert_eq!(rotated.code, 0, "{}", rotated.said);
            }
            drop(stop);
            reader.join().unwrap();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        })
    };
    let names = run();

    let secrets = home.secrets();
    let lost = names.iter().filter(|name| !secrets.contains_key(*name)).count();
    let last = |writer: &str| names.iter().filter(|name| name.starts_with(writer)).count() - 1;
    for writer in ["1-", "2-"] {
        let name = format!("{writer}{}", last(writer) % 100);
        assert_eq!(secrets[&name], format!("{name} {}", last(writer)), "the last value");
    }
    let (reads, written) = (reads.into_inner(), written.into_inner());
    tell(&json!({ "rotations": rotations, "written": written, "read": reads, "lost": lost }));
    assert_eq!(lost, 0);
    assert!(written >= 2 && reads >= 2, "{written} written, {reads} read: no load");
    assert_eq!(home.list()["writes"], rotations + written + 2);
    let last = home.path.join(format!("recovery-{}", rotations - 1)).display().to_string();
    assert_eq!(home.ask(&["verify", "--recovery-key-file", &last], "").code, 0);
}

/// Says that it is over when it is dropped, by a panic too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
