use super::*;

/// `PROXY`, TCP over IPv4, 203.0.113.7:50000 to 192.0.2.1:8443.
const TCP4: &[u8] = &[0x21, 0x11, 0, 12, 203, 0, 113, 7, 192, 0, 2, 1, 0xc3, 0x50, 0x20, 0xfb];

/// Reads a whole header: its mark, then these bytes.
fn read(behind_mark: &[u8]) -> Result<Option<IpAddr>, ProxyError> {
    whole(&[MARK, behind_mark].concat())
}

/// Reads a connection that begins with these bytes, as the listener does; a connection that ends early has no header.
fn whole(bytes: &[u8]) -> Result<Option<IpAddr>, ProxyError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(ProxyError::Absent)?;
    let header = ProxyHeader::parse(head)?;
    header.source(rest.get(..header.length()).ok_or(ProxyError::Addresses)?)
}

/// Version, command and family, then this rest with its own length.
fn with(version_and_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&[version_and_command, family, high, low], rest].concat()
}

fn tcp4(further: &[u8]) -> Vec<u8> {
    with(0x21, 0x11, &[&TCP4[4..], further].concat())
}

fn tcp6(source: &str, further: &[u8]) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().unwrap();
    let ports = [0xc3, 0x50, 0x20, 0xfb];
    with(0x21, 0x21, &[source.octets().as_slice(), &[0; 16], &ports, further].concat())
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind, high, low], value].concat()
}

#[test]
fn what_a_proxy_may_say_is_understood() {
    let ssl = tlv(0x20, &[&[7, 0, 0, 0, 0], tlv(0x21, b"TLSv1.3").as_slice()].concat());
    let several =
        [tlv(0x01, b"http/1.1"), tlv(0x02, b"relay.example.net"), tlv(0x05, &[9; 128]), ssl].concat();
    let longest = tlv(0x04, &[0; 4096 - 12 - 3]);
    for (bytes, source) in [
        (TCP4.to_vec(), "203.0.113.7"),
        (tcp4(&tlv(0x01, b"http/1.1")), "203.0.113.7"),
        (tcp4(&tlv(0x03, &[1, 2, 3, 4])), "203.0.113.7"),
        (tcp4(&tlv(0x04, b"")), "203.0.113.7"),
        (tcp4(&tlv(0xee, b"a proxy's own")), "203.0.113.7"),
        (tcp4(&several), "203.0.113.7"),
        (tcp4(&longest), "203.0.113.7"),
        (tcp6("2001:db8::7", &[]), "2001:db8::7"),
        (tcp6("2001:db8::7", &tlv(0x01, b"http/1.1")), "2001:db8::7"),
        (tcp6("::ffff:203.0.113.7", &[]), "203.0.113.7"),
        (tcp6("::203.0.113.7", &[]), "::203.0.113.7"),
        (tcp6("fe80::1", &[]), "fe80::1"),
        (tcp6("::", &[]), "::"),
        (with(0x21, 0x11, &[0; 12]), "0.0.0.0"),
        (with(0x21, 0x11, &[0xff; 12]), "255.255.255.255"),
    ] {
        assert_eq!(read(&bytes), Ok(Some(source.parse().unwrap())), "{bytes:x?}");
    }
}

#[test]
fn a_proxy_that_speaks_for_itself_names_nobody() {
    for bytes in [
        with(0x20, 0x00, &[]),
        with(0x20, 0x00, &[1, 2, 3]),
        with(0x20, 0x11, &TCP4[4..]),
        with(0x20, 0x21, &[0; 36]),
        with(0x20, 0x31, &[0; 216]),
        with(0x20, 0xff, &[]),
    ] {
        assert_eq!(read(&bytes), Ok(None), "{bytes:x?}");
    }
}

