//! Heads that are no heads, and heads that are nearly right: one answer, and never a 200 for what was not signed.

use e2e::{Config, Fogbell};
use testkit::clients::End;

use super::ask::{Answer, chunked, once, post, request, signed, statuses, target};
use super::judge::{Counters, closed_in_the_end, inbox_rows};
use super::{MESSAGE, OTHER_MESSAGE};

#[test]
fn a_malformed_head_gets_the_answer_of_the_library_and_is_counted_as_malformed() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let body = MESSAGE.as_bytes();
    let fields = signed(body);
    let length = format!("Content-Length: {}\r\n", body.len());
    let head =
        |line: &str| format!("{line}\r\nHost: localhost\r\n{fields}{length}\r\n{MESSAGE}").into_bytes();
    let field = |field: &[u8]| {
        let start = format!("POST /v1/mist HTTP/1.1\r\nHost: localhost\r\n{fields}{length}");
        [start.as_bytes(), field, b"\r\n\r\n", body].concat()
    };
    let long = "x".repeat(20_000);
    let many: String = (0..200).map(|index| format!("X-{index}: y\r\n")).collect();

    let cases = [
        (400, head("POST /v1/mist HTTP/2.0")),
        (400, head("POST /v1/mist HTTP/1.2")),
        (400, head("POST /v1/mist")),
        (400, head("POST  /v1/mist HTTP/1.1")),
        (400, head("POST /v1/mi st HTTP/1.1")),
        (400, head("P(ST /v1/mist HTTP/1.1")),
        (400, head("POST /v1/mist HTTP/1.1 ")),
        (400, head("POST \0 HTTP/1.1")),
        (400, head("garbage")),
        (400, field(b"X-Name : y")),
        (400, field(b" X-Name: y")),
        (400, field(b"X Name: y")),
        (400, field(b"X-Name: y\r\n folded")),
        (400, field(b"X-Name")),
        (400, field(b": y")),
        (400, field(b"X-Name: \0")),
        (400, field(b"X-Name: y\rX-Other: z")),
        (400, field(b"X-N\xe4me: y")),
        (431, field(format!("X-Long: {long}").as_bytes())),
        (431, field(many.trim_end().as_bytes())),
        (431, head(&format!("POST /v1/mist?{long} HTTP/1.1"))),
    ];
    for (status, bytes) in &cases {
        let outcome = once(&target, bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]);
        let answers = Answer::all(&outcome.answer);
        assert_eq!(outcome.end, End::Closed, "{shown}");
        assert_eq!(answers.len(), 1, "{shown}: {}", outcome.text());
        assert_eq!((answers[0].status, answers[0].body.as_str()), (*status, ""), "{shown}");
        assert!(answers[0].closes(), "{shown}: {}", outcome.text());
    }
    closed_in_the_end(&relay, "malformed", cases.len() as u64);
    assert_eq!(Counters::of(&relay).refused_in_all(), 0);
    assert_eq!(inbox_rows(&relay), 0);
}

#[test]
fn the_path_is_what_it_is_byte_for_byte() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let body = MESSAGE.as_bytes();
    let fields = format!("{}Connection: close\r\nContent-Length: {}\r\n", signed(body), body.len());
    let authority = relay.address().to_owned();

    let cases = [
        ("POST", "/v1/mist", 200),
        ("POST", "/v1/mist?", 200),
        ("POST", "/v1/mist?a=b/../c", 200),
        // the absolute form is for proxies, and every server takes it (RFC 9112 section 3.2.2)
        ("POST", &format!("https://{authority}/v1/mist"), 200),
        ("POST", &format!("https://{authority}/v1/other"), 404),
        ("POST", &format!("https://{authority}"), 404),
        ("POST", "//v1/mist", 404),
        ("POST", "/v1//mist", 404),
        ("POST", "/v1/mist/", 404),
        ("POST", "/v1/mist/..", 404),
        ("POST", "/v1/mist/../mist", 404),
        ("POST", "/v1/./mist", 404),
        ("POST", "/v1/mis%74", 404),
        ("POST", "/v1%2fmist", 404),
        ("POST", "/V1/mist", 404),
        ("POST", "/v1/mist;a=b", 404),
        ("POST", "/v1/mist%00", 404),
        ("POST", "/", 404),
        ("POST", "*", 404),
        ("OPTIONS", "*", 404),
        ("CONNECT", &authority, 404),
        ("CONNECT", "/v1/mist", 405),
        ("GET", "/v1/mist", 405),
        ("post", "/v1/mist", 405),
        ("MIST", "/v1/mist", 405),
    ];
    let mut rows = 0;
    for (method, path, status) in cases {
        let outcome = once(&target, &request(method, path, &fields, body));
        assert_eq!((statuses(&outcome), outcome.end), (vec![status], End::Closed), "{method} {path}");
        rows += u64::from(status == 200);
        assert_eq!(inbox_rows(&relay), rows, "{method} {path}");
    }
    // to a HEAD the same without its body
    let outcome = once(&target, &request("HEAD", "/v1/mist", "", b""));
    assert!(outcome.text().starts_with("HTTP/1.1 405 "), "{}", outcome.text());
    assert!(outcome.text().ends_with("\r\n\r\n"), "{}", outcome.text());
}

/// One raw request, and what may become of it.
struct Framing {
    name: &'static str,
    bytes: Vec<u8>,
    status: u16,
}

