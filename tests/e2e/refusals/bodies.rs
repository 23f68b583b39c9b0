//! Where one request ends and the next begins: chunked, one behind the other, and hidden in each other.

use std::fs;
use std::process::Command;

use e2e::{Config, Curl, DEADLINE, Fogbell, wait_until};
use testkit::clients::End;
use testkit::{Post, Trust, mist};
use tokio::runtime::Runtime;

use super::ask::{Answer, Volley, chunked, once, post, request, signed, statuses, target};
use super::judge::{Counters, inbox_rows};
use super::{MESSAGE, OTHER_MESSAGE};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// A chunked POST with these fields.
fn post_chunked(fields: &str, coded: &[u8]) -> Vec<u8> {
    request("POST", Config::PATH, &format!("{fields}{CHUNKED}"), coded)
}

#[test]
fn a_chunked_body_is_a_body_and_so_is_what_curl_sends_behind_it() {
    let relay = Fogbell::start(&Config::new());
    let signature =
        format!("X-Mist-Signature-v2: {}", mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).v2);
    let good = Volley::new().body(MESSAGE.as_bytes()).header(&signature);

    for answer in good.header("Transfer-Encoding: chunked").fire(&relay, Config::PATH, 100) {
        assert_eq!((answer.status, answer.body.as_str(), answer.closes()), (200, "", true));
    }
    assert_eq!(inbox_rows(&relay), 100);

    // both in one curl, which would use the connection again if it could
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("body"), MESSAGE).unwrap();
    let mut command = Command::new("curl");
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*", "--write-out", "%{http_code} "]);
    for chunks in [true, false, true] {
        command.arg("--cacert").arg(relay.ca()).args(["--header", &signature, "--data-binary", "@body"]);
        if chunks {
            command.args(["--header", "Transfer-Encoding: chunked"]);
        }
        command.args(["--output", "answer"]).arg(relay.url(Config::PATH)).arg("--next");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--write-out", "%{http_code} "]);
    }
    command.arg("--cacert").arg(relay.ca()).arg(relay.url("/v1/other"));
    let output = command.args(["--output", "answer"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200 200 200 404 ", "{said}");
    assert_eq!(inbox_rows(&relay), 103);
}

#[test]
fn a_chunked_body_is_the_same_however_it_is_cut_and_one_that_is_cut_wrong_is_refused() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let body = MESSAGE.as_bytes();
    let fields = signed(body);
    let (start, end) = body.split_at(100);
    let size = body.len();

    let accepted = [
        chunked(&[body]),
        chunked(&[start, end]),
        chunked(&body.chunks(1).collect::<Vec<_>>()),
        // an extension, leading zeros, digits of either case, a trailer
        [format!("000{size:X};a=b\r\n").as_bytes(), body, b"\r\n0\r\nX-Trailer: y\r\n\r\n"].concat(),
    ];
    for coded in &accepted {
        let outcome = once(&target, &post_chunked(&fields, coded));
        assert_eq!((statuses(&outcome), outcome.end), (vec![200], End::Closed), "{}", outcome.text());
        assert!(Answer::all(&outcome.answer)[0].closes());
    }
    assert_eq!(inbox_rows(&relay), accepted.len() as u64);

    let refused = [
        [b"zz\r\n", body, b"\r\n0\r\n\r\n"].concat(),
        [b"-1\r\n", body, b"\r\n0\r\n\r\n"].concat(),
        [b"10000000000000000\r\n", body, b"\r\n0\r\n\r\n"].concat(),
        // one byte more and one byte less than announced
        [format!("{:x}\r\n", size - 1).as_bytes(), body, b"\r\n0\r\n\r\n"].concat(),
        [format!("{:x}\r\n", size + 1).as_bytes(), body, b"\r\n0\r\n\r\n"].concat(),
    ];
    for coded in &refused {
        let outcome = once(&target, &post_chunked(&fields, coded));
        assert_eq!((statuses(&outcome), outcome.end), (vec![400], End::Closed), "{}", outcome.text());
    }
    assert_eq!(Counters::of(&relay).refused("broken_body"), refused.len() as u64);
    assert_eq!(inbox_rows(&relay), accepted.len() as u64);
}

