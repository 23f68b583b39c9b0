use std::collections::BTreeSet;
use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use super::*;
use crate::RouterName;
use crate::certificate::CertificateFingerprint;

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/pki/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

pub(crate) fn certificate(name: &str) -> Certificate {
    Certificate::parse_all(fixture(&format!("{name}.crt")).as_bytes()).unwrap().remove(0)
}

/// 15 January 2027.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn payload(leaf: &str, ca: &str) -> Value {
    json!({
        "conductor-public-cert": STANDARD.encode(certificate(leaf).der()),
        "conductor-ca-cert": STANDARD.encode(certificate(ca).der()),
        "secret": STANDARD.encode([7; 48]),
        "asset-id": ["A1"],
        "exp": NOW + 2 * 60 * 60,
    })
}

/// A token with this header and payload, signed by the key of this name.
pub(crate) fn signed(header: &Value, payload: &Value, key: &str) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(header), part(payload));
    let pem = fixture(&format!("{key}.key"));
    let der = STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn rs256() -> Value {
    json!({"alg": "RS256", "typ": "JWT"})
}

/// A token for these assets that is good in every way.
pub(crate) fn good(asset_ids: &[&str]) -> String {
    let mut payload = payload("server", "ca");
    payload["asset-id"] = json!(asset_ids);
    signed(&rs256(), &payload, "server")
}

fn assets(asset_ids: &[&str]) -> BTreeSet<AssetId> {
    asset_ids.iter().map(|asset_id| asset_id.parse().unwrap()).collect()
}

/// Judges `text` as a token for A1, by the authority `anchor`.
fn judge(text: &str, anchor: Option<&Anchor>) -> Judgement {
    let asset_ids = assets(&["A1"]);
    let margin = Duration::from_secs(60 * 60);
    let expect = Expectation { asset_ids: &asset_ids, anchor, served: None, now: at(NOW), margin };
    OnboardingToken::parse(text).unwrap().judge(&expect)
}

fn anchor() -> Anchor {
    Anchor::Certificate(certificate("ca"))
}

/// What is wrong with a token whose payload was changed.
fn faults(change: impl FnOnce(&mut Value)) -> Vec<TokenFault> {
    let mut payload = payload("server", "ca");
    change(&mut payload);
    judge(&signed(&rs256(), &payload, "server"), Some(&anchor())).faults
}

#[test]
fn a_good_token_is_authenticated_by_the_profiles_authority() {
    for anchor in [anchor(), Anchor::Pin(certificate("ca").fingerprint())] {
        let judgement = judge(&good(&["A1"]), Some(&anchor));

        assert_eq!(judgement.authenticity, Authenticity::Authenticated);
        assert_eq!(
            (&judgement.faults[..], &judgement.flags[..], &judgement.warnings[..]),
            (&[][..], &[][..], &[][..])
        );
        assert!(judgement.is_usable(&[]));
    }
}

#[test]
fn without_an_anchor_a_token_is_consistent_and_needs_a_flag() {
    let judgement = judge(&good(&["A1"]), None);

    assert_eq!(judgement.authenticity.to_string(), "consistent, not authenticated");
    assert_eq!(judgement.flags, [TokenFlag::Unauthenticated]);
    assert!(!judgement.is_usable(&[]));
    assert!(judgement.is_usable(&[TokenFlag::Unauthenticated]));
}

#[test]
fn another_conductors_token_is_refused_however_consistent_it_is() {
    let forged = signed(&rs256(), &payload("forged", "other-ca"), "forged");

    let judgement = judge(&forged, Some(&anchor()));

    let (found, expected) = (certificate("other-ca").fingerprint(), certificate("ca").fingerprint());
    assert_eq!(judgement.faults, [TokenFault::OtherAuthority { found, expected }]);
    assert_eq!(judgement.authenticity, Authenticity::Refused);
    assert!(!judgement.is_usable(&[TokenFlag::Unauthenticated, TokenFlag::Unverifiable]));
    assert_eq!(judge(&forged, None).authenticity, Authenticity::Consistent);
}

#[test]
fn the_authority_inside_must_have_issued_the_certificate_inside() {
    // both authorities have the same name
    let token = signed(&rs256(), &payload("forged", "ca"), "forged");

    assert_eq!(judge(&token, Some(&anchor())).faults, [TokenFault::Chain]);
    let pin = Anchor::Pin(CertificateFingerprint::of(b"another"));
    assert!(matches!(
        judge(&token, Some(&pin)).faults[..],
        [TokenFault::OtherAuthority { .. }, TokenFault::Chain]
    ));
}

