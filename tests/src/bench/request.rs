//! The request that the load is made of.

use std::io::Write;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::request;
use ring::hmac;
use testkit::mist::{FakeMist, LOAD_DEVICES};

/// Where the load is posted: one organisation, one path.
pub const PATH: &str = "/v1/mist";

/// What the load is signed with.
pub const SECRET: &str = "the-webhook-secret-of-the-bench";

/// Signed alarms as one HTTP request, whose numbers are replaced in place so that every one is another alarm,
/// about one of [`LOAD_DEVICES`] devices, and happened in the second in which it is made.
///
/// Making the next one costs its HMAC-SHA256 and 54 written digits an alarm, about a microsecond for 1.5 KB. Only
/// `X-Mist-Signature-v2` is sent: nobody who has it may look at the older one.
pub struct Signed {
    key: hmac::Key,
    bytes: Vec<u8>,
    /// Where the signature's digits begin.
    signature: usize,
    /// Where the body begins.
    body: usize,
    /// Where each event's numbers stand.
    places: Vec<Places>,
}

/// Where the digits begin that are another number's in an event's id, its MAC address, its device's name and its times.
#[derive(Clone, Copy, Debug)]
struct Places {
    id: usize,
    mac: usize,
    name: usize,
    times: [usize; 2],
}

impl Signed {
    /// A request to `host` (as in `Host`) with `events` alarms. One alarm alone makes a body of `body_bytes`, or as
    /// short as an alarm can be; more make a body as much longer.
    #[must_use]
    pub fn new(host: &str, body_bytes: usize, events: usize) -> Self {
        let alone = FakeMist::new(1).alarm_of_size(body_bytes, MODEL).body;
        let body = repeated(&alone, events);
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mist-webhook\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nX-Mist-Signature-v2: {}\r\n\r\n",
            body.len(),
            "0".repeat(DIGITS)
        );
        let mut bytes = head.into_bytes();
        let signature = bytes.len() - DIGITS - 4;
        let start = bytes.len();
        bytes.extend_from_slice(&body);
        let at = |text: &str, skip: usize| -> usize {
            let found = bytes[start..].windows(text.len()).position(|window| window == text.as_bytes());
            start + found.expect("the alarm carries its number") + skip
        };
        let first = Places {
            id: at(&format!("-8000-{MODEL:012x}"), 6),
            mac: at(&format!("\"02{:010x}\"", MODEL % LOAD_DEVICES), 3),
            name: at(&format!("load-{MODEL:012}"), 5),
            times: ["\"timestamp\":", "\"last_seen\":"].map(|name| at(name, name.len())),
        };
        // every event is as long as the first, and a comma stands between two
        let step = if events > 1 { (body.len() - alone.len()) / (events - 1) } else { 0 };
        let places = (0..events).map(|index| first.moved(index * step)).collect();
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()),
            signature,
            body: start,
            places,
            bytes,
        }
    }

    /// The whole request about alarm `number` and those that follow it, all below 10^12.
    pub fn number(&mut self, number: u64) -> &[u8] {
        let write = |mut to: &mut [u8], digits: std::fmt::Arguments<'_>| {
            to.write_fmt(digits).expect("the digits fit where the model's stood");
        };
        let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        for (number, at) in (number..).zip(&self.places) {
            write(&mut self.bytes[at.id..at.id + 12], format_args!("{number:012x}"));
            write(&mut self.bytes[at.mac..at.mac + 10], format_args!("{:010x}", number % LOAD_DEVICES));
            write(&mut self.bytes[at.name..at.name + 12], format_args!("{number:012}"));
            for time in at.times {
                write(&mut self.bytes[time..time + 10], format_args!("{now:010}"));
            }
        }
        let tag = hmac::sign(&self.key, &self.bytes[self.body..]);
        for (pair, byte) in
            self.bytes[self.signature..self.signature + DIGITS].chunks_exact_mut(2).zip(tag.as_ref())
        {
            pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        &self.bytes
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.bytes.len() - self.body
    }
}

impl Places {
    const fn moved(self, by: usize) -> Self {
        let Self { id, mac, name, times } = self;
        Self { id: id + by, mac: mac + by, name: name + by, times: [times[0] + by, times[1] + by] }
    }
}

