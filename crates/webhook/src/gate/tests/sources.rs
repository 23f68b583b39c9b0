use super::*;
use crate::FORWARDED_FOR;

const PROXY: &str = "10.0.0.5";

/// The answer to a signed message that `hop` brings to a gate behind a proxy, with these lines of `X-Forwarded-For`.
fn brought(hop: &str, lines: &[&str]) -> Result<String, Refusal> {
    let gate = gate(|_| ()).behind(Allowlist::new(["10.0.0.0/24".parse().unwrap()]));
    let request = lines.iter().fold(post(), |request, line| request.header(FORWARDED_FOR, *line));
    let (head, ()) = request.header(V2_HEADER, v2("new", BODY)).body(()).unwrap().into_parts();
    let source = gate.source(hop.parse().unwrap(), &head.headers)?;
    let screened = gate.screen(source, &head)?;
    let admitted = gate.admit(screened, Bytes::from_static(BODY.as_bytes()), Timestamp::default())?;
    Ok(admitted.peer().to_string())
}

#[test]
fn what_a_proxy_brings_is_judged_by_where_the_proxy_says_it_comes_from() {
    let refused = Err(Refusal::Source);
    for (hop, lines, expect) in [
        (PROXY, &[PEER][..], Ok(PEER)),
        (PROXY, &["198.51.100.7:50123"], Ok(PEER)),
        (PROXY, &["203.0.113.1, 198.51.100.7"], Ok(PEER)),
        (PROXY, &["198.51.100.7, 10.0.0.9"], Ok(PEER)),
        ("::ffff:10.0.0.5", &["::ffff:198.51.100.7"], Ok(PEER)),
        // without a word, for itself
        (PROXY, &[], refused),
        (PROXY, &["198.51.100.7, 203.0.113.1"], refused),
        (PROXY, &["198.51.100.7", "203.0.113.1"], refused),
        (PROXY, &["198.51.100.7, unknown"], refused),
        (PROXY, &["198.51.100.7,"], refused),
        // whoever is no proxy speaks for itself, whatever it says
        (PEER, &[], Ok(PEER)),
        (PEER, &["203.0.113.1"], Ok(PEER)),
        (PEER, &["unknown"], Ok(PEER)),
        ("203.0.113.1", &[PEER], refused),
        ("10.0.1.5", &[PEER], refused),
    ] {
        assert_eq!(brought(hop, lines), expect.map(str::to_owned), "{hop} {lines:?}");
    }
}

#[test]
fn a_gate_without_proxies_listens_to_nobody() {
    let gate = gate(|_| ());
    for hop in [PROXY, PEER, "127.0.0.1", "::1"] {
        let (head, ()) = post().header(FORWARDED_FOR, "54.193.71.17").body(()).unwrap().into_parts();
        assert_eq!(gate.source(hop.parse().unwrap(), &head.headers), Ok(hop.parse().unwrap()));
        assert!(!gate.trusts(hop.parse().unwrap()));
    }
}

/// Whose signature is found on what comes from `peer`, with `change` to the organisation.
fn signer(
    peer: &str,
    request: Builder,
    body: &str,
    change: impl FnOnce(&mut Organisation),
) -> Option<String> {
    let gate = gate(change);
    let (head, ()) = request.body(()).unwrap().into_parts();
    let unlisted = gate.unlisted(peer.parse().unwrap(), &head)?;
    gate.signer_of_unlisted(&unlisted, body.as_bytes()).map(str::to_owned)
}

#[test]
fn a_signature_from_an_address_that_is_not_listed_is_found_only_when_it_is_right() {
    let elsewhere = "203.0.113.1";
    let signed = || post().header(V2_HEADER, v2("new", BODY));
    let old = || post().header(V1_HEADER, v1("new", BODY));
    let long = format!(r#"{{"topic":"{}"}}"#, "a".repeat(1024));
    for (peer, request, body, change, expect) in [
        (elsewhere, signed(), BODY, None, true),
        (elsewhere, old(), BODY, Some("sha1"), true),
        (elsewhere, post().header(V2_HEADER, v2("new", "no message")), "no message", None, true),
        // who is listed is no such case
        (PEER, signed(), BODY, None, false),
        // what would be refused anyway
        (elsewhere, signed().method("GET"), BODY, None, false),
        (elsewhere, signed().uri("/"), BODY, None, false),
        (elsewhere, signed().header("content-encoding", "gzip"), BODY, None, false),
        (elsewhere, signed().header("content-length", "1025"), BODY, None, false),
        (elsewhere, post().header(V2_HEADER, v2("new", &long)), &long, None, false),
        (elsewhere, signed(), "{}", None, false),
        (elsewhere, old(), BODY, None, false),
        (elsewhere, post(), BODY, None, false),
        // no signature proves nothing, whatever else is accepted
        (elsewhere, post(), BODY, Some("unsigned"), false),
    ] {
        let shown = format!("{peer} {request:?} {change:?}");
        let found = signer(peer, request, body, |org| match change {
            Some("sha1") => org.danger_accept_sha1 = true,
            Some(_) => org.danger_accept_unsigned = true,
            None => {}
        });
        assert_eq!(found.as_deref(), expect.then_some("acme"), "{shown}");
    }
}
