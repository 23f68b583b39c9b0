//! The file on the disk.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use fogbell_vault::{Error, copy};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_vault_is_its_owners_alone_and_so_is_a_copy() {
    let place = Place::with(&[("a", b"one")]);
    place.edit().save(moment(1)).unwrap();
    let to = place.0.path().join("copy");

    copy(&place.path(), &to).unwrap();

    assert_eq!(
        (mode(&place.path()), mode(&to), mode(&place.0.path().join(".vault.lock"))),
        (0o600, 0o600, 0o600)
    );
    assert_eq!(place.files(), [".vault.lock", "copy", "vault"]);
    assert_eq!(Vault::open(&to, &keyring()).unwrap().entries().len(), 1);
    assert!(matches!(copy(&place.path(), &to), Err(Error::Exists { .. })));
    assert_eq!(place.files(), [".vault.lock", "copy", "vault"]);
}

#[test]
fn a_file_that_others_can_read_or_write_is_refused_with_what_mends_it() {
    let place = Place::with(&[("a", b"one")]);
    for bits in [0o640, 0o604, 0o660, 0o602, 0o601, 0o700 | 0o007] {
        fs::set_permissions(place.path(), Permissions::from_mode(bits)).unwrap();
        for refused in [
            Vault::open(&place.path(), &keyring()).map(drop),
            Edit::open(&place.path(), &keyring()).map(drop),
            Vault::wrappers_of(&place.path()).map(drop),
        ] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains(&format!("mode {bits:04o}")) && said.contains("`chmod 600 "), "{said}");
        }
    }
}

#[test]
fn no_link_is_followed_to_read_to_write_or_to_lock() {
    let place = Place::with(&[("a", b"one")]);
    let folder = place.0.path();
    let (link, victim) = (folder.join("link"), folder.join("victim"));
    symlink(place.path(), &link).unwrap();
    fs::write(&victim, "victim").unwrap();

    let said = Vault::open(&link, &keyring()).unwrap_err().to_string();
    assert!(said.contains("is a symbolic link"), "{said}");
    assert!(matches!(Edit::open(&link, &keyring()), Err(Error::Link { .. })));
    assert!(matches!(Edit::create(&link, Existing::Refuse), Err(Error::Exists { .. })));

    symlink(&victim, folder.join(".vault.new")).unwrap();
    place.edit().save(moment(1)).unwrap();
    assert!(!folder.join(".vault.new").exists());

    fs::remove_file(folder.join(".vault.lock")).unwrap();
    symlink(&victim, folder.join(".vault.lock")).unwrap();
    assert!(matches!(Edit::open(&place.path(), &keyring()), Err(Error::Link { .. })));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
}

#[test]
fn what_is_no_file_or_not_there_or_too_long_is_told() {
    let place = Place::with(&[]);
    let open = |name: &str| Vault::open(&place.0.path().join(name), &keyring()).map(drop);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.0.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    fs::create_dir(place.0.path().join("folder")).unwrap();
    fs::write(place.0.path().join("long"), vec![0; 8 * 1024 * 1024 + 1]).unwrap();
    fs::set_permissions(place.0.path().join("long"), Permissions::from_mode(0o600)).unwrap();

    assert!(matches!(open("none"), Err(Error::Missing { .. })));
    assert!(matches!(open("pipe"), Err(Error::NoFile { .. })));
    assert!(matches!(open("folder"), Err(Error::NoFile { .. })));
    assert!(matches!(open("long"), Err(Error::TooLong { .. })));
    assert!(matches!(Edit::create(&place.path(), Existing::Refuse), Err(Error::Exists { .. })));
    assert!(Edit::create(&place.0.path().join("nowhere/vault"), Existing::Refuse).is_err());
}

#[test]
fn what_a_killed_writer_left_is_cleared_away_and_harms_nothing() {
    let place = Place::with(&[("a", b"one")]);
    fs::write(place.0.path().join(".vault.new"), "half a vault").unwrap();

    assert_eq!(place.open().entries().len(), 1);
    place.edit().save(moment(1)).unwrap();

    assert_eq!(place.files(), [".vault.lock", "vault"]);
    assert_eq!(place.open().counter(), 2);
}

#[test]
fn writers_wait_for_each_other_and_lose_nothing() {
    let place = Place::with(&[]);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let place = &place;
            scope.spawn(move || {
                for turn in 0..10 {
                    let mut edit = place.edit();
                    edit.set(&named(&format!("{writer}-{turn}")), secret(b"x"), moment(turn)).unwrap();
                    edit.save(moment(turn)).unwrap();
                    place.open();
                }
            });
        }
    });

    let vault = place.open();
    assert_eq!((vault.entries().len(), vault.counter(), vault.verify()), (80, 81, Ok(())));
}
