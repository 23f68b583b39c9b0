//! The watch over the heads of requests.

use relay::HeadWatch;

use crate::source::Source;

/// However the bytes of a connection are cut, the watch says the same; and of the first request it says what the
/// HTTP library's own parser says: where its head ends, and whether it carried both a length and an encoding.
pub fn head(data: &[u8]) {
    let mut source = Source::new(data);
    let cuts: Vec<usize> = (0..source.byte() % 8).map(|_| source.below(1 << 12)).collect();
    let bytes = source.rest();

    let mut whole = HeadWatch::default();
    whole.feed(bytes);

    let mut cut = HeadWatch::default();
    let mut left = bytes;
    for at in cuts {
        let (now, then) = left.split_at(at.min(left.len()));
        cut.feed(now);
        left = then;
    }
    cut.feed(left);
    assert_eq!(said(&cut), said(&whole));

    let mut each = HeadWatch::default();
    bytes.iter().for_each(|byte| each.feed(std::slice::from_ref(byte)));
    assert_eq!(said(&each), said(&whole));

    assert!(!(whole.is_between() && whole.is_in_head()));
    compare(bytes);
}

/// The first request as `httparse` has it, which hyper uses.
fn compare(bytes: &[u8]) {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(end)) = request.parse(bytes) else { return };
    let values = |name: &str| -> Vec<&[u8]> {
        let named = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value).collect()
    };
    let (lengths, encodings) = (values("content-length"), values("transfer-encoding"));

    let mut watch = HeadWatch::default();
    watch.feed(&bytes[..end - 1]);
    assert_eq!(watch.heads(), 0, "the head has not ended before its end");
    watch.feed(&bytes[end - 1..end]);
    assert_eq!(watch.heads(), 1, "the head ends where the parser says");
    assert_eq!(watch.conflicts(0), !lengths.is_empty() && !encodings.is_empty(), "both, and only both");
    if !encodings.is_empty() {
        assert!(watch.is_lost(0), "the connection is closed behind an encoding");
        return;
    }
    // the library takes nothing but digits for a length, and several only when they are the same
    let digits = |value: &&[u8]| {
        value.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(value).ok()?.parse().ok())?
    };
    let parsed: Option<Vec<u64>> = lengths.iter().map(digits).collect();
    let Some(parsed) = parsed.filter(|all| all.iter().all(|length| *length == all[0])) else { return };
    let length = parsed.first().copied().unwrap_or(0);
    if watch.is_lost(0) {
        return; // a length so padded that it was not kept whole: closing is always safe
    }
    let Some(body) = usize::try_from(length).ok().and_then(|length| bytes.get(end..end.checked_add(length)?))
    else {
        watch.feed(&bytes[end..]);
        assert!(!watch.is_between(), "the body has not come whole");
        assert_eq!(watch.heads(), 1);
        return;
    };
    watch.feed(body);
    assert!(watch.is_between(), "behind the body the next request may begin");
    assert_eq!(watch.heads(), 1, "nothing in a body is a head");
}

/// Everything a watch says.
fn said(watch: &HeadWatch) -> (bool, bool, u64, Vec<(bool, bool)>) {
    let requests = (0..watch.heads() + 2).map(|index| (watch.conflicts(index), watch.is_lost(index)));
    (watch.is_between(), watch.is_in_head(), watch.heads(), requests.collect())
}

/// As hyper has it.
const MOST_HEADERS: usize = 100;
