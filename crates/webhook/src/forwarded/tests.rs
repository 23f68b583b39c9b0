use super::*;

/// The address of the proxy in front of the relay.
const HOP: &str = "10.0.0.5";

/// A gate's proxies: 10.0.0.0/24, 192.0.2.10 and 2001:db8:f::/48.
fn proxies() -> Allowlist {
    Allowlist::new(
        ["10.0.0.0/24", "192.0.2.10/32", "2001:db8:f::/48"].map(|network| network.parse().unwrap()),
    )
}

/// What `hop` brings with these lines of `X-Forwarded-For` comes from.
fn from(hop: &str, lines: &[&[u8]]) -> Option<IpAddr> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, http::HeaderValue::from_bytes(line).unwrap());
    }
    source(&proxies(), hop.parse().unwrap(), &headers)
}

fn check(line: impl AsRef<[u8]>, expect: Option<&str>) {
    let line = line.as_ref();
    let expect = expect.map(|address| address.parse().unwrap());
    assert_eq!(from(HOP, &[line]), expect, "{}", String::from_utf8_lossy(line));
}

#[test]
fn an_address_is_read_in_every_form_that_proxies_write() {
    for (line, expect) in [
        // IPv4
        ("203.0.113.7", "203.0.113.7"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("203.0.113.7:50000", "203.0.113.7"),
        ("203.0.113.7:0", "203.0.113.7"),
        ("203.0.113.7:65535", "203.0.113.7"),
        // IPv6
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("2001:0db8:0000:0000:0000:0000:0000:0007", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("[2001:db8::7]:0", "2001:db8::7"),
        ("::1", "::1"),
        ("::", "::"),
        ("[::]", "::"),
        ("fe80::1", "fe80::1"),
        ("64:ff9b::203.0.113.7", "64:ff9b::cb00:7107"),
        ("2002:cb00:7107::1", "2002:cb00:7107::1"),
        // what could be a port is part of an address
        ("2001:db8::7:443", "2001:db8::7:443"),
        ("2001:db8:0:0:0:0:7:443", "2001:db8::7:443"),
        // IPv4 mapped into IPv6 is IPv4, IPv4 made compatible is not
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("0:0:0:0:0:ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("::203.0.113.7", "::203.0.113.7"),
        ("::fffe:203.0.113.7", "::fffe:203.0.113.7"),
        // space around it
        (" 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7 ", "203.0.113.7"),
        ("\t203.0.113.7\t", "203.0.113.7"),
        (" \t [2001:db8::7]:443 \t ", "2001:db8::7"),
    ] {
        check(line, Some(expect));
    }
}

#[test]
fn what_is_no_address_is_nobodys() {
    for line in [
        // nothing
        "",
        " ",
        "\t",
        ",",
        " , ",
        ",,,",
        "203.0.113.7,",
        "203.0.113.7, ",
        "203.0.113.7,,",
        "203.0.113.7,\t",
        // words of RFC 7239 and of proxies
        "unknown",
        "Unknown",
        "_hidden",
        "_SEVKISEK",
        "null",
        "-",
        "(null)",
        "undefined",
        "localhost",
        "relay.example.net",
        "unix:",
        "unix:/run/proxy.sock",
        "for=203.0.113.7",
        "for=\"[2001:db8::7]\"",
        "203.0.113.7;proto=https",
        // IPv4 that is read differently by different readers
        "203.0.113",
        "203.0.113.",
        ".203.0.113.7",
        "203.0.113.7.",
        "203.0.113.7.1",
        "203.0.113.256",
        "203.0.113.-7",
        "203.0.113.+7",
        "203.0.0113.7",
        "0203.0.113.7",
        "203.000.113.007",
        "0xcb.0.113.7",
        "0xcb007107",
        "3405803783",
        "31300070407",
        "203.0.113.7/32",
        "203.0. 113.7",
        "203,0,113,7",
        "２０３.0.113.7",
        "203.0.113.7e0",
        // ports that are none
        "203.0.113.7:",
        "203.0.113.7:65536",
        "203.0.113.7:-1",
        "203.0.113.7:+1",
        "203.0.113.7:http",
        "203.0.113.7: 80",
        "203.0.113.7 :80",
        "203.0.113.7:80:80",
        "203.0.113.7:0x50",
        ":80",
        ":",
        // IPv6 that is none
        ":::",
        "1::2::3",
        "2001:db8",
        "2001:db8::g",
        "2001:db8::12345",
        "2001:db8:0:0:0:0:0:0:7",
        "2001:db8::7/128",
        "::ffff:203.0.113",
        "::ffff:203.0.113.256",
        "::ffff:0203.0.113.7",
        "[2001:db8::7]:65536",
        "[2001:db8::7]:",
        "[2001:db8::7]443",
        // brackets and quotes
        "[203.0.113.7]",
        "[203.0.113.7]:80",
        "[2001:db8::7",
        "2001:db8::7]",
        "[[2001:db8::7]]",
        "[ 2001:db8::7 ]",
        "[]",
        "[",
        "]",
        "\"203.0.113.7\"",
        "\"[2001:db8::7]:443\"",
        "'203.0.113.7'",
        "<203.0.113.7>",
        // zones are of a network that is not ours
        "fe80::1%eth0",
        "fe80::1%1",
        "fe80::1%25eth0",
        "[fe80::1%eth0]",
        "[fe80::1%1]",
        "[fe80::1%1]:443",
        "[fe80::1%eth0]:443",
        "203.0.113.7%eth0",
        "2001:db8::7%0",
        "[2001:db8::7%0]:443",
        // two in one
        "203.0.113.7 203.0.113.8",
        "203.0.113.7;203.0.113.8",
        "203.0.113.7|203.0.113.8",
        "203.0.113.7%2c203.0.113.8",
        "203.0.113.7%00",
    ] {
        check(line, None);
    }
    // bytes that are no text, and spaces that are none of HTTP
    for line in [
        &b"203.0.113.7\xff"[..],
        b"\xff",
        b"\xc2\xa0203.0.113.7",
        b"203.0.113.7\xe2\x80\x8b",
        b"\xef\xbb\xbf203.0.113.7",
        b"203.0.113\xef\xbc\x8e7",
    ] {
        check(line, None);
    }
}

#[test]
fn the_list_is_walked_from_the_right_until_nobody_is_trusted() {
    for (line, expect) in [
        // what the client wrote itself stands to the left
        ("54.193.71.17, 203.0.113.7", Some("203.0.113.7")),
        ("54.193.71.17,203.0.113.7", Some("203.0.113.7")),
        ("54.193.71.17 ,\t203.0.113.7", Some("203.0.113.7")),
        ("54.193.71.17, 54.193.71.17, 203.0.113.7", Some("203.0.113.7")),
        ("203.0.113.7, 54.193.71.17", Some("54.193.71.17")),
        ("127.0.0.1, 203.0.113.7", Some("203.0.113.7")),
        // also when it is nothing at all
        ("unknown, 203.0.113.7", Some("203.0.113.7")),
        (", 203.0.113.7", Some("203.0.113.7")),
        (",,,, 203.0.113.7", Some("203.0.113.7")),
        ("\"54.193.71.17, 203.0.113.7", Some("203.0.113.7")),
        ("for=54.193.71.17;by=x, 203.0.113.7", Some("203.0.113.7")),
        ("fe80::1%eth0, 203.0.113.7", Some("203.0.113.7")),
        // proxies in between are passed over
        ("203.0.113.7, 10.0.0.6", Some("203.0.113.7")),
        ("203.0.113.7, 10.0.0.6, 10.0.0.7", Some("203.0.113.7")),
        ("203.0.113.7, 192.0.2.10, 10.0.0.6", Some("203.0.113.7")),
        ("203.0.113.7, 2001:db8:f::1, 10.0.0.6", Some("203.0.113.7")),
        ("203.0.113.7:1, 10.0.0.6:2", Some("203.0.113.7")),
        ("203.0.113.7, [2001:db8:f::1]:443", Some("203.0.113.7")),
        ("203.0.113.7, ::ffff:10.0.0.6", Some("203.0.113.7")),
        ("2001:db8::7, 10.0.0.6", Some("2001:db8::7")),
        ("54.193.71.17, 203.0.113.7, 10.0.0.6", Some("203.0.113.7")),
        ("54.193.71.17, 10.0.0.9, 203.0.113.7, 10.0.0.6", Some("203.0.113.7")),
        // addresses that are nearly a proxy's
        ("54.193.71.17, 10.0.1.6", Some("10.0.1.6")),
        ("54.193.71.17, 192.0.2.11", Some("192.0.2.11")),
        ("54.193.71.17, 2001:db8:e::1", Some("2001:db8:e::1")),
        ("54.193.71.17, ::10.0.0.6", Some("::10.0.0.6")),
        // when all are proxies, the first one asked
        ("10.0.0.6", Some("10.0.0.6")),
        ("10.0.0.7, 10.0.0.6", Some("10.0.0.7")),
        ("2001:db8:f::9, 192.0.2.10, 10.0.0.6", Some("2001:db8:f::9")),
        // what must be read and cannot be makes it nobody's, whatever stands further left
        ("54.193.71.17, unknown", None),
        ("54.193.71.17, unknown, 10.0.0.6", None),
        ("54.193.71.17, , 10.0.0.6", None),
        ("54.193.71.17, _proxy, 192.0.2.10", None),
        ("54.193.71.17, 10.0.0.6,", None),
        ("unknown, 10.0.0.6", None),
        (", 10.0.0.6", None),
        ("54.193.71.17, 10.0.0.6%eth0, 10.0.0.7", None),
        ("54.193.71.17, 10.0.0.006, 10.0.0.7", None),
        ("54.193.71.17, 10.0.0.6:99999, 10.0.0.7", None),
    ] {
        check(line, expect);
    }
    // as long as a head can be
    let long = "10.0.0.6, ".repeat(1500);
    check(format!("203.0.113.7, {long}10.0.0.7"), Some("203.0.113.7"));
    check(format!("{long}203.0.113.7"), Some("203.0.113.7"));
}

#[test]
fn several_lines_are_one_list_in_their_order() {
    for (lines, expect) in [
        (&["54.193.71.17", "203.0.113.7"][..], Some("203.0.113.7")),
        (&["203.0.113.7", "10.0.0.6"], Some("203.0.113.7")),
        (&["54.193.71.17, 203.0.113.7", "10.0.0.6, 10.0.0.7"], Some("203.0.113.7")),
        (&["203.0.113.7", "10.0.0.6", "192.0.2.10"], Some("203.0.113.7")),
        (&["54.193.71.17", "203.0.113.7", "10.0.0.6"], Some("203.0.113.7")),
        (&["unknown", "203.0.113.7"], Some("203.0.113.7")),
        (&["", "203.0.113.7"], Some("203.0.113.7")),
        (&["203.0.113.7", ""], None),
        (&["203.0.113.7", "", "10.0.0.6"], None),
        (&["203.0.113.7", "unknown"], None),
        (&["203.0.113.7", "10.0.0.6,"], None),
        (&["10.0.0.7", "10.0.0.6"], Some("10.0.0.7")),
    ] {
        let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        assert_eq!(from(HOP, &bytes), expect.map(|address| address.parse().unwrap()), "{lines:?}");
    }
}

#[test]
fn who_is_no_proxy_is_not_listened_to() {
    for hop in ["203.0.113.7", "10.0.1.5", "192.0.2.11", "::1", "2001:db8::7", "::10.0.0.5", "127.0.0.1"] {
        for line in ["54.193.71.17", "10.0.0.6", "unknown", "", "54.193.71.17, 10.0.0.6"] {
            assert_eq!(from(hop, &[line.as_bytes()]), Some(hop.parse().unwrap()), "{hop}: {line}");
        }
    }
    // and who is one is itself when it says nothing; as a listener for both families sees it, too
    for (hop, is) in [(HOP, HOP), ("::ffff:10.0.0.5", HOP), ("2001:db8:f::1", "2001:db8:f::1")] {
        assert_eq!(from(hop, &[]), Some(is.parse().unwrap()));
        assert_eq!(from(hop, &[b"203.0.113.7"]), Some("203.0.113.7".parse().unwrap()));
    }
}

#[test]
fn another_header_says_nothing() {
    let names = ["forwarded", "x-real-ip", "x-client-ip", "x_forwarded_for", "x-forwarded", "true-client-ip"];
    for name in names {
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_static("for=54.193.71.17"));
        headers.append(name, http::HeaderValue::from_static("54.193.71.17"));
        assert_eq!(source(&proxies(), HOP.parse().unwrap(), &headers), Some(HOP.parse().unwrap()), "{name}");
    }
}