/// The body with its one event `events` times.
fn repeated(body: &[u8], events: usize) -> Vec<u8> {
    let bracket = |found: Option<usize>| found.expect("a body has a list of events");
    let start = bracket(body.iter().position(|byte| *byte == b'[')) + 1;
    // the topic, which is a text without brackets, is all that may stand behind the list
    let end = bracket(body.iter().rposition(|byte| *byte == b']'));
    let event = &body[start..end];
    [&body[..start], &vec![event; events].join(&b','), &body[end..]].concat()
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").field("body_bytes", &self.body_bytes()).finish_non_exhaustive()
    }
}

/// Whether the head's signature is that of `body` by the key of [`SECRET`], in constant time.
#[must_use]
pub fn verified(key: &hmac::Key, head: &request::Parts, body: &Bytes) -> bool {
    let Some(header) = head.headers.get("x-mist-signature-v2") else { return false };
    let digits = header.as_bytes();
    let mut tag = [0; DIGITS / 2];
    if digits.len() != DIGITS {
        return false;
    }
    for (byte, pair) in tag.iter_mut().zip(digits.chunks_exact(2)) {
        let (Some(high), Some(low)) = (char::from(pair[0]).to_digit(16), char::from(pair[1]).to_digit(16))
        else {
            return false;
        };
        *byte = (high << 4 | low) as u8;
    }
    hmac::verify(key, body, &tag).is_ok()
}

/// A number whose digits stand nowhere else in an alarm.
const MODEL: u64 = 0xab_cdef_9876;
const DIGITS: usize = 64;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn split(request: &[u8]) -> (String, Bytes) {
        let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8(request[..end].to_vec()).unwrap(), Bytes::copy_from_slice(&request[end..]))
    }

    fn without_times(body: &[u8]) -> Value {
        let mut body: Value = serde_json::from_slice(body).unwrap();
        let event = body["events"][0].as_object_mut().unwrap();
        for time in ["timestamp", "last_seen"] {
            assert!(event.remove(time).is_some());
        }
        body
    }

    #[test]
    fn every_number_makes_the_alarm_of_that_number_signed() {
        let mut signed = Signed::new("localhost", 1501, 1);
        assert_eq!(signed.body_bytes(), 1501);
        for number in [0, 1, 987_654_321_012, (1 << 39) + 5] {
            let (head, body) = split(signed.number(number));

            let model = FakeMist::new(1).alarm_of_size(1501, number).body;
            assert_eq!(without_times(&body), without_times(&model), "{number}");
            let signature = testkit::mist::sign(SECRET.as_bytes(), &body).v2;
            assert!(head.contains(&format!("X-Mist-Signature-v2: {signature}\r\n\r\n")), "{head}");
            assert!(head.contains("Content-Length: 1501\r\n"), "{head}");
        }
    }

    #[test]
    fn several_events_are_the_alarms_of_the_numbers_that_follow() {
        let mut signed = Signed::new("localhost", 0, 3);
        for number in [0, 987_654_321_012] {
            let (_, body) = split(signed.number(number));

            let body: Value = serde_json::from_slice(&body).unwrap();
            let ids: Vec<&str> =
                body["events"].as_array().unwrap().iter().map(|e| e["id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), 3);
            for (number, (id, event)) in (number..).zip(ids.iter().zip(body["events"].as_array().unwrap())) {
                assert!(id.ends_with(&format!("-{number:012x}")), "{number}: {id}");
                assert_eq!(event["hostnames"][0], testkit::mist::load_name(number));
                assert_eq!(event["switches"][0], format!("02{:010x}", number % LOAD_DEVICES));
            }
            assert_eq!(body["topic"], "alarms");
        }
    }

    #[test]
    fn only_the_bodys_own_signature_verifies() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let body = Bytes::from_static(b"{}");
        let good = testkit::mist::sign(SECRET.as_bytes(), &body).v2;
        let check = |signature: Option<&str>, expect: bool| {
            let mut request = http::Request::new(());
            if let Some(signature) = signature {
                request.headers_mut().insert("x-mist-signature-v2", signature.parse().unwrap());
            }
            let (head, ()) = request.into_parts();
            assert_eq!(verified(&key, &head, &body), expect, "{signature:?}");
        };
        check(Some(&good), true);
        check(None, false);
        check(Some(&"0".repeat(64)), false);
        check(Some(&"g".repeat(64)), false);
        check(Some(&good[1..]), false);
    }
}
