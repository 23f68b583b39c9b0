use ring::digest::{SHA256, digest};

use super::*;

type Answer = Result<(), Refusal>;

/// Signature headers, and what is answered.
struct Case {
    v2: Vec<Vec<u8>>,
    v1: Vec<Vec<u8>>,
    /// By default, with `danger_accept_sha1`, with `danger_accept_unsigned`.
    answers: [Answer; 3],
}

const OK: [Answer; 3] = [Ok(()); 3];
const MALFORMED: [Answer; 3] = [Err(Refusal::SignatureMalformed); 3];
const WRONG: [Answer; 3] = [Err(Refusal::SignatureWrong); 3];
const MISSING: Answer = Err(Refusal::SignatureMissing);

/// A message with these values of the SHA-256 header alone.
fn v2_only(values: &[&str], answers: [Answer; 3]) -> Case {
    Case { v2: values.iter().map(|value| value.as_bytes().to_vec()).collect(), v1: Vec::new(), answers }
}

/// A message with these values of the SHA-1 header alone, which counts only where it is accepted.
fn v1_only(values: &[&str], accepted: Answer) -> Case {
    let v1 = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    Case { v2: Vec::new(), v1, answers: [MISSING, accepted, MISSING] }
}

fn both(v2s: &[&str], v1s: &[&str], answers: [Answer; 3]) -> Case {
    let bytes = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
    Case { v2: bytes(v2s), v1: bytes(v1s), answers }
}

