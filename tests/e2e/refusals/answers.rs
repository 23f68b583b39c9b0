//! Each refusal has one answer, however often and by whichever client it is asked for.

use std::time::Duration;

use e2e::{Config, Curl, DEADLINE, Fogbell};
use testkit::clients::{End, slow_body};
use testkit::mist;

use super::ask::{Answer, Volley, chunked, many, post, request, signed, target, together};
use super::judge::{Counters, inbox_rows};
use super::{MESSAGE, only};

/// One way to be refused.
struct Case {
    name: &'static str,
    path: &'static str,
    /// What curl is told.
    curl: Volley,
    /// The same, byte for byte.
    bytes: Vec<u8>,
    status: u16,
    body: &'static str,
    reason: &'static str,
}

/// How often each is asked for, by each client.
const TRIES: usize = 100;

impl Case {
    fn check(&self, relay: &Fogbell) {
        let before = Counters::of(relay);

        let by_curl = self.curl.fire(relay, self.path, TRIES);
        let outcomes = many(&target(relay), &self.bytes, TRIES);

        for outcome in &outcomes {
            assert_eq!(outcome.end, End::Closed, "{}: {}", self.name, outcome.text());
        }
        let by_bytes = outcomes.iter().map(|outcome| {
            let mut answers = Answer::all(&outcome.answer);
            assert_eq!(answers.len(), 1, "{}: {}", self.name, outcome.text());
            answers.remove(0)
        });
        let mut count = 0;
        for answer in by_curl.into_iter().chain(by_bytes) {
            assert_eq!((answer.status, answer.body.as_str()), (self.status, self.body), "{}", self.name);
            assert!(answer.closes(), "{}: {answer:?}", self.name);
            assert_eq!(safety(|name| answer.field(name)), SAFETY.map(Some), "{}", self.name);
            count += 1;
        }
        let after = Counters::of(relay);
        assert_eq!(after.refused(self.reason) - before.refused(self.reason), count, "{}", self.name);
        assert_eq!(
            after.refused_in_all() - before.refused_in_all(),
            count,
            "{}: counted otherwise too",
            self.name
        );
        assert_eq!(after.answered(self.status) - before.answered(self.status), count, "{}", self.name);
    }
}

/// Checks all of `cases`, and that nothing of them is in the journal while a good message still gets there.
fn check(config: &Config, cases: &[Case]) {
    let relay = Fogbell::start(config);
    for case in cases {
        case.check(&relay);
    }
    assert_eq!(inbox_rows(&relay), 0);

    let good = Curl::new(&relay.url(Config::PATH)).ca(relay.ca()).body(MESSAGE);
    let answer = good.header("X-Mist-Signature-v2", &v2(MESSAGE)).run();
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(safety(|name| answer.header(name)), SAFETY.map(Some), "200");
    assert_eq!(inbox_rows(&relay), 1);
}

/// What an answer tells a browser, by `field`.
fn safety<'a>(field: impl Fn(&str) -> Option<&'a str>) -> [Option<&'a str>; 4] {
    ["strict-transport-security", "content-security-policy", "x-content-type-options", "cache-control"]
        .map(field)
}

/// The same on every answer, so that it tells none from another.
const SAFETY: [&str; 4] =
    ["max-age=63072000", "default-src 'none'; frame-ancestors 'none'", "nosniff", "no-store"];

fn v2(body: &str) -> String {
    mist::sign(Config::SECRET.as_bytes(), body.as_bytes()).v2
}

