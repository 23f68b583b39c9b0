//! Onboarding tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use ids::Timestamp;
use ring::hmac;
use sco::AssetId;
use sco::certificate::Certificate;
use sco::token::{Anchor, Authenticity, Expectation, OnboardingToken};

use crate::source::Source;

/// Any text is a token or is none; one that may be used without a flag is signed with RSA by a certificate under the
/// anchor, for exactly the assets; none prints itself, and one that is signed with what is public is never authentic.
pub fn token(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = usize::from(source.byte());
    let text = match HEADERS.get(choice % (HEADERS.len() + 1)) {
        None => String::from_utf8_lossy(source.rest()).into_owned(),
        Some(header) => made(header, source.rest()),
    };
    let Ok(token) = OnboardingToken::parse(&text) else {
        return;
    };

    let printed = format!("{token:?}");
    assert!(text.split('.').all(|part| part.len() < 40 || !printed.contains(part)));
    let again = OnboardingToken::parse(token.expose()).expect("what was read is read again");
    assert_eq!((again.fingerprint(), again.asset_ids()), (token.fingerprint(), token.asset_ids()));

    let asset_ids: BTreeSet<AssetId> = ["A1"].iter().filter_map(|text| text.parse().ok()).collect();
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    for anchor in [Some(&*ANCHOR), None] {
        let expect = Expectation {
            asset_ids: &asset_ids,
            anchor,
            served: None,
            now,
            margin: Duration::from_secs(3600),
        };
        let judgement = token.judge(&expect);
        assert!(judgement.faults.is_empty() || !judgement.is_usable(&judgement.flags));
        assert_eq!(judgement.faults.is_empty(), judgement.authenticity != Authenticity::Refused);
        if judgement.is_usable(&[]) {
            assert_eq!(judgement.authenticity, Authenticity::Authenticated);
            assert!(anchor.is_some() && token.algorithm().starts_with("RS"));
            assert_eq!(token.asset_ids(), &asset_ids);
            assert!(token.expires() > Some(now));
            assert_eq!(token.ca_certificate().map(Certificate::fingerprint), anchor.map(Anchor::fingerprint));
        }
        for fault in &judgement.faults {
            assert!(fault.to_string().len() < 1000 && !fault.to_string().contains(char::is_control));
        }
    }
}

/// A token with this header whose payload is `payload`; its signature is an HMAC under the certificate, which is public.
fn made(header: &str, payload: &[u8]) -> String {
    let payload = String::from_utf8_lossy(payload).replace("$CA", &CA_BASE64).replace("$LEAF", &LEAF_BASE64);
    let text = format!("{}.{}", url(header.as_bytes()), url(payload.as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, LEAF_BASE64.as_bytes());
    format!("{text}.{}", url(hmac::sign(&key, text.as_bytes()).as_ref()))
}

fn base64(bytes: &[u8], digits: &[u8; 64], pad: bool) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            match (place <= three.len(), pad) {
                (true, _) => text.push(char::from(digits[bits >> (18 - 6 * place) & 63])),
                (false, true) => text.push('='),
                (false, false) => {}
            }
        }
    }
    text
}

fn url(bytes: &[u8]) -> String {
    base64(bytes, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false)
}

fn certificate(pem: &str) -> String {
    let certificate = Certificate::parse_all(pem.as_bytes()).expect("the fixture is whole").remove(0);
    base64(certificate.der(), b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true)
}

const HEADERS: [&str; 6] = [
    r#"{"alg":"RS256"}"#,
    r#"{"alg":"HS256","typ":"JWT"}"#,
    r#"{"alg":"none"}"#,
    r#"{"alg":"RS512","crit":["b64"]}"#,
    r#"{"alg":"ES256"}"#,
    r#"{"alg":""}"#,
];
const CA: &str = include_str!("../../crates/sco/tests/fixtures/pki/ca.crt");
const LEAF: &str = include_str!("../../crates/sco/tests/fixtures/pki/server.crt");

static CA_BASE64: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| certificate(CA));
static LEAF_BASE64: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| certificate(LEAF));
static ANCHOR: std::sync::LazyLock<Anchor> = std::sync::LazyLock::new(|| {
    Anchor::Certificate(Certificate::parse_all(CA.as_bytes()).expect("the fixture is whole").remove(0))
});