fn cases() -> Vec<Case> {
    let (right, old) = (v2("new", BODY), v2("old", BODY));
    let (right_v1, old_v1) = (v1("new", BODY), v1("old", BODY));
    let (wrong, wrong_v1) = (v2("other", BODY), v1("other", BODY));
    let mixed: String =
        right.chars().enumerate().map(|(i, c)| if i % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    let flipped = |place: usize| {
        let mut digits: Vec<char> = right.chars().collect();
        digits[place] = if digits[place] == '0' { '1' } else { '0' };
        digits.into_iter().collect::<String>()
    };
    let reversed: String = right.chars().rev().collect();
    let with_prefix = |prefix: &str| format!("{prefix}{right}");
    let hmac512 = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, b"new"), BODY.as_bytes());
    let swapped = v2(BODY, "new");
    let plain = hex(digest(&SHA256, BODY.as_bytes()).as_ref());
    let prepended = hex(digest(&SHA256, format!("new{BODY}").as_bytes()).as_ref());
    let appended = hex(digest(&SHA256, format!("{BODY}new").as_bytes()).as_ref());

    let mut cases = vec![
        // right, as Mist and others write hexadecimal digits, by either secret
        v2_only(&[&right], OK),
        v2_only(&[&old], OK),
        v2_only(&[&right.to_uppercase()], OK),
        v2_only(&[&old.to_uppercase()], OK),
        v2_only(&[&mixed], OK),
        // nothing
        both(&[], &[], [MISSING, MISSING, Ok(())]),
        // of another secret
        v2_only(&[&wrong], WRONG),
        v2_only(&[&v2("New", BODY)], WRONG),
        v2_only(&[&v2("new\n", BODY)], WRONG),
        v2_only(&[&v2(" new", BODY)], WRONG),
        v2_only(&[&v2("newold", BODY)], WRONG),
        v2_only(&[&v2("", BODY)], WRONG),
        v2_only(&[&v2("new\0", BODY)], OK), // HMAC pads a key with zeros (RFC 2104 section 2)
        // of another body
        v2_only(&[&v2("new", "{}")], WRONG),
        v2_only(&[&v2("new", "")], WRONG),
        v2_only(&[&v2("new", &format!("{BODY}\n"))], WRONG),
        v2_only(&[&v2("new", &format!(" {BODY}"))], WRONG),
        v2_only(&[&v2("new", &BODY[..BODY.len() - 1])], WRONG),
        v2_only(&[&v2("new", &BODY.replace(':', ": "))], WRONG),
        v2_only(&[&v2("new", &BODY.to_uppercase())], WRONG),
        // of another making
        v2_only(&[&plain], WRONG),
        v2_only(&[&prepended], WRONG),
        v2_only(&[&appended], WRONG),
        v2_only(&[&swapped], WRONG),
        v2_only(&[&hex(&hmac512.as_ref()[..32])], WRONG),
        v2_only(&[&"0".repeat(64)], WRONG),
        v2_only(&[&"f".repeat(64)], WRONG),
        v2_only(&[&reversed], WRONG),
        v2_only(&[&format!("{right_v1}{}", "0".repeat(24))], WRONG),
        // of another length
        v2_only(&[""], MALFORMED),
        v2_only(&["0"], MALFORMED),
        v2_only(&[&right[..32]], MALFORMED),
        v2_only(&[&right[..63]], MALFORMED),
        v2_only(&[&right[1..]], MALFORMED),
        v2_only(&[&format!("{right}0")], MALFORMED),
        v2_only(&[&format!("0{right}")], MALFORMED),
        v2_only(&[&right.repeat(2)], MALFORMED),
        v2_only(&[&hex(hmac512.as_ref())], MALFORMED),
        v2_only(&[&right_v1], MALFORMED),
        // not hexadecimal digits, or not only
        v2_only(&[&"g".repeat(64)], MALFORMED),
        v2_only(&[&format!("{}g", &right[..63])], MALFORMED),
        v2_only(&[&with_prefix("sha256=")], MALFORMED),
        v2_only(&[&with_prefix("0x")], MALFORMED),
        v2_only(&[&format!("0x{}", &right[2..])], MALFORMED),
        v2_only(&[&format!("+{}", &right[1..])], MALFORMED),
        v2_only(&[&format!("\"{right}\"")], MALFORMED),
        v2_only(&[&format!("{}\t{}", &right[..32], &right[32..])], MALFORMED),
        v2_only(&[&format!("{} {}", &right[..31], &right[32..])], MALFORMED),
        v2_only(&[&format!("{right} ")], MALFORMED),
        v2_only(&[&format!(" {right}")], MALFORMED),
        v2_only(&[&format!("{right},")], MALFORMED),
        v2_only(&[&format!("{right},{right}")], MALFORMED),
        v2_only(&[&format!("{right}, {right}")], MALFORMED),
        v2_only(&["mYdoKxmICwq545A0sBc+UxSMioolFhuvFFsUOoduFTd"], MALFORMED),
        v2_only(&[&format!("{}\u{661}", &right[..62])], MALFORMED),
        // several
        v2_only(&[&right, &right], MALFORMED),
        v2_only(&[&right, &wrong], MALFORMED),
        v2_only(&[&wrong, &right], MALFORMED),
        v2_only(&["", &right], MALFORMED),
        v2_only(&[&right, &old], MALFORMED),
        // SHA-1 alone
        v1_only(&[&right_v1], Ok(())),
        v1_only(&[&old_v1], Ok(())),
        v1_only(&[&right_v1.to_uppercase()], Ok(())),
        v1_only(&[&wrong_v1], Err(Refusal::SignatureWrong)),
        v1_only(&[&v1("new", "{}")], Err(Refusal::SignatureWrong)),
        v1_only(&[&v1("", BODY)], Err(Refusal::SignatureWrong)),
        v1_only(&[""], Err(Refusal::SignatureMalformed)),
        v1_only(&[&right_v1[1..]], Err(Refusal::SignatureMalformed)),
        v1_only(&[&format!("sha1={right_v1}")], Err(Refusal::SignatureMalformed)),
        v1_only(&[&right], Err(Refusal::SignatureMalformed)),
        v1_only(&[&right[..40]], Err(Refusal::SignatureWrong)),
        both(&[], &[&right_v1, &right_v1], MALFORMED),
        // both: only SHA-256 counts, right or wrong
        both(&[&right], &[&right_v1], OK),
        both(&[&right], &[&wrong_v1], OK),
        both(&[&right], &[""], OK),
        both(&[&right], &["no signature at all"], OK),
        both(&[&right], &[&right_v1, &right_v1], OK),
        both(&[&old], &[&right_v1], OK),
        both(&[&wrong], &[&right_v1], WRONG),
        both(&[&wrong], &[&wrong_v1], WRONG),
        both(&[""], &[&right_v1], MALFORMED),
        both(&[&right_v1], &[&right], MALFORMED),
        both(&[&right_v1], &[&right_v1], MALFORMED),
        both(&[&right, &wrong], &[&right_v1], MALFORMED),
        both(&[&right[1..]], &[&right_v1], MALFORMED),
    ];
    // one digit of it
    cases.extend([0, 1, 31, 32, 62, 63].map(|place| v2_only(&[&flipped(place)], WRONG)));
    // bytes that are no text
    for bytes in [&b"\xff"[..], b"\x80\x80"] {
        let mut value = right.as_bytes()[..64 - bytes.len()].to_vec();
        value.extend_from_slice(bytes);
        cases.push(Case { v2: vec![value], v1: Vec::new(), answers: MALFORMED });
    }
    cases
}

