//! A second request behind, inside or between what two readers could read differently: nobody ever hears it.

use e2e::{Config, Fogbell};
use testkit::clients::End;

use super::ask::{Answer, chunked, once, post, request, signed, target};
use super::judge::{Counters, inbox_rows};
use super::{MESSAGE, OTHER_MESSAGE};

/// Bytes on one connection, and the only answer to them.
struct Form {
    name: &'static str,
    bytes: Vec<u8>,
    status: u16,
}

/// A good request that must not be heard.
fn hidden() -> Vec<u8> {
    post(&signed(OTHER_MESSAGE.as_bytes()), OTHER_MESSAGE.as_bytes())
}

/// Chunked bodies that end in one place for one reader and in another for the next, each with a good request behind.
fn chunks() -> Vec<Form> {
    let body = MESSAGE.as_bytes();
    let fields = format!("{}Transfer-Encoding: chunked\r\n", signed(body));
    let (size, end) = (format!("{:x}", body.len()), b"\r\n0\r\n\r\n".as_slice());
    let form = |name, coded: Vec<u8>, status| Form {
        name,
        bytes: [request("POST", Config::PATH, &fields, &coded), hidden()].concat(),
        status,
    };
    let sized = |name, line: &str, status| form(name, [line.as_bytes(), body, end].concat(), status);
    let ended =
        |name, end: &[u8], status| form(name, [format!("{size}\r\n").as_bytes(), body, end].concat(), status);
    let no_coding = chunked(&[body]);
    vec![
        // the size of a chunk
        sized("0x in front of a size", &format!("0x{size}\r\n"), 400),
        sized("a plus in front of a size", &format!("+{size}\r\n"), 400),
        sized("a minus in front of a size", &format!("-{size}\r\n"), 400),
        sized("a space in front of a size", &format!(" {size}\r\n"), 400),
        sized("an underscore in a size", &format!("0_{size}\r\n"), 400),
        sized("digits of another script", "\u{661}\u{662}\r\n", 400),
        sized("no size", "\r\n", 400),
        sized("a size that wraps at 64 bits", &format!("1000000000000000{size}\r\n"), 400),
        sized("a size that wraps at 32 bits", &format!("1000000{size}\r\n"), 408),
        sized("a size as of a float", &format!("{size}.0\r\n"), 400),
        sized("a size behind which a space stands", &format!("{size} \r\n"), 200),
        sized("two sizes", &format!("{size} {size}\r\n"), 400),
        // the line it stands in
        sized("a size that ends in LF", &format!("{size}\n"), 400),
        sized("a size that ends in CR", &format!("{size}\r"), 400),
        sized("a size that ends in CR CR LF", &format!("{size}\r\r\n"), 400),
        sized("an extension", &format!("{size};a=b\r\n"), 200),
        sized("an extension without a name", &format!("{size};\r\n"), 200),
        sized("an extension with LF", &format!("{size};a\nb\r\n"), 400),
        sized("an extension with CR", &format!("{size};a\rb\r\n"), 400),
        sized("an extension with a line in quotes", &format!("{size};a=\"\r\n0\r\n\r\n\"\r\n"), 400),
        sized("an extension of 20,000 bytes", &format!("{size};{}\r\n", "a".repeat(20_000)), 400),
        // the end of a chunk, and of all
        ended("a chunk without an end", b"0\r\n\r\n", 400),
        ended("a chunk that ends in LF", b"\n0\r\n\r\n", 400),
        ended("a chunk that ends in CR", b"\r0\r\n\r\n", 400),
        ended("a last chunk that ends in LF", b"\r\n0\n\n", 400),
        ended("a last chunk of many zeros", b"\r\n0000000000\r\n\r\n", 200),
        ended("trailers that say a length", b"\r\n0\r\nContent-Length: 5\r\n\r\n", 200),
        ended("trailers that say a coding", b"\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", 200),
        ended("trailers with a space in front of the colon", b"\r\n0\r\nX-Name : y\r\n\r\n", 400),
        ended("a request for trailers", b"\r\n0\r\n", 400),
        form("no chunk at all", b"0\r\n\r\n".to_vec(), 401),
        form("a body inside another", [b"0\r\n\r\n".as_slice(), &no_coding].concat(), 401),
    ]
}

