//! The header that proves a body.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use bytes::Bytes;
use http::HeaderValue;
use ids::Timestamp;
use ring::hmac;
use webhook::{Allowlist, Gate, Organisation, Refusal, Signature, SigningSecret};

use crate::source::Source;

/// Only the right digits in the right number prove a body, in either case; whatever else is in the header, there
/// twice, missing or only SHA-1, proves nothing.
pub fn signature(data: &[u8]) {
    let mut source = Source::new(data);
    let choice = source.byte();
    let body_bytes = usize::from(source.byte());
    let body = [br#"{"topic":"ping","n":""#.as_slice(), source.bytes(body_bytes)].concat();
    let (v2, v1) = (right(hmac::HMAC_SHA256, &body), right(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &body));

    let header = match choice % 4 {
        0 => source.rest().to_vec(),
        1 => changed(v2.clone().into_bytes(), &mut source),
        2 => changed(v1.clone().into_bytes(), &mut source),
        _ => [source.bytes(2), v2.as_bytes(), source.bytes(2)].concat(),
    };
    parse(&header);

    let Ok(value) = HeaderValue::from_bytes(&header) else { return };
    let is_v2 = value.as_bytes().eq_ignore_ascii_case(v2.as_bytes());
    let is_v1 = value.as_bytes().eq_ignore_ascii_case(v1.as_bytes());
    let name = ["x-mist-signature-v2", "x-mist-signature"];
    let judged = |gate, headers: &[(&str, &HeaderValue)]| judge(gate, headers, &body);

    assert_eq!(judged(&GATE, &[(name[0], &value)]), is_v2);
    assert_eq!(judged(&SHA1, &[(name[0], &value)]), is_v2);
    assert_eq!(judged(&SHA1, &[(name[1], &value)]), is_v1, "SHA-1 where it is accepted");
    assert!(!judged(&GATE, &[(name[1], &value)]), "SHA-1 where it is not");
    assert!(!judged(&GATE, &[]), "none at all");
    assert!(!judged(&GATE, &[(name[0], &value), (name[0], &value)]), "the same twice");
    let good = HeaderValue::from_str(&v1).expect("digits");
    assert_eq!(judged(&SHA1, &[(name[0], &value), (name[1], &good)]), is_v2, "SHA-1 never mends a wrong one");
}

/// Reading a header agrees with saying by hand what hexadecimal digits are.
fn parse(header: &[u8]) {
    for (parsed, digits) in [(Signature::parse_v2(header), 64), (Signature::parse_v1(header), 40)] {
        let is_one = header.len() == digits && header.iter().all(u8::is_ascii_hexdigit);
        assert_eq!(parsed.is_some(), is_one);
        let bytes = match &parsed {
            Some(Signature::V2(bytes)) => &bytes[..],
            Some(Signature::V1(bytes)) => &bytes[..],
            None => continue,
        };
        let spelt: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(header.eq_ignore_ascii_case(spelt.as_bytes()));
    }
}

/// Whether the gate finds the signature good; the body itself is no message and goes no further.
fn judge(gate: &Gate, headers: &[(&str, &HeaderValue)], body: &[u8]) -> bool {
    let mut request = http::Request::post("/v1/mist");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (head, ()) = request.body(()).expect("name and value are good").into_parts();
    let screened = gate.screen(IpAddr::V4(Ipv4Addr::LOCALHOST), &head).expect("the source is allowed");
    match gate.admit(screened, Bytes::copy_from_slice(body), Timestamp::default()) {
        Ok(_) | Err(Refusal::NoMessage) => true,
        Err(Refusal::SignatureMissing | Refusal::SignatureMalformed | Refusal::SignatureWrong) => false,
        Err(other) => panic!("refused as {}", other.reason()),
    }
}

/// Some bytes of `header` exchanged, its case changed or its end cut.
fn changed(mut header: Vec<u8>, source: &mut Source<'_>) -> Vec<u8> {
    while !source.is_empty() {
        let at = source.below(header.len().max(1));
        match (source.byte(), header.get_mut(at)) {
            (0..=9, _) => header.truncate(at),
            (10..=99, Some(byte)) => byte.make_ascii_uppercase(),
            (new, Some(byte)) => *byte = new,
            (_, None) => {}
        }
    }
    header
}

fn right(algorithm: hmac::Algorithm, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm, SECRET), body);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

static GATE: LazyLock<Gate> = LazyLock::new(|| gate(false));
static SHA1: LazyLock<Gate> = LazyLock::new(|| gate(true));

fn gate(danger_accept_sha1: bool) -> Gate {
    let mut acme = Organisation::new("acme", "/v1/mist");
    acme.secrets.push(SigningSecret::new(SECRET).expect("it is not empty"));
    acme.allowlist = Allowlist::new(["127.0.0.0/8".parse().expect("a network")]);
    acme.danger_accept_sha1 = danger_accept_sha1;
    Gate::new(vec![acme], 1 << 20).expect("one organisation with a secret")
}

const SECRET: &[u8] = b"example-secret";