#[test]
fn the_certificate_inside_must_have_signed_it() {
    assert_eq!(
        judge(&signed(&rs256(), &payload("server", "ca"), "forged"), Some(&anchor())).faults,
        [TokenFault::Signature]
    );
    let token = good(&["A1"]);
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let changed = format!("{rest}.{}", signature.replacen(&signature[..4], "AAAA", 1));
    assert_eq!(judge(&changed, Some(&anchor())).faults, [TokenFault::Signature]);
    // signed over SHA-256, and said to be over SHA-512
    let header = json!({"alg": "RS512"});
    assert_eq!(
        judge(&signed(&header, &payload("server", "ca"), "server"), Some(&anchor())).faults,
        [TokenFault::Signature]
    );
}

#[test]
fn a_token_that_is_not_signed_is_refused_and_no_flag_helps() {
    for algorithm in ["none", "None", "NONE", ""] {
        let token = signed(&json!({"alg": algorithm}), &payload("server", "ca"), "server");
        for anchor in [Some(&anchor()), None] {
            assert_eq!(judge(&token, anchor).faults, [TokenFault::Unsigned], "{algorithm}");
        }
    }
}

#[test]
fn a_signature_of_another_kind_is_unverifiable_and_needs_a_flag() {
    for algorithm in ["HS256", "HS512", "PS256", "ES256", "EdDSA", "RS1", "rs256", "XY"] {
        let token = signed(&json!({"alg": algorithm}), &payload("server", "ca"), "server");

        let judgement = judge(&token, Some(&anchor()));

        assert_eq!(judgement.authenticity, Authenticity::Unverifiable, "{algorithm}");
        assert_eq!(
            (judgement.faults, judgement.flags),
            (vec![], vec![TokenFlag::Unverifiable]),
            "{algorithm}"
        );
    }
}

#[test]
fn a_certificate_is_no_key_of_an_hmac() {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "HS256"})), part(&payload("server", "ca")));
    let certificate = certificate("server");
    let spki = certificate.facts().rsa.unwrap();
    for key in [certificate.der(), &spki, fixture("server.crt").as_bytes()] {
        let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), text.as_bytes());
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));

        let judgement = judge(&token, Some(&anchor()));

        assert_eq!(judgement.authenticity, Authenticity::Unverifiable);
        assert!(!judgement.is_usable(&[]) && !judgement.is_usable(&[TokenFlag::Unauthenticated]));
    }
}

#[test]
fn a_token_is_for_the_assets_that_run_and_no_others() {
    let other =
        |found: &[&str]| vec![TokenFault::OtherAssets { found: assets(found), expected: assets(&["A1"]) }];
    assert_eq!(faults(|payload| payload["asset-id"] = json!(["A2"])), other(&["A2"]));
    assert_eq!(faults(|payload| payload["asset-id"] = json!(["A1", "A2"])), other(&["A1", "A2"]));
    assert_eq!(faults(|payload| payload["asset-id"] = json!(["A1", ""])), other(&["A1"]));
    assert_eq!(faults(|payload| payload["asset-id"] = json!(["A1", 7])), other(&["A1"]));
    assert_eq!(faults(|payload| payload["asset-id"] = json!("A1")), []);
    assert_eq!(faults(|payload| payload["asset-id"] = json!([])), [TokenFault::NoAssets]);
    assert_eq!(faults(|payload| payload["asset-id"] = Value::Null), [TokenFault::NoAssets]);
}

#[test]
fn a_token_must_be_taken_for_as_long_as_it_is_needed() {
    let expired = |at_secs: i64| TokenFault::Expired { at: at(at_secs), needed: at(NOW + 3600) };
    assert_eq!(faults(|payload| payload["exp"] = json!(NOW - 1)), [expired(NOW - 1)]);
    assert_eq!(faults(|payload| payload["exp"] = json!(NOW + 3600)), [expired(NOW + 3600)]);
    assert_eq!(faults(|payload| payload["exp"] = json!(NOW + 3601)), []);
    assert_eq!(faults(|payload| payload["nbf"] = json!(NOW + 1)), [TokenFault::NotYet { at: at(NOW + 1) }]);
    // milliseconds where seconds belong: far away, and past the certificate's end
    assert!(faults(|payload| payload["exp"] = json!(NOW * 10)).len() == 2);

    let mut without = payload("server", "ca");
    without.as_object_mut().unwrap().remove("exp");
    let judgement = judge(&signed(&rs256(), &without, "server"), Some(&anchor()));
    assert_eq!((judgement.faults, judgement.flags), (vec![], vec![TokenFlag::NoExpiry]));
}