/// Heads in which one reader finds a length or a coding and the next does not, each with a good request behind.
fn heads() -> Vec<Form> {
    let body = MESSAGE.as_bytes();
    let coded = chunked(&[body]);
    let right = format!("Content-Length: {}\r\n", body.len());
    let fields = signed(body);
    let form = |name, fields_of_length: String, sent: &[u8], status| Form {
        name,
        bytes: [request("POST", Config::PATH, &format!("{fields}{fields_of_length}"), sent), hidden()]
            .concat(),
        status,
    };
    let coding = |name, field: &str, status| form(name, format!("{right}{field}\r\n"), &coded, status);
    vec![
        // beside a length something that is no coding to a strict reader
        coding("a name with NUL", "Transfer-Encoding\0: chunked", 400),
        coding("a name with a tab", "Transfer-Encoding\t: chunked", 400),
        coding("a name behind CR", "X: y\rTransfer-Encoding: chunked", 400),
        coding("a name behind LF", "X: y\nTransfer-Encoding: chunked", 400),
        coding("a folded name", "X: y\r\n Transfer-Encoding: chunked", 400),
        coding("a name behind a space", " Transfer-Encoding: chunked", 400),
        coding("a value behind a vertical tab", "Transfer-Encoding: \x0bchunked", 400),
        coding("a value with NUL", "Transfer-Encoding: chunked\0", 400),
        coding("a value behind tabs", "Transfer-Encoding:\t\tchunked", 400),
        coding("no space in front of the value", "Transfer-Encoding:chunked", 400),
        coding(
            "a coding that the connection is told to forget",
            "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
            400,
        ),
        coding("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 400),
        coding("a coding twice in one", "Transfer-Encoding: chunked, chunked", 400),
        coding("a request to go on", "Expect: 100-continue\r\nTransfer-Encoding: chunked", 400),
        // two lengths
        form("a length twice in capitals", format!("{right}CONTENT-LENGTH: 0\r\n"), body, 400),
        form("a length with a tab in it", format!("Content-Length: {}\t0\r\n", body.len()), body, 400),
        form("a length with a comment", format!("Content-Length: {} (really)\r\n", body.len()), body, 400),
        form("a length with an exponent", "Content-Length: 1e3\r\n".to_owned(), body, 400),
        form("a length with NUL", format!("Content-Length: {}\0\r\n", body.len()), body, 400),
        form("a length folded in two", format!("Content-Length: 0\r\n {}\r\n", body.len()), body, 400),
    ]
}

#[test]
fn a_request_that_only_one_of_two_readers_would_find_is_never_heard() {
    let relay = Fogbell::start(&Config::new().set("gate", "body_secs", "2"));
    let target = target(&relay);
    let forms: Vec<Form> = chunks().into_iter().chain(heads()).collect();
    assert!(forms.len() >= 40, "{}", forms.len());

    let (mut rows, mut wrong) = (0, Vec::new());
    for Form { name, bytes, status } in &forms {
        let outcome = once(&target, bytes);
        let answers = Answer::all(&outcome.answer);
        assert_eq!((answers.len(), outcome.end), (1, End::Closed), "{name}: {}", outcome.text());
        assert!(answers[0].closes(), "{name}: {}", outcome.text());
        if answers[0].status != *status {
            wrong.push(format!("{name}: {} instead of {status}", answers[0].status));
        }
        rows += u64::from(answers[0].status == 200);
        assert_eq!(inbox_rows(&relay), rows, "{name}: what was hidden is in the journal");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let audits = relay.metric("fogbell_messages_total", "topic=\"audits\"");
    assert_eq!(audits, 0.0, "a hidden request was heard");
    assert_eq!(Counters::of(&relay).answered(200), rows);
}

#[test]
fn a_hidden_request_would_be_heard_where_nothing_is_ambiguous() {
    let relay = Fogbell::start(&Config::new());
    let first = post(&signed(MESSAGE.as_bytes()), MESSAGE.as_bytes());
    let last =
        post(&format!("{}Connection: close\r\n", signed(OTHER_MESSAGE.as_bytes())), OTHER_MESSAGE.as_bytes());

    let outcome = once(&target(&relay), &[first, last].concat());

    assert_eq!(Answer::all(&outcome.answer).len(), 2, "{}", outcome.text());
    assert_eq!(relay.metric("fogbell_messages_total", "topic=\"audits\""), 1.0);
}
