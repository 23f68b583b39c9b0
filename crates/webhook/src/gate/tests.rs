use http::Request;
use http::request::Builder;
use ring::hmac;

use super::*;

mod signatures;
mod sources;

const PEER: &str = "198.51.100.7";
const BODY: &str = r#"{"topic":"alarms","events":[]}"#;

fn secret(text: &str) -> SigningSecret {
    SigningSecret::new(text.as_bytes()).unwrap()
}

fn org(name: &str, path: &str, secrets: &[&str]) -> Organisation {
    let mut org = Organisation::new(name, path);
    org.secrets = secrets.iter().copied().map(secret).collect();
    org.allowlist = Allowlist::new(["198.51.100.0/24".parse().unwrap()]);
    org
}

fn gate(change: impl FnOnce(&mut Organisation)) -> Gate {
    let mut acme = org("acme", "/v1/mist", &["old", "new"]);
    change(&mut acme);
    Gate::new(vec![acme], 1024).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn v2(secret: &str, body: &str) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes()).as_ref())
}

fn v1(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hex(hmac::sign(&key, body.as_bytes()).as_ref())
}

fn ask(gate: &Gate, request: Builder, peer: &str, body: &str) -> Result<Admitted, Refusal> {
    let (head, ()) = request.body(()).unwrap().into_parts();
    let screened = gate.screen(peer.parse().unwrap(), &head)?;
    gate.admit(screened, Bytes::copy_from_slice(body.as_bytes()), Timestamp::default())
}

fn post() -> Builder {
    Request::post("/v1/mist")
}

#[test]
fn a_signed_message_is_admitted_with_what_was_proven() {
    let admitted =
        ask(&gate(|_| ()), post().header(V2_HEADER, v2("new", BODY)), "::ffff:198.51.100.7", BODY).unwrap();

    assert_eq!(admitted.organisation(), "acme");
    assert_eq!(admitted.topic(), &Topic::Alarms);
    assert_eq!(admitted.peer().to_string(), PEER);
    assert_eq!(admitted.body(), BODY);
}

#[test]
fn every_head_has_its_answer() {
    let signed = |request: Builder| request.header(V2_HEADER, v2("new", BODY));
    for (request, peer, expect) in [
        (signed(post()), PEER, Ok(())),
        (signed(Request::post("/v1/mist?x=1")), PEER, Ok(())),
        (signed(post()), "198.51.101.7", Err(Refusal::Source)),
        (signed(post()), "::1", Err(Refusal::Source)),
        (Request::get("/nowhere"), "203.0.113.1", Err(Refusal::Source)),
        (signed(Request::post("/")), PEER, Err(Refusal::Path)),
        (signed(Request::post("/v1/mist/")), PEER, Err(Refusal::Path)),
        (signed(Request::post("/V1/mist")), PEER, Err(Refusal::Path)),
        (signed(Request::get("/v1/mist")), PEER, Err(Refusal::Method)),
        (signed(Request::put("/v1/mist")), PEER, Err(Refusal::Method)),
        (signed(post()).header("Content-Length", "1024"), PEER, Ok(())),
        (signed(post()).header("Content-Length", "1025"), PEER, Err(Refusal::TooLarge)),
        (signed(post()).header("Transfer-Encoding", "chunked"), PEER, Ok(())),
        (
            signed(post()).header("Transfer-Encoding", "chunked").extension(ConflictingLength),
            PEER,
            Err(Refusal::Framing),
        ),
        (
            signed(post()).header("Transfer-Encoding", "chunked").header("Content-Length", "4"),
            PEER,
            Err(Refusal::Framing),
        ),
        (signed(post()).header("Transfer-Encoding", "Chunked"), PEER, Ok(())),
        (signed(post()).header("Transfer-Encoding", "gzip, chunked"), PEER, Err(Refusal::Framing)),
        (
            signed(post()).header("Transfer-Encoding", "gzip").header("Transfer-Encoding", "chunked"),
            PEER,
            Err(Refusal::Framing),
        ),
        (signed(post()).header("Content-Encoding", "gzip"), PEER, Err(Refusal::Encoding)),
        (signed(post()).header("Content-Encoding", "identity"), PEER, Ok(())),
        (signed(post()).header("Content-Encoding", ""), PEER, Err(Refusal::Encoding)),
    ] {
        let said = format!("{request:?} from {peer}");
        assert_eq!(ask(&gate(|_| ()), request, peer, BODY).map(|_| ()), expect, "{said}");
    }
}

