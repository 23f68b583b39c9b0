//! What only root can bring about: a disk without room, another user, a machine without memory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use e2e::{Config, DEADLINE, wait_until};

use super::scene::{Practice, found, is_gone};
use crate::network::MESSAGE;
use crate::nothing_lost::needs_root::disk::Disk;

#[test]
fn a_disk_that_fills_is_found_and_room_mends_it() {
    let mut disk = Disk::mount();
    let state = disk.folder().join("state");
    fs::create_dir(&state).unwrap();
    let mut practice = Practice::with(|config| {
        let state = format!("{:?}", state.display().to_string());
        config.set("", "state", &state).set("journal", "max_bytes", "67108864")
    });
    assert!(practice.is_well("disk") && practice.is_well("journal") && practice.is_well("listener"));
    disk.fill();
    let refused = || practice.scene.relay.post(Config::SECRET, MESSAGE).status == 503;
    assert!(wait_until(DEADLINE, refused), "it takes messages");

    let full = practice.finds("disk_nearly_full");
    assert_eq!(full["mend"], format!("make room on the disk of {}", state.display()));
    let journal = practice.finds("journal_full");
    assert!(journal["mend"].as_str().unwrap().starts_with("make room"), "{journal}");
    let listener = practice.finds("listener_refuses");
    let shown = practice.mend(&listener);
    assert!(shown.code == 0 && shown.out.contains("disk"), "it says what has no room: {}", shown.out);

    disk.make_room();
    practice.mended("disk_nearly_full");
    practice.mended("journal_full");
    practice.mended("listener_refuses");
    practice.scene.relay.kill9();
    disk.unmount();
}

/// Somebody who may read the configuration and its secrets, and is not of the group of the socket.
#[test]
fn who_may_not_ask_the_relay_is_told_so_and_its_group_mends_it() {
    let practice = Practice::healthy();
    open_to_readers(practice.scene.folder.path());
    let asked_by = |groups: &str| {
        let groups = format!("--groups={groups}");
        practice.examine_under(&["setpriv", "--reuid=65534", "--regid=65534", &groups]).0
    };
    let finds = |code| found(&asked_by(READERS), code);

    let finding = finds("relay_not_asked");

    assert!(finding["text"].as_str().unwrap().contains("Permission denied"), "{finding}");
    assert!(finding["mend"].as_str().unwrap().contains("group that owns the socket"), "{finding}");
    // that the relay cannot be asked is no fault of anything else
    let told = asked_by(READERS);
    assert_eq!(told["failed"], 1, "{told:#}");
    let mended = |code| is_gone(&asked_by(&format!("{READERS},0")), code);
    assert!(mended("relay_not_asked"), "{:#}", asked_by(&format!("{READERS},0")));
}

/// A group that owns nothing else.
const READERS: &str = "64999";

/// Lets the group of readers read everything below but the state.
fn open_to_readers(folder: &Path) {
    chown(folder, None, Some(READERS.parse().unwrap())).unwrap();
    if !folder.is_dir() {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o640)).unwrap();
        return;
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if !entry.path().ends_with("state/admin.sock") {
            open_to_readers(&entry.path());
        }
    }
}

/// The kernel's own page says what is left; the doctor is shown another in its place, by a mount of its own.
#[test]
fn a_machine_without_memory_is_found() {
    let practice = Practice::healthy();
    let page = fs::read_to_string("/proc/meminfo").unwrap();
    let file = practice.scene.folder.path().join("meminfo");
    let script = format!("mount --bind '{}' /proc/meminfo && exec \"$@\"", file.display());
    let wrapper = ["unshare", "--mount", "sh", "-c", script.as_str(), "sh"];
    let left = |kibibytes: u64| {
        let lines = page.lines().map(|line| match line.starts_with("MemAvailable:") {
            true => format!("MemAvailable: {kibibytes} kB\n"),
            false => format!("{line}\n"),
        });
        fs::write(&file, lines.collect::<String>()).unwrap();
        practice.examine_under(&wrapper).0
    };
    let finds = |code| found(&left(60 << 10), code);
    let mended = |code| assert!(is_gone(&left(64 << 10), code));

    let finding = finds("memory_short");

    assert!(finding["text"].as_str().unwrap().starts_with("60 MiB are available"), "{finding}");
    mended("memory_short");
}