#[test]
fn a_token_of_more_than_a_year_is_told() {
    let mut long = payload("server", "ca");
    long["exp"] = json!(NOW + 400 * 24 * 3600);

    let judgement = judge(&signed(&rs256(), &long, "server"), Some(&anchor()));

    assert_eq!(judgement.warnings, [TokenWarning::LongLived { at: at(NOW + 400 * 24 * 3600) }]);
}

#[test]
fn the_secret_has_48_bytes() {
    for (secret, bytes) in
        [(STANDARD.encode([7; 47]), 47), (STANDARD.encode([7; 32]), 32), ("!".to_owned(), 0)]
    {
        assert_eq!(faults(|payload| payload["secret"] = json!(secret)), [TokenFault::Secret { bytes }]);
    }
}

#[test]
fn certificates_are_rsa_and_do_not_end_before_the_token() {
    let ec = signed(&rs256(), &payload("ec", "ca"), "server");
    assert!(judge(&ec, Some(&anchor())).faults.contains(&TokenFault::NotRsa("conductor-public-cert")));

    let ends = certificate("short").facts().not_after;
    let short = judge(&signed(&rs256(), &payload("short", "ca"), "server"), Some(&anchor()));
    assert!(short.faults.contains(&TokenFault::CertificateEnds { which: "conductor-public-cert", at: ends }));

    let broken = |which: &'static str| faults(move |payload| payload[which] = json!("AAAA"));
    for which in ["conductor-public-cert", "conductor-ca-cert"] {
        assert_eq!(broken(which), [TokenFault::BrokenCertificate(which)]);
        assert_eq!(faults(|payload| payload[which] = Value::Null), [TokenFault::NoCertificate(which)]);
    }
}

#[test]
fn certificates_may_be_pem_and_bring_what_is_between() {
    let pem = |name: &str| fixture(&format!("{name}.crt"));
    assert_eq!(faults(|payload| payload["conductor-public-cert"] = json!(pem("server"))), []);
    assert_eq!(faults(|payload| payload["conductor-ca-cert"] = json!(STANDARD.encode(pem("ca")))), []);
    let both = format!("{}{}", pem("server"), pem("ca"));
    assert_eq!(faults(|payload| payload["conductor-public-cert"] = json!(both)), []);
}

#[test]
fn what_port_933_serves_must_be_what_is_inside() {
    let asset_ids = assets(&["A1"]);
    let token = OnboardingToken::parse(&good(&["A1"])).unwrap();
    for (served, expect) in [
        ("server", vec![]),
        (
            "short",
            vec![TokenFault::OtherServed {
                found: certificate("server").fingerprint(),
                served: certificate("short").fingerprint(),
            }],
        ),
    ] {
        let served = certificate(served);
        let (anchor, margin) = (anchor(), Duration::ZERO);
        let expect_by = Expectation {
            asset_ids: &asset_ids,
            anchor: Some(&anchor),
            served: Some(&served),
            now: at(NOW),
            margin,
        };
        assert_eq!(token.judge(&expect_by).faults, expect);
    }
}

