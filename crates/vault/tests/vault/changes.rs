//! What is put in comes out, with every key that shall open it and with no other.

use fogbell_vault::{Error, KeyError, RecoveryKey};

use super::*;

#[test]
fn what_is_put_in_comes_out_with_its_ages_and_its_fingerprint() {
    let place = Place::with(&[("a", b"one"), ("b", b"two")]);
    let first = place.open().entries()[0].clone();

    let mut edit = place.edit();
    edit.set(&named("a"), secret(b"three"), moment(50)).unwrap();
    edit.set(&named("c"), secret(b"two"), moment(60)).unwrap();
    edit.remove(&named("b")).unwrap();
    edit.save(moment(70)).unwrap();

    let vault = place.open();
    let names: Vec<_> = vault.entries().iter().map(|entry| entry.name().as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(vault.secret(&named("a")).unwrap().expose(), b"three");
    assert!(matches!(vault.secret(&named("b")), Err(Error::NoSecret { .. })));
    let a = &vault.entries()[0];
    assert_eq!((a.created(), a.changed()), (moment(0), moment(50)));
    assert_ne!(a.fingerprint(), first.fingerprint());
    assert_eq!((vault.counter(), vault.written()), (2, moment(70)));

    let mut edit = place.edit();
    edit.set(&named("a"), secret(b"one"), moment(80)).unwrap();
    edit.save(moment(80)).unwrap();
    assert_eq!(
        place.open().entries()[0].fingerprint(),
        first.fingerprint(),
        "the same value, the same fingerprint"
    );
    assert_eq!(place.open().verify(), Ok(()));
}

#[test]
fn a_vault_opens_with_each_of_its_keys_and_with_no_other() {
    let place = Place::with(&[("a", b"one")]);
    let recovery = RecoveryKey::random().unwrap();
    let typed = recovery.reveal();
    let passphrase = || Key::passphrase(b"correct horse battery".to_vec().into()).unwrap();
    let mut edit = place.edit();
    for (label, kind, key) in [
        ("systemd", WrapperKind::Credential, Key::material(vec![7; 40].into()).unwrap()),
        ("paper", WrapperKind::Recovery, Key::recovery(recovery)),
        ("mine", WrapperKind::Passphrase, passphrase()),
    ] {
        edit.add_wrapper(&NewWrapper { label, kind, key: &key }, moment(1)).unwrap();
    }
    edit.save(moment(1)).unwrap();

    let opens = |key: Key| Vault::open(&place.path(), &Keyring::of([key])).map(|vault| vault.entries().len());
    assert_eq!(opens(key()).unwrap(), 1);
    assert_eq!(opens(Key::material(vec![7; 40].into()).unwrap()).unwrap(), 1);
    assert_eq!(opens(passphrase()).unwrap(), 1);
    assert_eq!(opens(Key::recovery(RecoveryKey::parse(&typed).unwrap())).unwrap(), 1);
    for wrong in [
        Key::material(vec![7; 41].into()).unwrap(),
        Key::passphrase(b"correct horse batterx".to_vec().into()).unwrap(),
        Key::recovery(RecoveryKey::random().unwrap()),
    ] {
        let said = said(opens(wrong));
        assert!(
            said.contains("none of the keys at hand opens the vault")
                && said.contains("recovery key `paper`"),
            "{said}"
        );
    }

    let mut edit = place.edit();
    edit.remove_wrapper("mine").unwrap();
    edit.save(moment(2)).unwrap();
    assert!(opens(passphrase()).is_err());
}

#[test]
fn a_rotation_needs_every_key_and_then_only_the_new_root_opens() {
    let place = Place::with(&[("a", b"one")]);
    let other = || Key::material(vec![9; 32].into()).unwrap();
    let mut edit = place.edit();
    edit.add_wrapper(&NewWrapper { label: "other", kind: WrapperKind::KeyFile, key: &other() }, moment(1))
        .unwrap();
    edit.save(moment(1)).unwrap();

    let mut edit = place.edit();
    let refused = edit.rotate(&keyring(), moment(2)).unwrap_err();
    assert!(matches!(&refused, Error::NotAtHand { label } if label == "other"), "{refused}");
    drop(edit);
    let before = place.bytes();
    let mut edit = place.edit();
    edit.rotate(&Keyring::of([key(), other()]), moment(3)).unwrap();
    edit.save(moment(3)).unwrap();

    for key in [key(), other()] {
        let vault = Vault::open(&place.path(), &Keyring::of([key])).unwrap();
        assert_eq!(vault.secret(&named("a")).unwrap().expose(), b"one");
    }
    // a wrapper of the old file says nothing of the new root
    let after = place.bytes();
    assert_eq!(before[14..30], after[14..30], "the vault stays itself");
    let mixed = [&before[..before.len() - 1024 - 16 - 80], &after[after.len() - 1024 - 16 - 80..]].concat();
    assert!(Vault::parse(&mixed, &keyring()).is_err());
}

#[test]
fn the_last_key_stays_and_two_have_not_one_label() {
    let place = Place::with(&[]);
    let mut edit = place.edit();

    assert!(matches!(edit.remove_wrapper("key-file"), Err(Error::LastWrapper { .. })));
    assert!(matches!(edit.remove_wrapper("nothing"), Err(Error::NoWrapper { .. })));
    let mut add = |label: &str, kind| edit.add_wrapper(&NewWrapper { label, kind, key: &key() }, moment(0));
    assert!(matches!(add("key-file", WrapperKind::KeyFile), Err(Error::Taken { .. })));
    assert!(matches!(add("a b", WrapperKind::KeyFile), Err(Error::Label)));
    assert!(matches!(add("x", WrapperKind::Recovery), Err(Error::Key(KeyError::Kind { .. }))));
    for n in 1..16 {
        add(&format!("key-{n}"), WrapperKind::KeyFile).unwrap();
    }
    assert!(matches!(add("one-more", WrapperKind::KeyFile), Err(Error::TooManyWrappers)));
    edit.save(moment(1)).unwrap();
    assert_eq!(place.open().wrappers().len(), 16);
}

#[test]
fn a_vault_has_room_for_so_much_and_says_when_it_is_full() {
    let place = Place::with(&[]);
    let mut edit = place.edit();
    for n in 0..1024 {
        edit.set(&named(&format!("{n:0>64}")), secret(b"x"), moment(0)).unwrap();
    }
    edit.save(moment(0)).unwrap();
    assert_eq!(place.open().entries().len(), 1024);
    assert!(matches!(place.edit().set(&named("one-more"), secret(b"x"), moment(0)), Err(Error::Full)));

    let place = Place::with(&[]);
    let mut edit = place.edit();
    let full = (0..200).find(|n| edit.set(&named(&n.to_string()), secret(&[7; 65_536]), moment(0)).is_err());
    edit.remove(&named(&full.unwrap().to_string())).unwrap();
    edit.save(moment(0)).unwrap();
    assert_eq!((full, place.open().verify()), (Some(123), Ok(())));
}

#[test]
fn a_key_that_could_be_guessed_is_none() {
    for bytes in [0, 31, 4097] {
        assert!(Key::material(vec![1; bytes].into()).is_err(), "{bytes}");
    }
    for bytes in [0, 11, 1025] {
        assert!(Key::passphrase(vec![1; bytes].into()).is_err(), "{bytes}");
    }
    assert_eq!(Key::random_material().unwrap().len(), 32);
    assert_ne!(Key::random_material().unwrap(), Key::random_material().unwrap());
}

#[test]
fn nothing_secret_is_printed() {
    let place = Place::with(&[("a", b"canary-7f3a")]);
    let keyring = keyring();
    let shown = format!("{:?} {:?} {:?} {:?}", place.open(), place.edit(), keyring, key());

    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.contains("0, 1, 2, 3"), "{shown}");
    let value: Vec<String> = b"canary".iter().map(u8::to_string).collect();
    assert!(!shown.contains(&value.join(", ")), "{shown}");
}

fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}
