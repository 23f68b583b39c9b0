//! Owners of files, which root alone gives away.

use std::os::unix::fs::MetadataExt;

use super::*;

/// Every file and folder below one, and itself, whose owner is another.
fn of_others(folder: &Path, owner: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(of_others(&path, owner));
        } else if fs::symlink_metadata(&path).unwrap().uid() != owner {
            found.push(path);
        }
    }
    if fs::metadata(folder).unwrap().uid() != owner {
        found.push(folder.to_owned());
    }
    found
}

#[test]
fn what_root_restores_is_its_owners_the_lock_of_the_journal_too() {
    let (folder, home) = home();
    let file = folder.path().join("backup");
    drop(Fogbell::start_in(&home, &Config::new()));
    let own = std::process::Command::new("chown").arg("-R").arg("nobody").arg(&home).status();
    assert!(own.unwrap().success());
    let nobody = fs::metadata(&home).unwrap().uid();
    assert_eq!(backup(&home, &file, &[]).code, 0);
    fs::remove_dir_all(&home).unwrap();

    let restored = restore(&file, &[]);

    assert_eq!(restored.code, 0, "{}", restored.said);
    assert!(nobody != 0 && home.join("state/journal.db.lock").exists());
    assert_eq!(of_others(&home, nobody), Vec::<PathBuf>::new());
}