#[test]
fn what_has_another_shape_is_no_token_and_is_not_repeated() {
    let json = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = json(r#"{"alg":"RS256"}"#);
    for (text, expect) in [
        (String::new(), TokenError::Shape { parts: 1 }),
        ("a.b".to_owned(), TokenError::Shape { parts: 2 }),
        ("a.b.c.d".to_owned(), TokenError::Shape { parts: 4 }),
        (format!("{header}.e30=.AA"), TokenError::Encoding { part: "payload" }),
        (format!("{header}.e30.A+/A"), TokenError::Encoding { part: "signature" }),
    ] {
        assert_eq!(OnboardingToken::parse(&text).unwrap_err(), expect, "{text}");
    }
    for (header, payload) in [
        (r#"{"typ":"JWT"}"#, "{}"),
        (r#"["RS256"]"#, "{}"),
        (r#"{"alg":"RS256"}"#, "[]"),
        (r#"{"alg":"RS256"}"#, r#"{"exp":"soon"}"#),
        (r#"{"alg":"RS256"}"#, r#"{"exp":1e300}"#),
        (r#"{"alg":"RS256"}"#, r#"{"asset-id":["A1"],"asset-id":["A2"]}"#),
        (r#"{"alg":"none","alg":"RS256"}"#, "{}"),
    ] {
        let error = OnboardingToken::parse(&format!("{}.{}.AA", json(header), json(payload))).unwrap_err();
        assert!(matches!(error, TokenError::Json { .. }), "{header} {payload}: {error:?}");
    }
    let large = "A".repeat(OnboardingToken::MAX_BYTES + 1);
    assert!(matches!(OnboardingToken::parse(&large), Err(TokenError::TooLarge { .. })));
}

#[test]
fn a_header_that_must_be_understood_is_not_passed_over() {
    let token =
        signed(&json!({"alg": "RS256", "crit": ["b64"], "b64": false}), &payload("server", "ca"), "server");

    assert_eq!(judge(&token, Some(&anchor())).faults, [TokenFault::Critical]);
}

#[test]
fn nothing_of_a_token_prints_itself() {
    let text = good(&["A1"]);
    let token = OnboardingToken::parse(&text).unwrap();
    let secret = STANDARD.encode([7; 48]);

    let printed = format!("{token:?} {:?} {:?}", judge(&text, None), find_tokens(&text));

    assert!(!printed.contains(&secret) && text.split('.').all(|part| !printed.contains(part)), "{printed}");
    assert_eq!(token.fingerprint(), TokenFingerprint::of(&text));
}

#[test]
fn another_implementation_takes_what_is_taken_here_and_refuses_what_is_refused() {
    let key = certificate("server").facts().rsa.unwrap();
    let key = jsonwebtoken::DecodingKey::from_rsa_der(&key);
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let text = good(&["A1"]);

    let read = jsonwebtoken::decode::<Value>(&text, &key, &validation).unwrap();

    assert_eq!(read.claims["asset-id"], json!(["A1"]));
    let changed = text.replacen("eyJ", "eyK", 1);
    assert!(jsonwebtoken::decode::<Value>(&changed, &key, &validation).is_err());
    let forged = signed(&rs256(), &payload("server", "ca"), "forged");
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &validation).is_err());
}

/// A token of an algorithm whose signature has 32 bytes.
fn hs256(claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{}", part(&json!({"alg": "HS256"})), part(claims), URL_SAFE_NO_PAD.encode([9; 32]))
}

/// `text` in lines of `width`, the first one behind `before`.
fn wrap(before: &str, text: &str, width: usize, indent: &str, end: &str) -> String {
    let mut wrapped = before.to_owned();
    let mut room = width.saturating_sub(before.chars().count()).max(3);
    let mut rest = text;
    while rest.len() > room {
        wrapped.push_str(&rest[..room]);
        wrapped.push_str(end);
        wrapped.push_str(indent);
        rest = &rest[room..];
        room = width;
    }
    wrapped + rest
}

fn texts(found: &Found) -> Vec<&str> {
    found.tokens.iter().map(|found| found.token.expose()).collect()
}

#[test]
fn tokens_are_found_in_what_terminals_and_mails_make_of_them() {
    let token = good(&["A1"]);
    let other = hs256(&json!({"asset-id": ["A2"], "exp": NOW}));
    for text in [
        token.clone(),
        format!("Token: {token}\n"),
        format!("\"token\":\"{token}\","),
        format!("admin@node0.conductor# create …\r\n{token}\r\nadmin@node0.conductor# "),
        wrap("Token: ", &token, 80, "", "\n"),
        wrap("Token: ", &token, 80, "       ", "\r\n") + "\r\n\r\nDone",
        wrap("> ", &token, 72, "> ", "\n") + "\n> next",
        wrap("| ", &token, 60, "| ", " |\n") + " |\n+----+",
        // what follows could be a part of it, but for the length of its signature
        wrap("", &token, 80, "", "\n") + "\nadmin\nDone\n",
        format!("{token}."),
        format!("✔ Validating…\r{token}"),
    ] {
        let found = find_tokens(&text);
        assert_eq!(texts(&found), [&token], "{text}");
        assert_eq!(found.rejected, []);
    }
    let both = format!("{token}\n{}\n{other}", wrap("x ", &token, 77, "", "\n"));
    assert_eq!(texts(&find_tokens(&both)), [&token, &token, &other]);
    assert_eq!(find_tokens(&format!("\n\n{token}")).tokens[0].line, 3);
}

#[test]
fn a_token_that_was_cut_off_is_told_and_not_taken() {
    let token = good(&["A1"]);
    let (rest, signature) = token.rsplit_once('.').unwrap();
    for (text, error) in [
        (token[..token.len() - 1].to_owned(), TokenError::Signature { chars: 341, expected: 342 }),
        (format!("{token}A"), TokenError::Signature { chars: 343, expected: 342 }),
        (rest.to_owned(), TokenError::Shape { parts: 2 }),
        (format!("{rest}.{signature}{signature}"), TokenError::Signature { chars: 684, expected: 342 }),
    ] {
        let found = find_tokens(&format!("line one\n{text}\n"));
        assert_eq!(texts(&found), [""; 0]);
        assert_eq!(found.rejected, [Rejected { line: 2, error }]);
    }
    for text in ["", "eyJ", "eyJ.eyJ.eyJ", "eyJhbGciOiJSUzI1NiJ9", "see eyJhbG...", "MIIBIjANBg"] {
        let found = find_tokens(text);
        assert!(found.tokens.is_empty(), "{text}");
    }
}

#[test]
fn a_token_is_bound_by_its_assets_to_one_router() {
    let token = |asset_ids: Value, exp: i64| {
        OnboardingToken::parse(&hs256(&json!({"asset-id": asset_ids, "exp": exp}))).unwrap()
    };
    let name = |name: &str| -> RouterName { name.parse().unwrap() };
    let routers = [
        (name("store-1"), assets(&["A1"])),
        (name("store-2"), assets(&["A2", "A3"])),
        (name("store-4"), assets(&["A4"])),
        (name("store-5"), assets(&["A5"])),
        (name("store-6"), assets(&["A5"])),
    ];
    let tokens = [
        token(json!(["A3", "A2"]), 1),
        token(json!(["A1"]), 1),
        token(json!(["A1"]), 1),
        token(json!(["A2"]), 1),
        token(json!([]), 1),
        token(json!(["A4"]), 1),
        token(json!(["A4"]), 2),
        token(json!(["A5"]), 1),
        token(json!(["A9"]), 1),
    ];

    let bindings = bind(&tokens.iter().collect::<Vec<_>>(), &routers);

    assert_eq!(
        bindings,
        [
            Binding::Router(name("store-2")),
            Binding::Router(name("store-1")),
            Binding::Repeated,
            Binding::NoRouter,
            Binding::NoAssets,
            Binding::SeveralTokens(name("store-4")),
            Binding::SeveralTokens(name("store-4")),
            Binding::SeveralRouters(vec![name("store-5"), name("store-6")]),
            Binding::NoRouter,
        ]
    );
}

proptest! {
    #[test]
    fn what_was_wrapped_is_found_as_it_was(
        claim in "[a-z]{0,200}",
        width in 8_usize..200,
        before in "[ a-zA-Z:]{0,7}",
        indent in "[ \t>|]{0,6}",
        end in prop::sample::select(vec!["\n", "\r\n", " \n", " |\r\n"]),
        after in prop::sample::select(vec!["", "\n", "\n\nDone", "\nadmin@node0# exit", "\r\nOK.", " and more"]),
    ) {
        let token = hs256(&json!({"asset-id": ["A1"], "x": claim}));
        let before = if before.is_empty() { before } else { before + " " };
        let text = wrap(&before, &token, width, &indent, end) + after;

        let found = find_tokens(&text);

        prop_assert_eq!(texts(&found), [&token]);
    }

    #[test]
    fn any_text_is_looked_through(text in "\\PC*|(eyJ[A-Za-z0-9_.-]{0,20}[ \n]?){0,20}") {
        let found = find_tokens(&text);

        prop_assert!(found.tokens.iter().all(|found| !found.token.expose().contains(char::is_whitespace)));
    }
}
