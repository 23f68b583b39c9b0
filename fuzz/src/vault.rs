//! The file of a vault.

use ::vault::{Entry, Key, Keyring, OpenError, Vault};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::source::Source;

/// Any bytes are a vault or are refused in one line; a vault that was changed in one place is refused; and what
/// somebody sealed who has a key is held to the bounds of the format all the same.
pub fn vault(data: &[u8]) {
    let mut source = Source::new(data);
    match source.byte() % 3 {
        0 => {
            let _refused = judge(source.rest());
        }
        1 => {
            let mut bytes = WRITTEN.to_vec();
            let at = source.below(bytes.len());
            let change = source.byte();
            bytes[at] ^= change;
            assert_eq!(judge(&bytes).is_ok(), change == 0, "byte {at}, changed by {change:#x}");
        }
        _ => {
            let index = source.bytes(2048).to_vec();
            judge_sealed(&index, source.rest());
        }
    }
}

/// What must be true of any bytes.
fn judge(bytes: &[u8]) -> Result<Vec<Entry>, OpenError> {
    let vault = Vault::parse(bytes, &keyring()).inspect_err(|error| {
        let said = error.to_string();
        assert!(!said.is_empty() && !said.contains('\n'), "{said}");
    })?;
    let entries = vault.entries();
    assert!(entries.is_sorted_by(|a, b| a.name() < b.name()), "{entries:?}");
    assert!(entries.len() <= 1024 && (1..=16).contains(&vault.wrappers().len()));
    let opened = entries.iter().filter(|entry| vault.secret(entry.name()).is_ok()).count();
    assert!(vault.verify().is_err() || opened == entries.len());
    Ok(entries.to_vec())
}

/// Seals any index and any values as a writer would that does not care for the format of them.
fn judge_sealed(index: &[u8], values: &[u8]) {
    let plain = [digest(&SHA256, values).as_ref(), index].concat();
    let header = {
        let mut wrapper = vec![2, 1, b'k'];
        wrapper.extend([0; 8]);
        wrapper.extend([5; 32]);
        let wrapping = derive(&MATERIAL, &[5; 32], b"fogbell vault 1 wrap");
        let context = [&b"fogbell vault 1 wrap"[..], &[3; 16], &wrapper].concat();
        let wrapped = seal(&wrapping, &context, &ROOT);
        let length = |bytes: usize| u32::try_from(bytes).expect("some kilobytes").to_be_bytes();
        let tail = [&[1][..], &wrapper, &wrapped].concat();
        let fixed =
            [&[3; 16][..], &[0; 8], &[4; 32], &length(plain.len() + 16), &length(values.len())].concat();
        [&b"FOGVAULT\0\x01"[..], &length(14 + fixed.len() + tail.len()), &fixed, &tail].concat()
    };
    let body = derive(&ROOT, &[4; 32], b"fogbell vault 1 body");
    let file = [&header[..], &seal(&body, &header, &plain), values].concat();
    match judge(&file) {
        Ok(entries) => assert!(entries.is_empty() || values.len() >= 80 * entries.len(), "{entries:?}"),
        Err(error) => assert_eq!(error, OpenError::Altered),
    }
}

fn derive(secret: &[u8], salt: &[u8], purpose: &[u8]) -> [u8; 32] {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut key = [0; 32];
    let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
    prk.expand(&[purpose], Length).and_then(|okm| okm.fill(&mut key)).expect("32 bytes can be had");
    key
}

fn seal(key: &[u8; 32], context: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key"));
    let mut bytes = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    key.seal_in_place_append_tag(nonce, Aad::from(context), &mut bytes).expect("it is short");
    bytes
}

fn keyring() -> Keyring {
    let keys = [&MATERIAL[..], KEY];
    Keyring::of(keys.map(|key| Key::material(key.to_vec().into()).expect("it is long enough")))
}

const MATERIAL: [u8; 32] = [1; 32];
const ROOT: [u8; 32] = [2; 32];
const WRITTEN: &[u8] = include_bytes!("../../crates/vault/tests/fixtures/format-1.vault");
const KEY: &[u8] = include_bytes!("../../crates/vault/tests/fixtures/format-1.key");
