//! System calls of the journal fail, or are its last, by strace's injection.

use std::fs;
use std::process::Command;
use std::time::Duration;

use e2e::{DEADLINE, Fogbell, Running, wait_until};
use testkit::Rng;

use super::scene::{Mended, STRUCK, Scene};
use super::{rounds, seeded};

#[test]
fn a_sync_that_fails_acknowledges_nothing_and_a_restart_recovers() {
    errors("eio-sync", SYNCS, "EIO", 1);
}

#[test]
fn a_write_that_fails_acknowledges_nothing_and_a_restart_recovers() {
    errors("eio-write", WRITES, "EIO", 1);
}

#[test]
fn a_write_without_room_acknowledges_nothing_and_heals() {
    errors("enospc", WRITES, "ENOSPC", 2);
}

#[test]
fn a_write_to_a_disk_that_became_read_only_acknowledges_nothing() {
    errors("erofs", WRITES, "EROFS", 2);
}

#[test]
fn nothing_acknowledged_is_lost_when_a_sync_is_the_last_thing_it_does() {
    let mut rng = seeded("sync-kills");
    let mut scene = Scene::start();

    for _ in 0..rounds(2, 100) {
        let nth = nth(&mut rng);
        scene.fault(|relay, _| kill_at_sync(relay, nth), |_| Mended::InPlace);
    }

    scene.judge("sync-kills");
}

/// Lets the nth of `calls` fail with `error`, and as many behind it as are at most to fail.
fn errors(story: &str, calls: &str, error: &str, most: usize) {
    let mut rng = seeded(story);
    let mut scene = Scene::start();

    for _ in 0..rounds(2, 50) {
        let (first, count) = (nth(&mut rng), 1 + rng.below(most));
        let when = format!("{first}..{}", first + count - 1);
        let inject = format!("inject={calls}:error={error}:when={when}");
        scene.fault(
            |relay, _| {
                let struck = |trace: &str| trace.matches("(INJECTED)").count() >= count;
                trace(relay, calls, &inject, struck);
            },
            |_| Mended::InPlace,
        );
    }

    scene.judge(story);
}

/// Ends the relay where it begins its nth sync.
pub(crate) fn kill_at_sync(relay: &mut Fogbell, nth: usize) {
    trace(relay, SYNCS, &format!("inject={SYNCS}:signal=SIGKILL:when={nth}"), |_| false);
    let status = relay.wait_exit(DEADLINE);
    assert!(!status.success(), "{status}");
}

/// Runs the relay under strace with `inject` until `struck` says so of what strace wrote, or the relay ends.
fn trace(relay: &mut Fogbell, calls: &str, inject: &str, struck: impl Fn(&str) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("trace");
    let pid = relay.process().pid().to_string();
    let mut command = Command::new("strace");
    command.args(["-f", "-e", &format!("trace={calls}"), "-e", inject, "-p", &pid, "-o"]).arg(&written);
    let mut strace = Running::start("strace", &mut command);
    let _attached = strace.wait_line("that it is attached", |line| line.contains("attached"));

    let done = wait_until(STRUCK, || {
        !relay.process().is_running() || struck(&fs::read_to_string(&written).unwrap_or_default())
    });

    assert!(done, "{inject} did not strike: {}", fs::read_to_string(&written).unwrap_or_default());
    strace.sigterm();
    // One that is asked while its process ends may wait for ever for threads that are gone.
    if !wait_until(DETACHED, || !strace.is_running()) {
        strace.kill9();
    }
}

/// Which call is struck: strace counts those of each thread, and those of the journal's writer are what matters.
pub(crate) fn nth(rng: &mut Rng) -> usize {
    1 + rng.below(24)
}

const SYNCS: &str = "fsync,fdatasync";
const WRITES: &str = "pwrite64";

/// How long strace may take to let go of every thread.
const DETACHED: Duration = Duration::from_secs(5);