#[test]
fn a_request_inside_a_body_is_no_request() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let hidden = post(&signed(OTHER_MESSAGE.as_bytes()), OTHER_MESSAGE.as_bytes());

    // as a body it is signed and no JSON; with the end of a chunked body in front of it, too
    let ended = [b"0\r\n\r\n", hidden.as_slice()].concat();
    for body in [&hidden, &ended] {
        for request in [post_chunked(&signed(body), &chunked(&[body])), post(&signed(body), body)] {
            let outcome = once(&target, &request);
            assert_eq!((statuses(&outcome), outcome.end), (vec![400], End::Closed), "{}", outcome.text());
        }
    }
    assert_eq!(Counters::of(&relay).refused("no_message"), 4);
    assert_eq!(inbox_rows(&relay), 0);

    // inside a text of a message it is that text
    let text = serde_json::Value::from(String::from_utf8(ended).unwrap());
    let message = format!(r#"{{"topic":"audits","events":[{{"message":{text}}}]}}"#);
    let whole = message.as_bytes();
    let outcome = once(&target, &post_chunked(&signed(whole), &chunked(&[whole])));
    assert_eq!(statuses(&outcome), [200], "{}", outcome.text());
    assert_eq!(inbox_rows(&relay), 1);

    // behind a chunked body nothing more is read from the connection, were it good itself
    let body = MESSAGE.as_bytes();
    let outcome = once(&target, &[post_chunked(&signed(body), &chunked(&[body])), hidden].concat());
    assert_eq!((statuses(&outcome), outcome.end), (vec![200], End::Closed), "{}", outcome.text());
    assert_eq!(inbox_rows(&relay), 2);
}

#[test]
fn requests_follow_each_other_until_one_is_refused() {
    let relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let (body, other) = (MESSAGE.as_bytes(), OTHER_MESSAGE.as_bytes());
    let good = post(&signed(body), body);
    let last = post(&(signed(other) + "Connection: close\r\n"), other);
    let conflict = post_chunked(&(signed(other) + "Content-Length: 3\r\n"), &chunked(&[other]));
    let unsigned = post("", other);
    let malformed = post("Content-Length: 3\r\n", other);
    let chunks = post_chunked(&signed(other), &chunked(&[other]));
    let good_and = |then: &[&[u8]]| [&[good.as_slice()], then].concat().concat();

    let mut rows = 0;
    let mut check = |bytes: Vec<u8>, expect: &[u16]| {
        let outcome = once(&target, &bytes);
        assert_eq!((statuses(&outcome).as_slice(), outcome.end), (expect, End::Closed), "{}", outcome.text());
        let answers = Answer::all(&outcome.answer);
        let (end, before) = answers.split_last().unwrap();
        assert!(end.closes() && before.iter().all(|answer| !answer.closes()), "{}", outcome.text());
        rows += expect.iter().filter(|status| **status == 200).count() as u64;
        assert_eq!(inbox_rows(&relay), rows);
    };
    check(good_and(&[&good, &good, &good, &last]), &[200; 5]);
    check(good_and(&[&last, &good]), &[200, 200]);
    check(good_and(&[&conflict, &good]), &[200, 400]);
    check(good_and(&[&unsigned, &good]), &[200, 401]);
    check(good_and(&[&malformed, &good]), &[200, 400]);
    check(good_and(&[&chunks, &good]), &[200, 200]);
    check(good_and(&[b"\r\n", &good, b"\n\r\n", &last]), &[200; 3]);
    let counters = Counters::of(&relay);
    assert_eq!((counters.refused("framing"), counters.refused("signature_missing")), (1, 1));
    assert_eq!((counters.closed("malformed"), counters.refused_in_all()), (1, 2));
}

#[test]
fn many_messages_come_over_one_connection() {
    let relay = Fogbell::start(&Config::new());
    let trust = Trust::pem(&fs::read_to_string(relay.ca()).unwrap()).unwrap();
    let mut post = Post::new(&relay.url(Config::PATH), &trust).unwrap();
    let mut headers = Post::headers();
    mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).apply(&mut headers);

    Runtime::new().unwrap().block_on(async {
        for _ in 0..300 {
            let answer = post.post(headers.clone(), MESSAGE.into()).await.unwrap();
            assert_eq!(answer.status.as_u16(), 200);
        }
    });
    assert_eq!(post.connections(), 1);
    assert_eq!(inbox_rows(&relay), 300);

    // by curl, which counts its connections itself
    let signature = mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).v2;
    let curl = Curl::new(&relay.url(&format!("{}#[1-50]", Config::PATH))).ca(relay.ca()).body(MESSAGE);
    let curl = curl.header("X-Mist-Signature-v2", &signature).argument("--verbose").run();
    assert_eq!(curl.exit, 0, "{}", curl.said);
    assert_eq!(curl.said.matches("* Connected to").count(), 1, "{}", curl.said);
    assert!(wait_until(DEADLINE, || inbox_rows(&relay) == 350), "{}", inbox_rows(&relay));
}
