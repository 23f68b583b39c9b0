//! HTTP/2 is not spoken: whoever speaks it is gone at the first bytes, however much comes behind them.

use std::time::Duration;

use e2e::{Config, DEADLINE, Fogbell, Usage};
use testkit::clients::{End, Outcome, Target, raw};

use super::MESSAGE;
use super::ask::{post, signed, statuses, target, together};
use super::judge::{Counters, closed_in_the_end, inbox_rows};

/// What is sent at a time, and what may be answered.
struct Flood {
    name: &'static str,
    bytes: Vec<u8>,
    answers: &'static [u16],
}

#[test]
fn a_flood_of_http_2_is_cut_at_its_first_bytes_and_costs_nothing() {
    let times = if std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1") { 50 } else { 2 };
    eprintln!("http2: nothing is random");
    let mut relay = Fogbell::start(&Config::new());
    let target = target(&relay);
    let pid = relay.process().pid();
    let good = post(&format!("{}Connection: close\r\n", signed(MESSAGE.as_bytes())), MESSAGE.as_bytes());
    let floods = floods();
    let frames = FRAMES * floods.len();
    // what so many connections and their messages take is taken once, for good
    for outcome in flood(&target, &good, WARM) {
        assert_eq!(statuses(&outcome.unwrap()), [200]);
    }
    Usage::forget_peak(pid);
    let before = Usage::of(pid).expect("the relay runs").resident;

    let (mut count, mut admitted, mut slowest) = (0, 0, Duration::ZERO);
    for offered in [&[][..], &["h2", "http/1.1"]] {
        let target = target.clone().offering(offered);
        for Flood { name, bytes, answers } in &floods {
            for outcome in flood(&target, bytes, times) {
                let outcome = outcome.unwrap();
                assert_eq!(&statuses(&outcome).as_slice(), answers, "{name}: {}", outcome.text());
                assert_ne!(outcome.end, End::StillOpen, "{name}");
                slowest = slowest.max(outcome.lasted);
                count += 1;
                admitted += u64::from(*answers == [200]);
            }
        }
    }
    closed_in_the_end(&relay, "malformed", count);
    // who insists on it has no handshake, and nothing of the flood is read
    let insisting = target.offering(&["h2"]);
    let refused = flood(&insisting, &floods[0].bytes, times);
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    closed_in_the_end(&relay, "handshake", times as u64);

    let grown = Usage::of(pid).expect("the relay runs").peak.saturating_sub(before);
    let figures = serde_json::json!({
        "floods": count,
        "frames_each": FRAMES,
        "kib_more": grown >> 10,
        "slowest_end_ms": slowest.as_millis(),
    });
    eprintln!("figures: {figures}");
    assert!(frames >= 20_000);
    assert!(slowest < QUICK, "one lasted {slowest:?}");
    assert!(grown < MOST, "{grown} bytes more");
    assert_eq!(inbox_rows(&relay), WARM as u64 + admitted);
    assert_eq!(Counters::of(&relay).refused_in_all(), 0);
}

/// Sends `bytes` on `count` connections, few at a time.
fn flood(target: &Target, bytes: &[u8], count: usize) -> Vec<std::io::Result<Outcome>> {
    let each = |_| {
        let (target, bytes) = (target.clone(), bytes.to_vec());
        async move { raw(&target, &bytes, DEADLINE).await }
    };
    together((0..count).map(each), AT_A_TIME)
}

/// Each kind of frame that has been used to flood a server, and the preface behind a good message.
fn floods() -> Vec<Flood> {
    let repeated =
        |frame: &dyn Fn(u32) -> Vec<u8>| -> Vec<u8> { (0..FRAMES as u32).flat_map(frame).collect() };
    let opened = |frames: Vec<u8>| [PREFACE, &settings(), &frames].concat();
    let flood = |name, bytes| Flood { name, bytes, answers: &[] };
    // CVE-2023-44487
    let resets = repeated(&|number| {
        let stream = 2 * (number / 2) + 1;
        if number % 2 == 0 { frame(1, 5, stream, FIELDS) } else { frame(3, 0, stream, &8_u32.to_be_bytes()) }
    });
    // CVE-2024-27316 and its kin: a field block that never ends
    let unending = repeated(&|number| match number {
        0 => frame(1, 0, 1, FIELDS),
        _ => frame(9, 0, 1, b"\x40\x05x-big\x03aaa"),
    });
    let streams = repeated(&|number| frame(1, 5, 2 * number + 1, FIELDS));
    let good = post(&signed(MESSAGE.as_bytes()), MESSAGE.as_bytes());
    vec![
        flood("rapid resets", opened(resets)),
        flood("CONTINUATION without end", opened(unending)),
        flood("streams", opened(streams)),
        flood("SETTINGS", opened(repeated(&|_| settings()))),
        flood("PING", opened(repeated(&|_| frame(6, 0, 0, b"12345678")))),
        flood("WINDOW_UPDATE", opened(repeated(&|_| frame(8, 0, 0, &1_u32.to_be_bytes())))),
        flood("empty DATA", opened(repeated(&|_| frame(0, 0, 1, b"")))),
        flood("PRIORITY", opened(repeated(&|number| frame(2, 0, 2 * number + 1, b"\0\0\0\0\x10")))),
        Flood {
            name: "PING behind a message",
            bytes: [good, opened(repeated(&|_| frame(6, 0, 0, b"12345678")))].concat(),
            answers: &[200],
        },
    ]
}

/// A frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS of one setting: 100 streams at once.
fn settings() -> Vec<u8> {
    frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])
}

/// How a client begins (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// `GET https://localhost/` as a field block (RFC 7541).
const FIELDS: &[u8] = b"\x82\x87\x84\x41\x09localhost";

/// Frames of one flood.
const FRAMES: usize = 20_000;

/// Floods at once.
const AT_A_TIME: usize = 4;

/// Good messages before memory is looked at.
const WARM: usize = 40;

/// What all of it may cost in memory.
const MOST: u64 = 1 << 20;

/// The end of a connection on a busy machine.
const QUICK: Duration = Duration::from_secs(5);
