//! Keys made by OpenSSL (`fixtures/README.md`), read, refused and matched.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::error::Error as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fogbell_pki::{Chain, KeyPair, LoadError, MismatchError, matches};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

#[test]
fn every_form_of_a_usable_key_belongs_to_its_certificate() {
    for (key, kind, certificate) in [
        ("p256.key", "ECDSA P-256", "p256.crt"),
        ("p256.sec1.key", "ECDSA P-256", "p256.crt"),
        ("p256.params.key", "ECDSA P-256", "p256.crt"),
        ("p256.key", "ECDSA P-256", "chain.crt"),
        ("p384.key", "ECDSA P-384", "p384.crt"),
        ("p384.sec1.key", "ECDSA P-384", "p384.crt"),
        ("ed25519.key", "Ed25519", "ed25519.crt"),
        ("rsa2048.key", "RSA 2048", "rsa2048.crt"),
        ("rsa2048.pkcs1.key", "RSA 2048", "rsa2048.crt"),
    ] {
        let key_pair = KeyPair::parse(&fixture(key)).unwrap();
        let chain = Chain::parse(&fixture(certificate)).unwrap();

        assert_eq!(key_pair.kind().to_string(), kind, "{key}");
        assert_eq!(key_pair.kind(), &chain.leaf().key, "{key}");
        assert_eq!(matches(&chain, &key_pair), Ok(()), "{key} and {certificate}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_the_real_reason() {
    let two_keys = [fixture("p256.key"), fixture("p384.key")].concat();
    let cut = fixture("p256.key")[..100].to_vec();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(b"-----BEGIN".iter().flat_map(|b| [*b, 0])).collect();
    let damaged = String::from_utf8(fixture("rsa2048.key")).unwrap().replacen("AASC", "AASD", 1).into_bytes();
    assert_ne!(damaged, fixture("rsa2048.key"));
    for (pem, said) in [
        (fixture("rsa1024.key"), "its key is RSA 1024: too short to be safe; the least is RSA 2048"),
        (fixture("rsa8192.key"), "its key is RSA 8192: longer than the TLS library can sign with"),
        (fixture("p521.key"), "its key is ECDSA P-521, which the TLS library cannot sign with"),
        (fixture("ed448.key"), "its key is Ed448, which the TLS library cannot sign with"),
        (fixture("encrypted.key"), "it is encrypted"),
        (fixture("encrypted.pkcs1.key"), "it is encrypted"),
        (fixture("public.key"), "it holds a public key; the private one is needed"),
        (fixture("p256.crt"), "it holds a certificate and no private key; are certificate and key swapped?"),
        (fixture("p256.der"), "it is binary, and no private key in DER"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n".to_vec(), "it is an OpenSSH key"),
        (b"-----BEGIN DSA PRIVATE KEY-----\n".to_vec(), "no private key but `BEGIN DSA PRIVATE KEY`"),
        (b"-----BEGIN DH PARAMETERS-----\n".to_vec(), "no private key but `BEGIN DH PARAMETERS`"),
        (b"hunter2".to_vec(), "it holds no private key but no PEM at all"),
        (b"\n".to_vec(), "it is empty"),
        (two_keys, "it holds 2 private keys"),
        (utf16, "it is UTF-16 text"),
        (cut, "its PEM is damaged"),
        (damaged, "the key in it is damaged"),
    ] {
        let error = KeyPair::parse(&pem).unwrap_err();
        assert!(error.to_string().contains(said), "{error}, but expected: {said}");
    }
}

#[test]
fn key_and_certificate_that_do_not_belong_together_are_named() {
    let chain = Chain::parse(&fixture("p256.crt")).unwrap();
    let other = KeyPair::parse(&fixture("rsa2048.key")).unwrap();
    let error = matches(&chain, &other).unwrap_err();
    assert!(
        error.to_string().contains("(RSA 2048) does not belong to the certificate (ECDSA P-256)"),
        "{error}"
    );

    let backwards = Chain::parse(&[fixture("issuer.crt"), fixture("leaf.crt")].concat()).unwrap();
    let key = KeyPair::parse(&fixture("p256.key")).unwrap();
    assert_eq!(matches(&backwards, &key), Err(MismatchError::Order { number: 2 }));
}

#[test]
fn one_file_may_hold_both_key_and_certificate() {
    let both = [fixture("p256.key"), fixture("chain.crt")].concat();

    let (chain, key) = (Chain::parse(&both).unwrap(), KeyPair::parse(&both).unwrap());

    assert_eq!(chain.certificates().len(), 2);
    assert_eq!(matches(&chain, &key), Ok(()));
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
    let windows = |name| {
        let text = String::from_utf8(fixture(name)).unwrap().replace('\n', "\r\n");
        [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat()
    };

    let (chain, key) =
        (Chain::parse(&windows("p256.crt")).unwrap(), KeyPair::parse(&windows("p256.key")).unwrap());

    assert_eq!(matches(&chain, &key), Ok(()));
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key.pem");
    fs::copy(path("p256.key"), &file).unwrap();

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = KeyPair::load(&file).unwrap_err();
    assert!(matches!(error, LoadError::Read(_)) && error.to_string().contains("chmod"), "{error}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(KeyPair::load(&file).is_ok());

    fs::write(&file, fixture("rsa1024.key")).unwrap();
    let error = KeyPair::load(&file).unwrap_err();
    assert!(error.to_string().contains("key.pem") && error.source().is_some(), "{error}");
}

#[test]
fn a_key_does_not_print_itself() {
    let key = KeyPair::parse(&fixture("p256.key")).unwrap();

    assert_eq!(format!("{key:?}"), "KeyPair { kind: P256, .. }");
}

#[test]
fn the_key_is_handed_on_as_it_was_read() {
    let key = KeyPair::parse(&fixture("p256.sec1.key")).unwrap();
    let text = String::from_utf8(fixture("p256.sec1.key")).unwrap();

    let again = KeyPair::parse(text.as_bytes()).unwrap();

    assert!(matches!(key.der(), rustls_pki_types::PrivateKeyDer::Sec1(_)));
    assert_eq!(key.der().secret_der(), again.der().secret_der());
}
