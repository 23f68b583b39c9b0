//! A file that is not, bit for bit, what was written does not open.
//!
//! What is random follows from a seed that is printed; `FOGBELL_SEED` repeats it.

use fogbell_vault::OpenError;

use super::*;

#[test]
fn a_thousand_flipped_bits_are_all_refused() {
    let bytes = Place::with(&[("mist/webhook", b"s3cret"), ("key", &[b'k'; 700])]).bytes();
    assert!(Vault::parse(&bytes, &keyring()).is_ok());
    let seed = std::env::var("FOGBELL_SEED").map_or_else(
        |_| u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()),
        |seed| seed.parse().unwrap(),
    );
    eprintln!("flips: FOGBELL_SEED={seed}");
    let mut rng = testkit::Rng::new(seed);

    let mut reasons = [0; 3];
    for _ in 0..1_000 {
        let bit = rng.below(bytes.len() * 8);
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        reasons[match Vault::parse(&flipped, &keyring()) {
            Ok(_) => panic!("bit {bit} is not noticed (seed {seed})"),
            Err(OpenError::Altered) => 0,
            Err(OpenError::WrongKey { .. }) => 1,
            Err(_) => 2,
        }] += 1;
    }
    eprintln!("flips: {reasons:?} by seal, wrapper, form");
    assert!(reasons.iter().all(|count| *count > 0), "{reasons:?} of 1,000 flips by seal, wrapper, form");
}

/// A shorter form of the above that leaves no byte out.
#[test]
fn every_byte_is_sealed() {
    let bytes = Place::with(&[("a", b"b")]).bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(Vault::parse(&changed, &keyring()).is_err(), "byte {at} is not noticed");
    }
}

#[test]
fn a_file_that_was_cut_anywhere_or_goes_on_is_refused() {
    let bytes = Place::with(&[("a", b"b"), ("c", b"d")]).bytes();
    for length in 0..bytes.len() {
        assert!(Vault::parse(&bytes[..length], &keyring()).is_err(), "{length} bytes open");
    }
    for more in [&b"\0"[..], b"x", &bytes] {
        assert!(Vault::parse(&[&bytes, more].concat(), &keyring()).is_err());
    }
}

#[test]
fn parts_of_two_states_of_a_vault_do_not_fit_together() {
    let place = Place::with(&[("a", b"old")]);
    let old = place.bytes();
    let mut edit = place.edit();
    edit.set(&named("a"), secret(b"new"), moment(9)).unwrap();
    edit.save(moment(9)).unwrap();
    let new = place.bytes();

    assert_eq!(old.len(), new.len());
    let values = new.len() - 64 - 16;
    let index = values - 1024 - 16;
    for cut in [index, values] {
        assert!(Vault::parse(&[&old[..cut], &new[cut..]].concat(), &keyring()).is_err());
        assert!(Vault::parse(&[&new[..cut], &old[cut..]].concat(), &keyring()).is_err());
    }
}

#[test]
fn what_is_wrong_is_told_apart() {
    let bytes = Place::with(&[("a", b"b")]).bytes();
    let with = |at: usize, byte: u8| {
        let mut changed = bytes.clone();
        changed[at] = byte;
        Vault::parse(&changed, &keyring()).unwrap_err()
    };
    let other = Keyring::of([Key::material(vec![1; 32].into()).unwrap()]);

    assert_eq!(Vault::parse(b"", &keyring()).unwrap_err(), OpenError::NoVault);
    assert_eq!(with(0, b'f'), OpenError::NoVault);
    assert_eq!(with(9, 2), OpenError::Newer { version: 2 });
    assert!(matches!(with(9, 0), OpenError::Damaged { .. }));
    assert_eq!(with(bytes.len() - 1, !bytes[bytes.len() - 1]), OpenError::Altered);
    let with = "key file `key-file`".to_owned();
    assert_eq!(Vault::parse(&bytes, &other).unwrap_err(), OpenError::WrongKey { with });
}