#[test]
fn a_body_is_judged_only_after_its_signature() {
    for (body, expect) in [
        ("", Refusal::NoMessage),
        ("x", Refusal::NoMessage),
        ("[]", Refusal::NoMessage),
        ("{}", Refusal::NoMessage),
        (r#"{"topic":7}"#, Refusal::NoMessage),
    ] {
        assert_eq!(
            ask(&gate(|_| ()), post().header(V2_HEADER, v2("new", body)), PEER, body).unwrap_err(),
            expect
        );
        assert_eq!(
            ask(&gate(|_| ()), post().header(V2_HEADER, v2("other", body)), PEER, body).unwrap_err(),
            Refusal::SignatureWrong
        );
    }
    let long = format!(r#"{{"topic":"{}"}}"#, "x".repeat(1024));
    assert_eq!(
        ask(&gate(|_| ()), post().header(V2_HEADER, v2("new", &long)), PEER, &long).unwrap_err(),
        Refusal::TooLarge
    );
}

#[test]
fn the_secret_that_verifies_names_the_organisation() {
    let gate =
        Gate::new(vec![org("a", "/m", &["sa"]), org("b", "/m", &["sb"]), org("c", "/c", &["sc"])], 1024)
            .unwrap();
    let who = |path: &str, secret: &str| {
        ask(&gate, Request::post(path).header(V2_HEADER, v2(secret, BODY)), PEER, BODY)
            .map(|admitted| admitted.organisation().to_owned())
    };

    assert_eq!(who("/m", "sa").unwrap(), "a");
    assert_eq!(who("/m", "sb").unwrap(), "b");
    assert_eq!(who("/c", "sc").unwrap(), "c");
    assert_eq!(who("/m", "sc"), Err(Refusal::SignatureWrong));
}

#[test]
fn what_could_not_name_one_organisation_is_no_gate() {
    let made = |orgs| Gate::new(orgs, 1024).map(|_| ()).map_err(|error| error.to_string());
    let unsigned = |name: &str, path: &str| {
        let mut org = org(name, path, &[]);
        org.danger_accept_unsigned = true;
        org
    };

    assert!(made(vec![]).is_err());
    assert!(made(vec![org("a", "/m", &[])]).unwrap_err().contains("no secret"));
    assert!(made(vec![org("a", "m", &["s"])]).unwrap_err().contains("no path"));
    assert!(made(vec![org("a", "/m", &["s"]), org("b", "/n", &["s"])]).unwrap_err().contains("`a`"));
    assert!(made(vec![org("a", "/m", &["s", "s"])]).is_err());
    assert!(made(vec![org("a", "/m", &["s"]), org("a", "/n", &["t"])]).is_err());
    assert!(made(vec![unsigned("a", "/m"), org("b", "/m", &["s"])]).unwrap_err().contains("path of its own"));
    assert!(made(vec![unsigned("a", "/m"), org("b", "/n", &["s"])]).is_ok());
}

#[test]
fn every_refusal_has_a_reason_of_its_own() {
    let mut reasons: Vec<_> = Refusal::ALL.iter().map(|refusal| refusal.reason()).collect();
    reasons.sort_unstable();
    reasons.dedup();

    assert_eq!(reasons.len(), Refusal::ALL.len());
}
