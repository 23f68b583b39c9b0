//! `fogbell secret set` is killed, and what was there stays whole.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::nothing_lost::{moment, rounds, seeded, tell};

/// What must be in a vault: what was said to be done, and what was under way, or not.
#[derive(Default)]
pub(super) struct Told {
    done: BTreeMap<String, String>,
}

impl Told {
    /// Judges the vault after a write of `value` under `name` that was said to be `done`, or was killed.
    pub(super) fn judge(&mut self, name: &str, value: &str, done: bool, found: &BTreeMap<String, String>) {
        if done || found.get(name).is_some_and(|found| found == value) {
            self.done.insert(name.to_owned(), value.to_owned());
        }
        assert_eq!(*found, self.done, "after {name} = {value}, done: {done}");
    }
}

#[test]
fn a_writer_that_is_killed_at_any_moment_leaves_the_old_vault_or_the_new_one() {
    let mut rng = seeded("vault-kills");
    let home = Home::with_vault();
    let longest = a_write(&home) * 3 / 2;
    let mut told = Told { done: home.secrets() };
    let (mut killed, mut done) = (0, 0);

    for turn in 0..rounds(40, 2_000) {
        let (name, value) = (format!("name-{}", turn % 5), format!("value-{turn}"));
        let mut writer = start(&mut home.alone(&["set", &name]), &value);
        // The moment of the kill is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, longest));
        writer.kill().unwrap();
        let ended = answer(writer).code;
        if ended == 0 {
            done += 1
        } else {
            killed += 1
        }
        told.judge(&name, &value, ended == 0, &home.secrets());
    }

    home.set("last", "one");
    tell(&json!({ "kills": killed, "done": done, "lost": 0 }));
    assert!(killed > 0, "nothing was killed");
    assert_eq!(left_over(&home.state), [""; 0]);
    assert_eq!(home.ask(&["verify"], "").code, 0);
}

/// strace ends the program where it begins the nth call of its kind, for every kind that a write is made of.
#[test]
fn a_writer_that_is_killed_at_any_of_its_system_calls_leaves_the_old_vault_or_the_new_one() {
    let home = Home::with_vault();
    let mut told = Told::default();
    let mut kills = BTreeMap::new();

    for call in ["openat", "flock", "fchmod", "write", "fsync", "rename", "unlink", "close"] {
        for nth in 1.. {
            let (name, value) = (format!("name-{}", nth % 3), format!("{call}-{nth}"));
            let inner = home.command(&["set", &name]);
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]);
            command
                .arg(format!("trace={call}"))
                .arg("-e")
                .arg(format!("inject={call}:signal=KILL:when={nth}"));
            command.arg(inner.get_program()).args(inner.get_args());
            let ended = answer(start(&mut command, &value)).code;
            told.judge(&name, &value, ended == 0, &home.secrets());
            if ended == 0 {
                break;
            }
            *kills.entry(call).or_insert(0) += 1;
        }
    }

    eprintln!("vault-calls: {kills:?}");
    for call in ["openat", "flock", "write", "fsync", "rename"] {
        assert!(kills.contains_key(call), "no kill at {call}: {kills:?}");
    }
    home.set("last", "one");
    assert_eq!(left_over(&home.state), [""; 0]);
}

/// How long one write takes here and now, so that about two of three writers are killed before they end.
fn a_write(home: &Home) -> Duration {
    let mut times = [Duration::ZERO; 9];
    for time in &mut times {
        let start = Instant::now();
        home.set("measured", "a secret");
        *time = start.elapsed();
    }
    times.sort_unstable();
    times[times.len() / 2]
}
