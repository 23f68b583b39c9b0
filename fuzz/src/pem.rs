//! Certificates and keys in files.

use std::time::{Duration, UNIX_EPOCH};

use pki::{Authorities, Chain, KeyPair, matches};

use crate::source::Source;

/// Any file is a chain or a key, or is told to be something else without showing what is in it; a chain can be
/// judged at any time and compared with any key.
pub fn pem(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.byte();
    let now = UNIX_EPOCH + Duration::from_secs(source.number::<5>());
    let label = LABELS[usize::from(choice) % LABELS.len()];
    let (file, body) = if label.is_empty() {
        (source.rest().to_vec(), Vec::new())
    } else {
        let body = base64(source.rest());
        let lines = [format!("-----BEGIN {label}-----")].into_iter().chain(body.clone());
        let lines: Vec<String> = lines.chain([format!("-----END {label}-----\n")]).collect();
        (lines.join("\n").into_bytes(), body)
    };

    let (chain, key) = (Chain::parse(&file), KeyPair::parse(&file));
    let mut said = format!("{key:?}");
    if let Err(error) = &chain {
        said += &format!("{error} {error:?}");
    }
    if let Err(error) = &key {
        said += &error.to_string();
    }
    for line in body.iter().filter(|line| line.len() >= 32) {
        assert!(!said.contains(line.as_str()), "{said}");
    }
    if let Ok(chain) = &chain {
        assert!(!chain.certificates().is_empty() && chain.certificates().len() < 32);
        let leaf = chain.leaf();
        assert_eq!(leaf.fingerprint, pki::Fingerprint::of(&chain.certificates()[0]));
        assert!(
            leaf.validity.holds(now) <= (leaf.validity.days_left(now) >= 0),
            "what holds has not run out"
        );
        for finding in chain.judge(now) {
            assert!(!finding.to_string().is_empty());
        }
        // whatever it trusts, judging ends, and with words
        for authorities in [Authorities::parse(&file).unwrap_or_default(), AUTHORITIES.clone()] {
            if let Err(error) = chain.verify(&authorities, now) {
                assert!(!error.to_string().is_empty());
            }
        }
        let _ = chain.is_for("relay.example.net");
        let _ = matches(chain, &OTHER);
        if let Ok(key) = &key {
            let _ = matches(chain, key);
        }
    }
    if let Ok(key) = &key {
        assert!(!key.public_key().is_empty());
        assert!(matches(&OTHER_CHAIN, key).is_ok() == (key.public_key() == OTHER.public_key()));
    }
}

/// Sixty-four digits a line.
fn base64(bytes: &[u8]) -> Vec<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

static OTHER_CHAIN: std::sync::LazyLock<Chain> = std::sync::LazyLock::new(|| {
    Chain::parse(include_bytes!("../../crates/pki/tests/fixtures/p256.crt")).expect("the fixture is whole")
});

static OTHER: std::sync::LazyLock<KeyPair> = std::sync::LazyLock::new(|| {
    KeyPair::parse(include_bytes!("../../crates/pki/tests/fixtures/p256.key")).expect("the fixture is whole")
});

static AUTHORITIES: std::sync::LazyLock<Authorities> = std::sync::LazyLock::new(|| {
    Authorities::parse(include_bytes!("../../crates/pki/tests/fixtures/root.crt"))
        .expect("the fixture is whole")
});

/// What the bytes are wrapped as; nothing where they are the file.
const LABELS: [&str; 6] =
    ["", "CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"];
