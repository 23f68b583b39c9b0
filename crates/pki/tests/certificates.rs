//! Certificates made by OpenSSL (`fixtures/README.md`) and by ourselves, read and judged.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fogbell_pki::{Chain, Finding, Fingerprint, KeyKind, KeyPair, matches, self_signed};
use x509_parser::prelude::{FromDer as _, X509Certificate};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

fn chain(name: &str) -> Chain {
    Chain::load(&path(name)).unwrap()
}

/// A moment at which all fixtures are valid.
fn then(name: &str) -> SystemTime {
    chain(name).leaf().validity.not_before + DAY
}

#[test]
fn a_leaf_says_who_it_is() {
    let chain = chain("rsa2048.crt");
    let leaf = chain.leaf();

    assert_eq!(leaf.subject, "O=Fogbell tests, CN=rsa2048");
    assert_eq!(leaf.names, ["relay.example.net", "*.example.org", "192.0.2.7", "2001:db8::7"]);
    assert_eq!(leaf.key, KeyKind::Rsa { bits: 2048 });
    assert!(leaf.self_signed);
    let length = leaf.validity.not_after.duration_since(leaf.validity.not_before).unwrap();
    assert_eq!(length, 3650 * DAY);
}

#[test]
fn a_chain_keeps_the_order_of_its_file() {
    let chain = chain("chain.crt");

    assert_eq!(chain.certificates().len(), 2);
    assert_eq!(chain.leaf().subject, "CN=request");
    assert!(!chain.leaf().self_signed);
    assert_eq!(chain.judge(then("chain.crt")), []);
}

#[test]
fn a_fingerprint_is_what_openssl_prints() {
    // openssl x509 -in p256.crt -noout -fingerprint -sha256
    let printed = fs::read_to_string(path("p256.fingerprint")).unwrap();
    let fingerprint = chain("p256.crt").leaf().fingerprint;

    assert_eq!(fingerprint.to_string(), printed.trim().rsplit('=').next().unwrap());
    assert_eq!(format!("{fingerprint:x}"), fingerprint.to_string().replace(':', "").to_lowercase());
    assert_eq!(Fingerprint::of(&fixture("p256.der")), fingerprint);
}

#[test]
fn what_is_no_chain_is_refused_in_the_operators_words() {
    let cut = fixture("p256.crt")[..200].to_vec();
    let nonsense = b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n".to_vec();
    let second_bad = [fixture("p256.crt"), nonsense.clone()].concat();
    for (pem, said) in [
        (Vec::new(), "it is empty"),
        (fixture("p256.key"), "it holds a private key and no certificate; are certificate and key swapped?"),
        (fixture("encrypted.key"), "it holds a private key and no certificate"),
        (vec![0x30, 0x82, 0xff, 0xff], "neither PEM nor a certificate in DER"),
        (fixture("request.csr"), "it holds a certificate request"),
        (fixture("public.key"), "it holds no certificate but `BEGIN PUBLIC KEY`"),
        (b"certificate".to_vec(), "it holds no certificate but no PEM at all"),
        (b"\xff\xfe-\0".to_vec(), "it is UTF-16 text"),
        (fixture("p256.crt").repeat(40), "it holds 32 sections or more"),
        (cut, "its PEM is damaged"),
        (nonsense, "certificate 1 in it is damaged"),
        (second_bad, "certificate 2 in it is damaged"),
    ] {
        let error = Chain::parse(&pem).unwrap_err();
        assert!(error.to_string().contains(said), "{error}, but expected: {said}");
    }
    let error = Chain::load(Path::new("/nowhere/chain.pem")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `/nowhere/chain.pem`");
}

#[test]
fn days_are_counted_down_and_then_below_zero() {
    let validity = chain("p256.crt").leaf().validity;
    for (at, days, holds) in [
        (validity.not_after - 30 * DAY, 30, true),
        (validity.not_after - Duration::from_secs(1), 0, true),
        (validity.not_after, 0, true),
        (validity.not_after + Duration::from_secs(1), -1, false),
        (validity.not_after + 10 * DAY, -10, false),
        (validity.not_before - Duration::from_secs(1), 3650, false),
    ] {
        assert_eq!((validity.days_left(at), validity.holds(at)), (days, holds));
    }
}

#[test]
fn what_a_peer_will_not_like_is_found() {
    let check = |name: &str, at: SystemTime, findings: &[&str]| {
        let found: Vec<_> = chain(name).judge(at).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), findings.len(), "{name}: {found:?}");
        for (found, wanted) in found.iter().zip(findings) {
            assert!(found.contains(wanted), "{name}: {found}, but expected: {wanted}");
        }
    };
    let validity = chain("p256.crt").leaf().validity;

    // what `openssl req -x509` makes is an authority unless it is told otherwise
    let ca = "that of an authority (CA:TRUE)";
    check("p256.crt", then("p256.crt"), &[ca]);
    check("leaf.crt", then("chain.crt"), &[]);
    check("p256.crt", validity.not_after + 5 * DAY, &["certificate 1 expired 5 days ago", ca]);
    check(
        "p256.crt",
        validity.not_before - 5 * DAY,
        &["certificate 1 is not valid yet, for another 5 days", ca],
    );
    check("rsa1024.crt", then("rsa1024.crt"), &["certificate 1 has a weak key, RSA 1024", ca]);
    check(
        "sha1.crt",
        then("sha1.crt"),
        &["signed with SHA-1", "no subjectAltName", "not made for servers", ca],
    );
    check("chain.crt", UNIX_EPOCH, &["certificate 1 is not valid yet", "certificate 2 is not valid yet"]);

    let backwards = Chain::parse(&[fixture("issuer.crt"), fixture("leaf.crt")].concat()).unwrap();
    assert_eq!(
        backwards.judge(then("chain.crt")),
        [Finding::NoNames, Finding::Authority, Finding::BrokenChain { number: 1 }]
    );
}

