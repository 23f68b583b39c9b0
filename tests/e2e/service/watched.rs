//! What the relay tells its service manager, as systemd hears it.

use std::process::Command;
use std::thread;
use std::time::Duration;

use e2e::{Config, Curl, DEADLINE, Fogbell, Manager, Running, wait_until};
use rustix::process::Signal;

/// A relay that tells `manager`, which waits so many microseconds before it takes the relay for dead.
fn watched(manager: &Manager, watchdog: &str) -> Fogbell {
    // the shell becomes env and then the relay, so that the id is the relay's
    let script = "WATCHDOG_PID=$$ exec env \"$@\"";
    let socket = format!("NOTIFY_SOCKET={}", manager.path().display());
    let patience = format!("WATCHDOG_USEC={watchdog}");
    Fogbell::start_under(&["sh", "-c", script, "sh", &socket, &patience], &Config::new())
}

#[test]
fn the_service_manager_hears_that_the_relay_is_ready_alive_and_stopping() {
    let manager = Manager::new();
    let mut relay = watched(&manager, "600000");

    assert_eq!(manager.next(), "READY=1");
    assert_eq!(Curl::new(&relay.admin_url("/readyz")).run().status, 200);
    for _ in 0..5 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }

    relay.sigterm();
    let mut last = manager.next();
    while last == "WATCHDOG=1" {
        last = manager.next();
    }
    assert_eq!(last, "STOPPING=1");
    assert!(relay.wait_exit(DEADLINE).success());
}

#[test]
fn without_a_watchdog_the_service_manager_hears_only_the_beginning_and_the_end() {
    let manager = Manager::new();
    let mut relay = watched(&manager, "0");

    relay.deliver(r#"{"topic":"ping","events":[]}"#);
    relay.sigterm();
    assert!(relay.wait_exit(DEADLINE).success());

    assert_eq!([manager.next(), manager.next()], ["READY=1", "STOPPING=1"]);
    assert_eq!(manager.heard(), None);
}

#[test]
fn a_relay_whose_disk_hangs_is_not_alive_and_not_ready_until_it_goes_on() {
    let manager = Manager::new();
    let mut relay = watched(&manager, "300000");
    assert_eq!(manager.next(), "READY=1");
    assert_eq!(manager.next(), "WATCHDOG=1");
    let pid = relay.process().pid().to_string();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=fsync,fdatasync", "-e", HANGS, "-p", &pid]);
    let mut strace = Running::start("strace", &mut strace);
    let _ = strace.wait_line("that it is attached", |line| line.contains("attached"));

    let answered = thread::scope(|scope| {
        let posted = scope.spawn(|| relay.post(Config::SECRET, r#"{"topic":"ping","events":[]}"#));
        let ready = || Curl::new(&relay.admin_url("/readyz")).run();
        let unready = || {
            while manager.heard().is_some() {}
            ready().status == 503
        };
        assert!(wait_until(DEADLINE, unready), "the relay calls itself ready");
        assert!(ready().text().contains("does not answer"), "{}", ready().text());
        while manager.heard().is_some() {}
        // while it is not ready it is not alive either
        for _ in 0..10 {
            assert_eq!((manager.next_within(Duration::from_millis(200)), ready().status), (None, 503));
        }
        // the disk goes on where strace leaves it
        strace.signal(Signal::INT);
        assert!(wait_until(DEADLINE, || ready().status == 200), "the relay does not go on");
        posted.join().unwrap()
    });

    assert_eq!(answered.status, 200, "{}", answered.said);
    assert_eq!(manager.next(), "WATCHDOG=1");
}

/// Every sync hangs for longer than any story.
const HANGS: &str = "inject=fsync,fdatasync:delay_enter=600000000";