#[test]
fn another_path_method_or_framing_has_its_fixed_answer() {
    let bytes = MESSAGE.as_bytes();
    let length = format!("Content-Length: {}\r\n", bytes.len());
    let good = || Volley::new().body(bytes).header(&format!("X-Mist-Signature-v2: {}", v2(MESSAGE)));
    let path = |name, path| Case {
        name,
        path,
        curl: good(),
        bytes: request("POST", path, &(signed(bytes) + &length), bytes),
        status: 404,
        body: "not found\n",
        reason: "path",
    };
    let method = |name, curl, bytes| Case {
        name,
        path: Config::PATH,
        curl,
        bytes,
        status: 405,
        body: "method not allowed\n",
        reason: "method",
    };
    let framing = |name, fields: &str| Case {
        name,
        path: Config::PATH,
        curl: fields.split_inclusive("\r\n").fold(good(), |curl, field| curl.header(field.trim_end())),
        bytes: request("POST", Config::PATH, &(signed(bytes) + fields), &chunked(&[bytes])),
        status: 400,
        body: "bad request\n",
        reason: "framing",
    };
    let put = request("PUT", Config::PATH, &(signed(bytes) + &length), bytes);
    let coded = |fields: &str| post(&(signed(bytes) + fields), bytes);
    let chunks = "Transfer-Encoding: chunked\r\n";
    check(
        &Config::new(),
        &[
            path("other path", "/v1/other"),
            path("root", "/"),
            method("GET", Volley::new(), request("GET", Config::PATH, "", b"")),
            method("PUT", good().argument("--request").argument("PUT"), put),
            Case {
                name: "gzip",
                path: Config::PATH,
                curl: good().header("Content-Encoding: gzip"),
                bytes: coded("Content-Encoding: gzip\r\n"),
                status: 415,
                body: "unsupported encoding\n",
                reason: "encoding",
            },
            framing("length, then transfer encoding", &format!("{length}{chunks}")),
            framing("transfer encoding, then length", &format!("{chunks}{length}")),
        ],
    );
}

#[test]
fn a_signature_that_does_not_prove_it_has_its_fixed_answer() {
    let right = mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes());
    let wrong = mist::sign(b"another secret", MESSAGE.as_bytes()).v2;
    let v2 = |value: &str| format!("X-Mist-Signature-v2: {value}");
    let v1 = format!("X-Mist-Signature: {}", right.v1);
    let case = |name, fields: &[&str], reason| Case {
        name,
        path: Config::PATH,
        // curl leaves a field without value out unless it ends with a semicolon
        curl: fields.iter().fold(Volley::new().body(MESSAGE.as_bytes()), |curl, field| {
            let empty = field.strip_suffix(": ").map(|name| format!("{name};"));
            curl.header(empty.as_deref().unwrap_or(field))
        }),
        bytes: post(
            &fields.iter().map(|field| format!("{field}\r\n")).collect::<String>(),
            MESSAGE.as_bytes(),
        ),
        status: 401,
        body: "unauthorized\n",
        reason,
    };
    check(
        &Config::new(),
        &[
            case("missing", &[], "signature_missing"),
            case("wrong", &[&v2(&wrong)], "signature_wrong"),
            case("short", &[&v2(&right.v2[..63])], "signature_malformed"),
            case("long", &[&v2(&format!("{}0", right.v2))], "signature_malformed"),
            case("empty", &[&v2("")], "signature_malformed"),
            case("doubled", &[&v2(&right.v2), &v2(&right.v2)], "signature_malformed"),
            case("v1 only", &[&v1], "signature_missing"),
            case("v2 wrong with v1 right", &[&v2(&wrong), &v1], "signature_wrong"),
        ],
    );
}