#[test]
fn a_self_signed_certificate_reads_back_without_a_finding() {
    let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let names = ["relay.example.net", "*.example.org", "192.0.2.7", "2001:db8::7"].map(str::to_owned);

    let made = self_signed(&names, now).unwrap();

    let chain = Chain::parse(made.chain_pem.as_bytes()).unwrap();
    let key = KeyPair::parse(made.key_pem.as_bytes()).unwrap();
    let leaf = chain.leaf();
    assert_eq!(matches(&chain, &key), Ok(()));
    assert_eq!(chain.judge(now), []);
    assert_eq!(leaf.names, names);
    assert_eq!(leaf.subject, "CN=relay.example.net");
    assert_eq!((&leaf.key, leaf.self_signed), (&KeyKind::P256, true));
    assert_eq!(leaf.validity.days_left(now), 3652);
    assert!(leaf.validity.holds(now - Duration::from_secs(60 * 60)));

    let (_, certificate) = X509Certificate::from_der(&chain.certificates()[0]).unwrap();
    assert!(certificate.verify_signature(None).is_ok());
    assert!(!certificate.basic_constraints().unwrap().expect("CA:FALSE is said").value.ca);
    let usage = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    assert!(!format!("{made:?}").contains("PRIVATE"));
}

#[test]
fn no_two_self_signed_certificates_are_alike() {
    let names = ["localhost".to_owned()];
    let serial_and_key = || {
        let made = self_signed(&names, SystemTime::now()).unwrap();
        let chain = Chain::parse(made.chain_pem.as_bytes()).unwrap();
        let (_, certificate) = X509Certificate::from_der(&chain.certificates()[0]).unwrap();
        (certificate.raw_serial().to_vec(), made.key_pem)
    };
    let (first, second) = (serial_and_key(), serial_and_key());

    assert_eq!(first.0.len(), 16);
    assert!(first.0 != second.0 && first.1 != second.1);
}

#[test]
fn only_names_that_a_certificate_can_carry_are_accepted() {
    let long = format!("{}.example.net", "a".repeat(63));
    for (name, accepted) in [
        ("localhost", true),
        ("relay_1.example.net", true),
        ("*.example.net", true),
        ("::1", true),
        ("xn--zrich-kva.example", true),
        (long.as_str(), true),
        ("", false),
        ("zürich.example", false),
        ("a b", false),
        ("-a.example", false),
        ("a..example", false),
        ("*", false),
        ("a.*.example", false),
        ("https://relay.example.net", false),
        ("relay.example.net:8443", false),
        (&"a".repeat(64), false),
    ] {
        let made = self_signed(&[name.to_owned()], SystemTime::now());
        assert_eq!(made.is_ok(), accepted, "{name}");
    }
    assert!(self_signed(&[], SystemTime::now()).is_err());
}
