//! The power is cut in the middle of writes: what was said to be done is there.

use std::thread::sleep;
use std::time::Duration;

use serde_json::json;

use super::kills::Told;
use super::*;
use crate::nothing_lost::needs_root::disk::Disk;
use crate::nothing_lost::{moment, rounds, seeded, tell};

#[test]
fn a_power_cut_in_the_middle_of_a_write_leaves_the_old_vault_or_the_new_one() {
    let mut rng = seeded("vault-power");
    let mut disk = Disk::mount();
    let folder = TempDir::new().unwrap();
    let state = disk.folder().join("state");
    fs::create_dir(&state).unwrap();
    let home = Home::in_folders(folder.path(), &state);
    home.init();
    // what nobody synced would be gone: the directory itself
    fs::File::open(disk.folder()).unwrap().sync_all().unwrap();
    let mut told = Told::default();
    let (mut killed, mut turn) = (0, 0);
    let cuts = rounds(4, 100);

    for cut in 0..cuts {
        // some that are done, then one that the cut meets
        for _ in 0..3 {
            turn += 1;
            let (name, value) = (format!("name-{}", turn % 5), format!("value-{turn}"));
            home.set(&name, &value);
            told.judge(&name, &value, true, &home.secrets());
        }
        let unsynced = state.join(format!("unsynced-{cut}"));
        fs::write(&unsynced, [b'x'; 20_000]).unwrap();
        turn += 1;
        let (name, value) = (format!("name-{}", turn % 5), format!("value-{turn}"));
        let mut writer = start(&mut home.alone(&["set", &name]), &value);
        // The moment of the cut is what this is about: nothing can be waited for.
        sleep(moment(&mut rng, LONGEST));
        writer.kill().unwrap();
        let ended = answer(writer).code;
        killed += usize::from(ended != 0);
        disk.cut_power();

        let survived = fs::read(&unsynced).is_ok_and(|left| left == [b'x'; 20_000]);
        assert!(!survived, "what nobody synced survived: this was no power cut");
        told.judge(&name, &value, ended == 0, &home.secrets());
        assert_eq!(home.ask(&["verify"], "").code, 0);
    }

    home.set("last", "one");
    tell(&json!({ "cuts": cuts, "killed": killed, "written": turn, "lost": 0 }));
    assert_eq!(left_over(&state), [""; 0]);
    disk.unmount();
}

/// A little longer than a write takes.
const LONGEST: Duration = Duration::from_millis(60);