#[test]
fn every_other_header_is_refused_with_its_reason() {
    let absent = ProxyError::Absent;
    let addresses = ProxyError::Addresses;
    let family = |family| ProxyError::Family { family };
    let shortened = |bytes: &[u8], length: u8| {
        let mut bytes = bytes.to_vec();
        bytes[3] = length;
        bytes
    };
    for (bytes, error) in [
        // another version
        (with(0x01, 0x11, &TCP4[4..]), ProxyError::Version { version: 0 }),
        (with(0x11, 0x11, &TCP4[4..]), ProxyError::Version { version: 1 }),
        (with(0x31, 0x11, &TCP4[4..]), ProxyError::Version { version: 3 }),
        (with(0xf1, 0x11, &TCP4[4..]), ProxyError::Version { version: 15 }),
        (with(0x12, 0x11, &TCP4[4..]), ProxyError::Version { version: 1 }),
        // a command that is none
        (with(0x22, 0x11, &TCP4[4..]), ProxyError::Command { command: 2 }),
        (with(0x2f, 0x11, &TCP4[4..]), ProxyError::Command { command: 15 }),
        // a connection that is no TCP over IP has no source that could be judged
        (with(0x21, 0x00, &[]), family(0x00)),
        (with(0x21, 0x00, &TCP4[4..]), family(0x00)),
        (with(0x21, 0x10, &TCP4[4..]), family(0x10)),
        (with(0x21, 0x12, &TCP4[4..]), family(0x12)),
        (with(0x21, 0x20, &[0; 36]), family(0x20)),
        (with(0x21, 0x22, &[0; 36]), family(0x22)),
        (with(0x21, 0x01, &[0; 12]), family(0x01)),
        (with(0x21, 0x31, &[0; 216]), family(0x31)),
        (with(0x21, 0x32, &[0; 216]), family(0x32)),
        (with(0x21, 0x41, &[0; 36]), family(0x41)),
        (with(0x21, 0x13, &[0; 12]), family(0x13)),
        (with(0x21, 0xff, &[0; 36]), family(0xff)),
        // addresses that are not all there
        (with(0x21, 0x11, &[]), addresses),
        (with(0x21, 0x11, &TCP4[4..7]), addresses),
        (with(0x21, 0x11, &TCP4[4..8]), addresses),
        (with(0x21, 0x11, &TCP4[4..15]), addresses),
        (with(0x21, 0x21, &[0; 12]), addresses),
        (with(0x21, 0x21, &[0; 16]), addresses),
        (with(0x21, 0x21, &[0; 35]), addresses),
        // a length that lies about what is there
        (shortened(TCP4, 0), addresses),
        (shortened(TCP4, 11), addresses),
        (shortened(TCP4, 13), addresses),
        (shortened(TCP4, 255), addresses),
        (shortened(&tcp6("::1", &[]), 12), addresses),
        (shortened(&tcp4(&tlv(1, b"abc")), 17), addresses),
        // what else it says does not fill the header
        (tcp4(&[0]), addresses),
        (tcp4(&[1, 0]), addresses),
        (tcp4(&[1, 0, 1]), addresses),
        (tcp4(&[1, 0xff, 0xff, 0]), addresses),
        (tcp4(&[tlv(1, b"abc"), vec![2]].concat()), addresses),
        (tcp4(&[tlv(1, b"abc"), vec![2, 0, 9]].concat()), addresses),
        (tcp6("::1", &[1, 0, 1]), addresses),
        // longer than is read
        (tcp4(&tlv(4, &[0; 4096 - 12 - 2])), ProxyError::TooLong { length: 4097 }),
        (vec![0x21, 0x11, 0xff, 0xff], ProxyError::TooLong { length: 0xffff }),
        (vec![0x20, 0x00, 0xff, 0xff], ProxyError::TooLong { length: 0xffff }),
    ] {
        assert_eq!(read(&bytes), Err(error), "{bytes:x?}");
    }

    let mark = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut mark = MARK.to_vec();
        change(&mut mark);
        [&mark, TCP4].concat()
    };
    let version1 = ProxyError::Version1;
    for (bytes, error) in [
        // version 1
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 50000 8443\r\n".to_vec(), version1),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 8443\r\n".to_vec(), version1),
        (b"PROXY UNKNOWN\r\nmore of it".to_vec(), version1),
        (b"PROXY TCP4 54.193.71.17".to_vec(), version1),
        (b"proxy tcp4 203.0.113.7 192.0.2.1 1 2\r\n".to_vec(), absent),
        // no header: TLS at once, HTTP at once, an HTTP/2 preface
        ([&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], TCP4].concat(), absent),
        (b"POST /v1/mist HTTP/1.1\r\nHost: relay\r\n\r\n".to_vec(), absent),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), absent),
        (vec![0; 64], absent),
        (vec![0xff; 64], absent),
        // nearly the mark
        (mark(&|mark| mark[0] = b'\n'), absent),
        (mark(&|mark| mark[4] = b'0'), absent),
        (mark(&|mark| mark[7] = b'q'), absent),
        (mark(&|mark| mark[11] = b'\r'), absent),
        (mark(&|mark| *mark = mark[1..].to_vec()), absent),
        (mark(&|mark| mark.insert(0, b'\r')), absent),
        (mark(&|mark| mark.extend_from_slice(MARK)), ProxyError::Version { version: 0 }),
        // a connection that ends in the middle
        (Vec::new(), absent),
        (MARK.to_vec(), absent),
        ([MARK, &TCP4[..3]].concat(), absent),
        ([MARK, &TCP4[..4]].concat(), addresses),
        ([MARK, &TCP4[..15]].concat(), addresses),
    ] {
        assert_eq!(whole(&bytes), Err(error), "{bytes:x?}");
    }
}

#[test]
fn what_follows_the_header_is_not_read() {
    let bytes = [MARK, TCP4, MARK, &tcp6("::1", &[])].concat();

    assert_eq!(whole(&bytes), Ok(Some("203.0.113.7".parse().unwrap())));
}