/// Ways to say how long a body is. Each is followed by a good request that must not be heard: unless the whole is
/// clear to everybody, the connection ends behind one answer.
fn framings() -> Vec<Framing> {
    let body = MESSAGE.as_bytes();
    let size = body.len();
    let coded = chunked(&[body]);
    let right = format!("Content-Length: {size}\r\n");
    let chunks = "Transfer-Encoding: chunked\r\n";
    let fields = signed(body);
    let case = |name, fields_of_length: &str, sent: &[u8], status| Framing {
        name,
        bytes: request("POST", Config::PATH, &format!("{fields}{fields_of_length}"), sent),
        status,
    };
    let length =
        |name, value: &str, status| case(name, &format!("Content-Length: {value}\r\n"), body, status);
    let coding =
        |name, value: &str, status| case(name, &format!("Transfer-Encoding: {value}\r\n"), &coded, status);
    let old = |name, fields_of_length: &str, sent: &[u8], status| Framing {
        name,
        bytes: [format!("POST /v1/mist HTTP/1.0\r\n{fields}{fields_of_length}\r\n").as_bytes(), sent]
            .concat(),
        status,
    };
    let both = |first: &str, second: &str| format!("{first}{second}");
    vec![
        // a length
        length("negative", &format!("-{size}"), 400),
        length("with a plus", &format!("+{size}"), 400),
        length("hexadecimal", &format!("0x{size:x}"), 400),
        length("not a number", "abc", 400),
        length("empty", "", 400),
        length("a fraction", &format!("{size}.0"), 400),
        length("two in one", &format!("{size}, {size}"), 400),
        length("two different in one", &format!("{size}, 0"), 400),
        length("number and more", &format!("{size} 0"), 400),
        length("too large for 64 bits", "18446744073709551616", 400),
        length("the largest of 64 bits", "18446744073709551615", 431),
        length("larger than is read", "9223372036854775807", 413),
        length("padded with zeros", &format!("{}{size}", "0".repeat(100)), 200),
        length("padded with spaces", &format!("{}{size}", " ".repeat(100)), 200),
        length("nothing", "0", 401),
        length("one less", &(size - 1).to_string(), 401),
        case("twice and different", &both(&right, "Content-Length: 0\r\n"), body, 400),
        case("twice and different the other way", &both("Content-Length: 0\r\n", &right), body, 400),
        case("space in front of the colon", &format!("Content-Length : {size}\r\n"), body, 400),
        case("folded", &format!("Content-Length:\r\n {size}\r\n"), body, 400),
        case("none", "", body, 401),
        // a coding
        coding("gzip", "gzip", 400),
        coding("identity", "identity", 400),
        coding("gzip, then chunked", "gzip, chunked", 400),
        coding("chunked, then gzip", "chunked, gzip", 400),
        coding("nearly chunked", "xchunked", 400),
        coding("quoted", "\"chunked\"", 400),
        coding("with a parameter", "chunked;a=b", 400),
        coding("empty", "", 400),
        coding("with a vertical tab", "\x0bchunked", 400),
        coding("in capitals", "CHUNKED", 200),
        case("chunked, then gzip in two", &both(chunks, "Transfer-Encoding: gzip\r\n"), &coded, 400),
        case("space in front of the colon of a coding", "Transfer-Encoding : chunked\r\n", &coded, 400),
        case("folded coding", "Transfer-Encoding:\r\n chunked\r\n", &coded, 400),
        // both
        case("length, then coding", &both(&right, chunks), &coded, 400),
        case("coding, then length", &both(chunks, &right), &coded, 400),
        case("length of nothing, then coding", &both("Content-Length: 0\r\n", chunks), &coded, 400),
        case("coding, then length that is none", &both(chunks, "Content-Length: x\r\n"), &coded, 400),
        case("coding between two lengths", &both(&both(&right, chunks), &right), &coded, 400),
        case("coding that is none, then length", &both("Transfer-Encoding: x\r\n", &right), body, 400),
        case("in capitals, both", &both(&right, chunks).to_ascii_uppercase(), &coded, 400),
        case("lines that end in LF, both", &both(&right, chunks).replace('\r', ""), &coded, 400),
        // HTTP/1.0
        old("1.0 with a length", &right, body, 200),
        old("1.0 without", "", body, 401),
        old("1.0 with a coding", chunks, &coded, 400),
        old("1.0 with both", &both(&right, chunks), &coded, 400),
    ]
}

#[test]
fn a_body_is_as_long_as_its_head_says_or_it_is_refused_with_one_answer() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let hidden = post(&signed(OTHER_MESSAGE.as_bytes()), OTHER_MESSAGE.as_bytes());
    let cases = framings();
    assert!(cases.len() >= 40);

    let mut rows = 0;
    for Framing { name, bytes, status } in &cases {
        let outcome = once(&target, &[bytes.as_slice(), &hidden].concat());
        assert_eq!(
            (statuses(&outcome).as_slice(), outcome.end),
            (&[*status][..], End::Closed),
            "{name}: {}",
            outcome.text()
        );
        // HTTP/1.0 closes without saying so (RFC 9112 section 9.3)
        let closes = Answer::all(&outcome.answer)[0].closes() || outcome.text().starts_with("HTTP/1.0 ");
        assert!(closes, "{name}: {}", outcome.text());
        rows += u64::from(*status == 200);
        assert_eq!(inbox_rows(&relay), rows, "{name}");
    }
    // each was refused by the relay or, before it could ask, by the library
    let counters = Counters::of(&relay);
    let accepted = cases.iter().filter(|case| case.status == 200).count() as u64;
    assert_eq!(counters.answered(200), accepted);
    assert_eq!(counters.refused_in_all() + counters.closed("malformed"), cases.len() as u64 - accepted);
}