#[test]
fn a_signed_body_that_is_no_message_has_its_fixed_answer() {
    let case = |name, body: &str| Case {
        name,
        path: Config::PATH,
        curl: Volley::new().body(body.as_bytes()).header(&format!("X-Mist-Signature-v2: {}", v2(body))),
        bytes: post(&signed(body.as_bytes()), body.as_bytes()),
        status: 400,
        body: "bad request\n",
        reason: "no_message",
    };
    check(
        &Config::new(),
        &[
            case("not JSON", "topic=alarms&events=[]"),
            case("array", &format!("[{MESSAGE}]")),
            case("no topic", r#"{"events":[]}"#),
            case("empty", ""),
        ],
    );
}

#[test]
fn a_body_of_two_megabytes_has_its_fixed_answer_however_it_is_announced() {
    let body = format!(r#"{{"topic":"alarms","events":[],"x":"{}"}}"#, "x".repeat(2_000_000));
    let bytes = body.as_bytes();
    let curl = || Volley::new().body(bytes).header(&format!("X-Mist-Signature-v2: {}", v2(&body)));
    let coded = |expect: &str| {
        let fields = format!("{}{expect}Transfer-Encoding: chunked\r\n", signed(bytes));
        let pieces: Vec<&[u8]> = bytes.chunks(64 << 10).collect();
        request("POST", Config::PATH, &fields, &chunked(&pieces))
    };
    let expect = "Expect: 100-continue\r\n";
    // whoever waits to be told to continue sends no body
    let waiting = format!("{}{expect}Content-Length: 2000000\r\n", signed(bytes));
    let waiting = request("POST", Config::PATH, &waiting, b"");
    let case = |name, curl, bytes| Case {
        name,
        path: Config::PATH,
        curl,
        bytes,
        status: 413,
        body: "too large\n",
        reason: "too_large",
    };
    let chunks = "Transfer-Encoding: chunked";
    check(
        &Config::new(),
        &[
            case("length", curl().header("Expect:"), post(&signed(bytes), bytes)),
            case("length, waiting", curl(), waiting),
            case("chunked", curl().header("Expect:").header(chunks), coded("")),
            case("chunked, waiting", curl().header(chunks), coded(expect)),
        ],
    );
}

#[test]
fn who_is_not_allowed_gets_one_answer_whatever_is_asked() {
    let relay = Fogbell::start(&only("127.0.0.1"));
    let stranger = "127.0.0.2".parse().unwrap();
    let bytes = MESSAGE.as_bytes();
    let good = || Volley::new().body(bytes).header(&format!("X-Mist-Signature-v2: {}", v2(MESSAGE)));
    let large = vec![b' '; 2_000_000];
    let asked = [
        (Config::PATH, good(), post(&signed(bytes), bytes)),
        ("/", Volley::new(), request("GET", "/", "", b"")),
        ("/v1/other", good(), request("DELETE", "/v1/other", "Content-Encoding: gzip\r\n", b"")),
        (Config::PATH, Volley::new().body(&large), post("", &large)),
        (Config::PATH, good().header("Transfer-Encoding: chunked"), {
            let fields = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
            request("POST", Config::PATH, fields, &chunked(&[bytes]))
        }),
    ];
    let mut count = 0;
    for (path, curl, bytes) in asked {
        let by_curl = curl.from(stranger).fire(&relay, path, TRIES);
        let outcomes = many(&target(&relay).from(stranger), &bytes, TRIES);

        let by_bytes = outcomes.iter().flat_map(|outcome| Answer::all(&outcome.answer));
        for answer in by_curl.into_iter().chain(by_bytes) {
            assert_eq!((answer.status, answer.body.as_str()), (403, "forbidden\n"), "{path}");
            assert!(answer.closes(), "{answer:?}");
            assert_eq!(safety(|name| answer.field(name)), SAFETY.map(Some), "{path}");
            count += 1;
        }
    }
    let counters = Counters::of(&relay);
    assert_eq!(count, 10 * TRIES as u64);
    assert_eq!((counters.refused("source"), counters.refused_in_all()), (count, count));
    assert_eq!(inbox_rows(&relay), 0);
    // the same from the one address that is allowed
    let answers = good().from("127.0.0.1".parse().unwrap()).fire(&relay, Config::PATH, 1);
    assert_eq!(answers[0].status, 200);
}

#[test]
fn a_body_that_does_not_come_in_time_has_its_fixed_answer() {
    let relay = Fogbell::start(&Config::new().set("gate", "body_secs", "1"));
    let body = vec![b' '; 300_000];
    let tries = TRIES;

    let slow = Volley::new().body(&body).argument("--limit-rate").argument("10k").at_once(tries);
    let by_curl = slow.fire(&relay, Config::PATH, tries);
    let target = target(&relay);
    let drip = |_| {
        let target = target.clone();
        async move {
            let every = Duration::from_millis(50);
            slow_body(&target, Config::PATH, "", 100_000, every, DEADLINE).await.unwrap()
        }
    };
    let outcomes = together((0..tries).map(drip), tries);

    let by_bytes = outcomes.iter().flat_map(|outcome| Answer::all(&outcome.answer));
    let answers: Vec<Answer> = by_curl.into_iter().chain(by_bytes).collect();
    assert_eq!(answers.len(), 2 * tries);
    for answer in answers {
        assert_eq!((answer.status, answer.body.as_str()), (408, "timeout\n"));
        assert!(answer.closes(), "{answer:?}");
        assert_eq!(safety(|name| answer.field(name)), SAFETY.map(Some));
    }
    let counters = Counters::of(&relay);
    let count = 2 * tries as u64;
    assert_eq!((counters.refused("slow_body"), counters.refused_in_all()), (count, count));
    assert_eq!(inbox_rows(&relay), 0);
}