#[test]
fn every_signature_case_has_its_answer() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    for Case { v2, v1, answers } in cases {
        let gates = [
            (gate(|_| ()), "strict"),
            (gate(|org| org.danger_accept_sha1 = true), "sha1"),
            (gate(|org| org.danger_accept_unsigned = true), "unsigned"),
        ];
        for ((gate, mode), expect) in gates.into_iter().zip(answers) {
            let value = |bytes: &Vec<u8>| HeaderValue::from_bytes(bytes).unwrap();
            let request = v2.iter().fold(post(), |request, bytes| request.header(V2_HEADER, value(bytes)));
            let request = v1.iter().fold(request, |request, bytes| request.header(V1_HEADER, value(bytes)));
            let shown = |values: &[Vec<u8>]| {
                values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
            };
            let shown = format!("{mode}: v2 {:?}, v1 {:?}", shown(&v2), shown(&v1));
            assert_eq!(ask(&gate, request, PEER, BODY).map(|_| ()), expect, "{shown}");
        }
    }
}

#[test]
fn the_secrets_of_an_organisation_count_on_its_path_alone() {
    let gate = Gate::new(
        vec![org("acme", "/v1/mist", &["one", "two"]), org("beta", "/v1/beta", &["three"]), {
            let mut gamma = org("gamma", "/v1/mist", &["four"]);
            gamma.danger_accept_sha1 = true;
            gamma
        }],
        1024,
    )
    .unwrap();
    let answer = |path: &str, header: HeaderName, signature: String| {
        let request = Request::post(path).header(header, signature);
        ask(&gate, request, PEER, BODY).map(|admitted| admitted.organisation().to_owned())
    };
    let wrong = Err(Refusal::SignatureWrong);
    for (path, secret, by_v2, by_v1) in [
        ("/v1/mist", "one", Ok("acme"), wrong),
        ("/v1/mist", "two", Ok("acme"), wrong),
        ("/v1/mist", "three", wrong, wrong),
        ("/v1/mist", "four", Ok("gamma"), Ok("gamma")),
        ("/v1/beta", "one", wrong, Err(Refusal::SignatureMissing)),
        ("/v1/beta", "three", Ok("beta"), Err(Refusal::SignatureMissing)),
        ("/v1/beta", "four", wrong, Err(Refusal::SignatureMissing)),
    ] {
        let name = |answer: Result<&str, Refusal>| answer.map(str::to_owned);
        assert_eq!(answer(path, V2_HEADER, v2(secret, BODY)), name(by_v2), "{path} {secret} v2");
        assert_eq!(answer(path, V1_HEADER, v1(secret, BODY)), name(by_v1), "{path} {secret} v1");
    }
}
