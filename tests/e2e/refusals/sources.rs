//! Where a request comes from is what the connection says, in whichever family, and never what the request says.

use std::net::SocketAddr;

use e2e::{Config, Curl, Fogbell, Response, free_port};
use testkit::mist;

use super::judge::{Counters, inbox_rows};
use super::{MESSAGE, only};

/// A good message to `url` with these further fields.
fn good(relay: &Fogbell, url: &str, fields: &[(&str, &str)], arguments: &[&str]) -> Response {
    let curl = Curl::new(url).ca(relay.ca()).body(MESSAGE);
    let signature = mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).v2;
    let curl = curl.header("X-Mist-Signature-v2", &signature);
    let curl = fields.iter().fold(curl, |curl, (name, value)| curl.header(name, value));
    arguments.iter().fold(curl, |curl, argument| curl.argument(argument)).run()
}

#[test]
fn an_ipv4_client_of_a_listener_for_both_families_is_known_by_its_ipv4_address() {
    let config = only("127.0.0.1").set("listen", "address", &format!("\"[::]:{}\"", free_port()));
    let relay = Fogbell::start(&config);
    let port = relay.address().parse::<SocketAddr>().unwrap().port();
    let url = |host: &str| format!("https://{host}:{port}{}", Config::PATH);

    let ipv4 = good(&relay, &url("127.0.0.1"), &[], &[]);
    let ipv6 = good(&relay, &url("[::1]"), &[], &[]);
    let other = good(&relay, &url("127.0.0.1"), &[], &["--interface", "127.0.0.2"]);

    assert_eq!((ipv4.status, ipv4.exit), (200, 0), "{}", ipv4.said);
    for refused in [ipv6, other] {
        assert_eq!((refused.status, refused.text().as_str()), (403, "forbidden\n"), "{}", refused.said);
    }
    assert_eq!(Counters::of(&relay).refused("source"), 2);
    assert_eq!(inbox_rows(&relay), 1);
}

#[test]
fn what_a_request_says_of_where_it_comes_from_changes_nothing() {
    let relay = Fogbell::start(&only("127.0.0.1"));
    let url = relay.url(Config::PATH);
    let names = ["X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Via"];
    let told = |ip: &str| {
        let mut fields: Vec<(&str, String)> = names.iter().map(|name| (*name, ip.to_owned())).collect();
        fields.push(("Forwarded", format!("for={ip}")));
        fields.push(("Forwarded", format!("for=\"[::ffff:{ip}]:1\";proto=https;by={ip}")));
        fields.push(("X-Forwarded-For", format!("{ip}, 127.0.0.2")));
        fields.push(("X-Forwarded-For", format!("127.0.0.2, {ip}")));
        fields
    };

    let mut count = 0;
    for (name, value) in told("127.0.0.1") {
        let refused = good(&relay, &url, &[(name, &value)], &["--interface", "127.0.0.2"]);
        assert_eq!((refused.status, refused.text().as_str()), (403, "forbidden\n"), "{name}: {value}");
        count += 1;
    }
    assert_eq!(Counters::of(&relay).refused("source"), count);
    // neither does it shut out who is allowed
    for (name, value) in told("127.0.0.2") {
        let taken = good(&relay, &url, &[(name, &value)], &["--interface", "127.0.0.1"]);
        assert_eq!(taken.status, 200, "{name}: {value}");
    }
    assert_eq!(inbox_rows(&relay), count);
}

#[test]
fn a_proxy_header_in_front_of_tls_is_no_handshake() {
    let relay = Fogbell::start(&only("127.0.0.1"));

    let refused =
        good(&relay, &relay.url(Config::PATH), &[], &["--haproxy-protocol", "--interface", "127.0.0.2"]);

    assert_eq!(refused.status, 0);
    super::judge::closed_in_the_end(&relay, "handshake", 1);
    assert_eq!(inbox_rows(&relay), 0);
}
