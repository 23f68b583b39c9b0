//! No core file, and nobody of the same user looks into the process.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use e2e::{Config, DEADLINE, Fogbell, Running};
use rustix::process::Signal;

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// Words in front of a program that runs as nobody, with as large a core as it likes.
const AS_NOBODY: [&str; 9] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all",
    "sh",
    "-c",
    "umask 0; ulimit -c unlimited; exec \"$@\"",
    "sh",
];

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give_away(&entry.unwrap().path()));
    }
}

/// Whether nobody can read this file of the process's.
fn reads(pid: u32, file: &str) -> bool {
    let mut command = Command::new(AS_NOBODY[0]);
    command.args(&AS_NOBODY[1..5]).args(["head", "-c", "1"]).arg(format!("/proc/{pid}/{file}"));
    command.output().unwrap().status.success()
}

#[test]
fn the_process_is_shut_to_its_own_user_and_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new();
    config.write(folder.path());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    give_away(folder.path());
    let mut relay = Fogbell::start_as_it_is(folder.path(), &AS_NOBODY);
    let pid = relay.process().pid();

    // what another program of this user shows, the relay does not
    let mut other = Command::new(AS_NOBODY[0]);
    other.args(&AS_NOBODY[1..]).args(["sleep", "600"]).current_dir(folder.path());
    let mut other = Running::start("sleep", &mut other);
    for file in ["environ", "auxv", "maps"] {
        assert!(e2e::wait_until(DEADLINE, || reads(other.pid(), file)), "{file} of another program");
        assert!(!reads(pid, file), "{file}");
    }
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(format!("/proc/{pid}/mem")).unwrap());
    assert_eq!(owner, 0, "the memory is root's");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");

    // every file it made is its user's alone; the socket also its group's
    relay.deliver(r#"{"topic":"ping","events":[]}"#);
    for entry in fs::read_dir(folder.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        let (mode, name) = (entry.metadata().unwrap().permissions().mode(), entry.file_name());
        let others = if name == "admin.sock" { 0o007 } else { 0o077 };
        assert_eq!(mode & others, 0, "{name:?} {mode:o}");
    }

    // a crash that leaves a core of another program leaves none of the relay
    other.signal(Signal::SEGV);
    let ended = other.wait_exit(DEADLINE);
    assert!(ended.core_dumped(), "cores are off on this machine, so this shows nothing: {ended}");
    // the first one, which no fault of its own caused, only takes the handler for overflows of the stack away
    assert!(e2e::wait_until(DEADLINE, || {
        relay.process().signal(Signal::SEGV);
        !relay.process().is_running()
    }));
    let ended = relay.wait_exit(DEADLINE);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(Signal::SEGV.as_raw()), false), "{ended}");
}
