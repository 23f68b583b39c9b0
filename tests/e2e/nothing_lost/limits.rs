//! The relay runs into limits of its process, which are lifted again.

use std::fs;
use std::net::TcpStream;

use e2e::{Fogbell, wait_until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::scene::{Mended, STRUCK, Scene};
use super::{rounds, seeded};

#[test]
fn a_relay_without_descriptors_serves_who_is_there_and_heals() {
    let _rng = seeded("emfile");
    let mut scene = Scene::start();

    for _ in 0..rounds(2, 50) {
        scene.fault(
            |relay, load| {
                let open = fs::read_dir(format!("/proc/{}/fd", relay.process().pid())).unwrap().count();
                limit(relay, Resource::Nofile, Some(open as u64));
                let said = |relay: &mut Fogbell| {
                    relay.process().lines().iter().filter(|line| line.contains(NO_DESCRIPTOR)).count()
                };
                let before = said(relay);
                // More than there are gaps below the limit; they stay in the kernel's queue.
                let waiting: Vec<TcpStream> =
                    (0..GAPS).map(|_| TcpStream::connect(relay.address()).unwrap()).collect();
                assert!(wait_until(STRUCK, || said(relay) > before), "every connection was accepted");
                let acknowledged = load.acknowledged();
                assert!(
                    wait_until(STRUCK, || load.acknowledged() > acknowledged),
                    "who is there is not served"
                );
                drop(waiting);
            },
            |relay| {
                limit(relay, Resource::Nofile, Some(DESCRIPTORS));
                Mended::InPlace
            },
        );
    }

    scene.judge("emfile");
}

#[test]
fn a_file_that_may_not_grow_acknowledges_nothing() {
    let _rng = seeded("efbig");
    let mut scene = Scene::start();

    for _ in 0..rounds(2, 50) {
        scene.fault(
            |relay, load| {
                limit(relay, Resource::Fsize, Some(FILE_BYTES));
                let struck = wait_until(STRUCK, || !relay.process().is_running() || load.refused(503) > 0);
                assert!(struck, "files could still grow");
            },
            |relay| {
                limit(relay, Resource::Fsize, None);
                Mended::InPlace
            },
        );
    }

    scene.judge("efbig");
}

/// Sets a limit of a running relay; none means that there is no limit. One that has ended has none.
pub(crate) fn limit(relay: &mut Fogbell, resource: Resource, current: Option<u64>) {
    let process = relay.process();
    let pid = i32::try_from(process.pid()).ok().and_then(Pid::from_raw).unwrap();
    // The hard limit stays, so that the other one can be lifted again.
    let maximum = rustix::process::getrlimit(resource).maximum;
    let set = prlimit(Some(pid), resource, Rlimit { current, maximum });
    assert!(set.is_ok() || !process.is_running(), "{set:?}");
}

/// What the relay says then.
const NO_DESCRIPTOR: &str = "cannot accept a connection";

/// Connections that are tried while there is no descriptor for them.
const GAPS: usize = 8;

/// Descriptors that are enough.
const DESCRIPTORS: u64 = 1024;

/// Less than any of the journal's files has.
pub(crate) const FILE_BYTES: u64 = 4096;
