//! haproxy in front of the relay: what it says of where a webhook comes from counts, and nobody else's word does.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use e2e::{Config, DEADLINE, Fogbell, Haproxy, wait_until};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use super::{closed, good, only};

/// One that passes connections on, and sees whether the relay is there.
fn passing_on(relay: &Fogbell) -> Haproxy {
    let address = relay.address();
    let sections = format!(
        "listen front\n  mode tcp\n  bind FRONT\n  \
         server relay {address} send-proxy-v2 check check-send-proxy inter 100ms fall 100\n"
    );
    Haproxy::start(&sections, "")
}

fn behind_proxy_headers(networks: &str) -> Config {
    let config = only(networks).set("listen", "proxy_protocol", "true");
    config.set("listen", "trusted_proxies", "[\"127.0.0.1/32\"]")
}

#[test]
fn behind_a_proxy_that_passes_connections_on_its_header_says_where_they_come_from() {
    let mut relay = Fogbell::start(&behind_proxy_headers("\"127.0.0.3/32\""));
    let haproxy = passing_on(&relay);
    let (through, direct) = (haproxy.url(Config::PATH), relay.url(Config::PATH));

    let allowed = good(&relay, &through, "127.0.0.3", &[]);
    let refused = good(&relay, &through, "127.0.0.2", &["127.0.0.3"]);

    assert_eq!((allowed.status, allowed.exit), (200, 0), "{}", allowed.said);
    assert_eq!((refused.status, refused.text().as_str()), (403, "forbidden\n"), "{}", refused.said);
    let line = relay.process().wait_line("whom it refused", |line| line.contains("refused a request"));
    assert!(line.contains("peer=127.0.0.2") && line.contains("source"), "{line}");

    // the proxy without its header, and with one of version 1
    assert_eq!(closed(&relay, "proxy_header"), 0.0);
    assert_eq!(good(&relay, &direct, "127.0.0.1", &[]).status, 0);
    let line = relay.process().wait_line("why it closed", |line| line.contains("proxy_header"));
    assert!(line.contains("does not begin with a PROXY header"), "{line}");
    let version1 = e2e::Curl::new(&direct).ca(relay.ca()).argument("--haproxy-protocol");
    assert_eq!(version1.argument("--interface").argument("127.0.0.1").run().status, 0);
    let line = relay.process().wait_line("which version it had", |line| line.contains("version 1"));
    assert!(line.contains("peer=127.0.0.1"), "{line}");
    assert!(wait_until(DEADLINE, || closed(&relay, "proxy_header") == 2.0));

    // whoever is no proxy is not even listened to, allowed or not
    for source in ["127.0.0.2", "127.0.0.3"] {
        assert_eq!(good(&relay, &direct, source, &[]).status, 0, "{source}");
    }
    assert!(wait_until(DEADLINE, || closed(&relay, "no_proxy") == 2.0));
    // a proxy's own look at the relay is no fault of a header: it ends before TLS
    assert!(wait_until(DEADLINE, || closed(&relay, "handshake") >= 1.0));
    assert_eq!(closed(&relay, "proxy_header"), 2.0);
}

/// A connection that brings nothing, from `source`.
async fn hold(source: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

#[test]
fn behind_a_proxy_everybody_has_the_connections_of_one_address() {
    let config = behind_proxy_headers("\"127.0.0.3/32\", \"127.0.0.4/32\"");
    let relay = Fogbell::start(&config.set("gate", "max_connections_per_address", "2"));
    let haproxy = passing_on(&relay);
    let through = haproxy.url(Config::PATH);
    let runtime = Runtime::new().unwrap();

    // the proxy looks at the relay too, and what comes while it does may be one too many of its own
    let mut held = Vec::new();
    let mut hold_one = || held.push(runtime.block_on(hold("127.0.0.3", haproxy.address())));
    (0..2).for_each(|_| hold_one());

    let turned_away = || good(&relay, &through, "127.0.0.3", &[]).status != 200;
    let full = wait_until(DEADLINE, || turned_away() || (hold_one(), false).1);
    assert!(full, "three connections of one address");
    assert!(closed(&relay, "cap") >= 1.0);
    let other = || good(&relay, &through, "127.0.0.4", &[]).status == 200;
    assert!(wait_until(DEADLINE, other), "another address is shut out");

    drop(held);
    assert!(wait_until(DEADLINE, || !turned_away()), "the places were not given back");
}

#[test]
fn behind_a_proxy_that_passes_requests_on_the_address_it_adds_counts_and_a_forged_one_does_not() {
    let relay =
        Fogbell::start(&only("\"127.0.0.3/32\"").set("listen", "trusted_proxies", "[\"127.0.0.1/32\"]"));
    let certs = relay.home().join("certs");
    let read = |name: &str| fs::read_to_string(certs.join(name)).unwrap();
    let pem = read("server.pem") + &read("server.key");
    let in_front = |adds: &str| {
        let address = relay.address();
        let sections = format!(
            "frontend front\n  bind FRONT ssl crt PEM\n  {adds}\n  default_backend relay\n\
             backend relay\n  server relay {address} ssl verify none\n"
        );
        Haproxy::start(&sections, &pem)
    };

    for adds in ["http-request set-header X-Forwarded-For %[src]", "option forwardfor"] {
        let haproxy = in_front(adds);
        let through = haproxy.url(Config::PATH);
        for forged in [&[][..], &["127.0.0.3"], &["127.0.0.9"], &["127.0.0.9, 127.0.0.3"], &["unknown", ","]]
        {
            let allowed = good(&relay, &through, "127.0.0.3", forged);
            let refused = good(&relay, &through, "127.0.0.2", forged);
            assert_eq!((allowed.status, refused.status), (200, 403), "{adds}: {forged:?}: {}", allowed.said);
        }
    }

    // without a proxy in between: who is one is believed, as far as it can be read, and who is none is not
    let direct = relay.url(Config::PATH);
    for (source, forwarded, status) in [
        ("127.0.0.1", &["127.0.0.3"][..], 200),
        ("127.0.0.1", &["127.0.0.9, 127.0.0.3"], 200),
        ("127.0.0.1", &["127.0.0.3", "127.0.0.9"], 403),
        ("127.0.0.1", &["127.0.0.3, unknown"], 403),
        ("127.0.0.1", &["127.0.0.3,"], 403),
        ("127.0.0.1", &[], 403),
        ("127.0.0.3", &["127.0.0.9"], 200),
        ("127.0.0.2", &["127.0.0.3"], 403),
    ] {
        let answer = good(&relay, &direct, source, forwarded);
        assert_eq!(answer.status, status, "{source} {forwarded:?}: {}", answer.said);
    }
}
