//! The disk under the journal has no room, or becomes read-only.

use std::cell::RefCell;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use e2e::{Fogbell, wait_until};
use rustix::process::Signal;

use super::disk::Disk;
use crate::nothing_lost::scene::{Mended, STRUCK, Scene};
use crate::nothing_lost::{moment, rounds, seeded};

#[test]
fn a_full_disk_acknowledges_nothing_and_heals() {
    let mut rng = seeded("full-disk");
    let home = tempfile::tempdir().unwrap();
    let mut disk = Disk::mount();
    let state = disk.folder().join("state");
    fs::create_dir(&state).unwrap();
    let mut scene = Scene::start_in(home.path(), &state);

    for _ in 0..rounds(2, 50) {
        let pause = moment(&mut rng, PAUSE);
        scene.fault(
            |_, load| {
                // The moment is what this is about: nothing can be waited for.
                sleep(pause);
                disk.fill();
                assert!(wait_until(STRUCK, || load.refused(503) > 0), "nothing was refused");
            },
            |_| {
                disk.make_room();
                Mended::InPlace
            },
        );
    }

    scene.judge("full-disk");
    disk.unmount();
}

/// The relay stands still while the disk breaks, so that no sync is under way: one that ext4's end overtakes is
/// answered as if it had succeeded by Linux 6.18, and its data is gone. `docs/reliability.md` has figures.
#[test]
fn a_disk_that_breaks_and_becomes_read_only_acknowledges_nothing() {
    let mut rng = seeded("read-only");
    let home = tempfile::tempdir().unwrap();
    let disk = RefCell::new(Disk::mount());
    let state = disk.borrow().folder().join("state");
    fs::create_dir(&state).unwrap();
    let mut scene = Scene::start_in(home.path(), &state);

    for _ in 0..rounds(2, 50) {
        let pause = moment(&mut rng, PAUSE);
        scene.fault(
            |relay, load| {
                // The moment is what this is about: nothing can be waited for.
                sleep(pause);
                stand_still(relay);
                disk.borrow().break_down();
                relay.process().signal(Signal::CONT);
                let struck = wait_until(STRUCK, || !relay.process().is_running() || load.refused(503) > 0);
                assert!(struck, "the disk could still be written");
            },
            |relay| {
                // A disk in use cannot be repaired; how the relay ended, if it did, is judged by the scene.
                if relay.process().is_running() {
                    relay.kill9();
                }
                disk.borrow_mut().repair();
                Mended::ByRestart
            },
        );
    }

    scene.judge("read-only");
    disk.into_inner().unmount();
}

/// Stops the relay, and waits until each of its threads has ended what it had asked of the kernel.
fn stand_still(relay: &mut Fogbell) {
    let process = relay.process();
    process.signal(Signal::STOP);
    let tasks = format!("/proc/{}/task", process.pid());
    let stands = wait_until(STRUCK, || {
        fs::read_dir(&tasks).unwrap().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    });
    assert!(stands, "the relay does not stand still");
}

/// The longest the disk is well under load.
const PAUSE: Duration = Duration::from_secs(1);
