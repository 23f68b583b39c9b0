//! Connections that bring no request in time, or are too many, end without an answer.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use e2e::{Config, Curl, DEADLINE, Fogbell, wait_until};
use testkit::clients::{
    End, Outcome, Target, half_client_hello, http2_preface, idle, raw, silent, slow_handshake, slow_header,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use super::MESSAGE;
use super::ask::{IN_TIME, post, request, signed, statuses, target, together};
use super::judge::{Counters, closed_in_the_end, inbox_rows};

/// What one badly behaved client saw.
type Seen = Pin<Box<dyn Future<Output = std::io::Result<Outcome>> + Send>>;

/// The same with the client's name.
type Named = dyn Future<Output = (&'static str, Outcome)> + Send;

#[test]
fn who_is_slow_is_gone_when_the_time_is_up_without_an_answer() {
    let config = ["handshake_secs", "header_secs", "body_secs"]
        .iter()
        .fold(Config::new(), |config, key| config.set("gate", key, "1"));
    let relay = Fogbell::start(&config.set("gate", "idle_secs", "2"));
    let target = target(&relay);
    let drop_by_drop = Duration::from_millis(20);
    // a head after a good request has its own time
    let late_head = [post(&signed(MESSAGE.as_bytes()), MESSAGE.as_bytes()), b"POST / HT".to_vec()].concat();
    let good = post(&signed(MESSAGE.as_bytes()), MESSAGE.as_bytes());
    let tries = 5;

    let mut clients: Vec<Pin<Box<Named>>> = Vec::new();
    for _ in 0..tries {
        let mut add = |name: &'static str, client: fn(Target, Duration, Vec<u8>) -> Seen, bytes: &[u8]| {
            let seen = client(target.clone(), drop_by_drop, bytes.to_vec());
            clients.push(Box::pin(async move { (name, seen.await.unwrap()) }));
        };
        add("silent", |target, _, _| Box::pin(async move { silent(&target, DEADLINE).await }), b"");
        add(
            "half a hello",
            |target, _, _| Box::pin(async move { half_client_hello(&target, DEADLINE).await }),
            b"",
        );
        add(
            "slow hello",
            |target, every, _| Box::pin(async move { slow_handshake(&target, every, DEADLINE).await }),
            b"",
        );
        add(
            "slow head",
            |target, every, _| {
                Box::pin(async move { slow_header(&target, Config::PATH, every, DEADLINE).await })
            },
            b"",
        );
        add("no head", |target, _, _| Box::pin(async move { idle(&target, DEADLINE).await }), b"");
        add("rest", |target, _, bytes| Box::pin(async move { raw(&target, &bytes, DEADLINE).await }), &good);
        add(
            "late head",
            |target, _, bytes| Box::pin(async move { raw(&target, &bytes, DEADLINE).await }),
            &late_head,
        );
    }
    let count = clients.len();
    let seen = together(clients.into_iter(), count);

    for (name, outcome) in &seen {
        let (seconds, answered) = match *name {
            "rest" => (2, vec![200]),
            "late head" => (1, vec![200]),
            _ => (1, vec![]),
        };
        assert_ne!(outcome.end, End::StillOpen, "{name}");
        assert_eq!(statuses(outcome), answered, "{name}");
        // the client's clock starts before the relay's
        let least = Duration::from_secs(seconds).saturating_sub(Duration::from_millis(100));
        assert!(outcome.lasted >= least && outcome.lasted < IN_TIME, "{name}: {:?}", outcome.lasted);
    }
    let tries = tries as u64;
    closed_in_the_end(&relay, "slow_handshake", 3 * tries);
    closed_in_the_end(&relay, "slow_head", 3 * tries);
    closed_in_the_end(&relay, "idle", tries);
    let counters = Counters::of(&relay);
    assert_eq!((counters.refused_in_all(), counters.answered(200)), (0, 2 * tries));
    assert_eq!(inbox_rows(&relay), 2 * tries);
}

#[test]
fn who_speaks_another_protocol_gets_no_answer() {
    let relay = Fogbell::start(&Config::new());
    let (tls, plain) = (target(&relay), Target::plain(relay.address().parse().unwrap()));
    let good = post(&signed(MESSAGE.as_bytes()), MESSAGE.as_bytes());
    let tries = 20;

    let preface = |target: &Target| {
        let each = |_| {
            let target = target.clone();
            async move { http2_preface(&target, DEADLINE).await.unwrap() }
        };
        together((0..tries).map(each), 4)
    };
    let http = |bytes: &[u8]| {
        let each = |_| {
            let (target, bytes) = (plain.clone(), bytes.to_vec());
            async move { raw(&target, &bytes, DEADLINE).await.unwrap() }
        };
        together((0..tries).map(each), 4)
    };

    for outcome in preface(&tls) {
        assert_eq!((outcome.text().as_str(), outcome.end), ("", End::Closed));
        assert!(outcome.lasted < IN_TIME, "{:?}", outcome.lasted);
    }
    closed_in_the_end(&relay, "malformed", tries);
    let without_tls = [preface(&plain), http(&good), http(&request("GET", "/", "", b""))].concat();
    for outcome in &without_tls {
        // a fatal alert of TLS (RFC 8446 section 6) is seven bytes and says nothing of HTTP
        let alert = outcome.answer.len() == 7 && outcome.answer[0] == 21;
        assert!(outcome.answer.is_empty() || alert, "{:?}", outcome.answer);
        assert_ne!(outcome.end, End::StillOpen);
        assert!(outcome.lasted < IN_TIME, "{:?}", outcome.lasted);
    }
    closed_in_the_end(&relay, "handshake", 3 * tries);
    // a client that would speak both speaks HTTP/1.1, one that insists on HTTP/2 has no handshake
    let url = relay.url(Config::PATH);
    let both = Curl::new(&url)
        .ca(relay.ca())
        .argument("--http2")
        .argument("--write-out")
        .argument("%{http_version}");
    assert_eq!(both.run().status, 0, "the version is written where the status stood");
    assert_eq!(Counters::of(&relay).refused("method"), 1);
    assert_eq!(inbox_rows(&relay), 0);
}

/// A connection that brings nothing, from `source`.
async fn hold(source: IpAddr, relay: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket.connect(relay).await.unwrap()
}

#[test]
fn connections_over_a_cap_end_at_once_and_places_are_given_back() {
    let config = Config::new().set("gate", "max_connections", "3");
    let relay = Fogbell::start(&config.set("gate", "max_connections_per_address", "2"));
    let address: SocketAddr = relay.address().parse().unwrap();
    let [first, second, third] =
        ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|ip| ip.parse::<IpAddr>().unwrap());
    let runtime = Runtime::new().unwrap();
    let held = |source| runtime.block_on(hold(source, address));
    let turned_away = |source| {
        let target = Target::plain(address).from(source);
        let outcome = runtime.block_on(silent(&target, DEADLINE)).unwrap();
        assert_ne!(outcome.end, End::StillOpen);
        assert!(outcome.answer.is_empty());
        assert!(outcome.lasted < IN_TIME, "{:?}", outcome.lasted);
    };
    let good = |source: IpAddr| {
        let curl = Curl::new(&relay.url(Config::PATH)).ca(relay.ca()).body(MESSAGE);
        let signature = testkit::mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).v2;
        curl.header("X-Mist-Signature-v2", &signature)
            .argument("--interface")
            .argument(&source.to_string())
            .run()
    };

    // connections are taken in the order in which they were made
    let one = held(first);
    let _two = held(first);
    turned_away(first);
    closed_in_the_end(&relay, "cap", 1);
    // another address has its own cap: that the third one in all is turned away shows that this one was not
    let _three = held(second);
    turned_away(third);
    closed_in_the_end(&relay, "cap", 2);
    assert_eq!(good(third).status, 0);
    closed_in_the_end(&relay, "cap", 3);

    drop(one);
    assert!(wait_until(DEADLINE, || good(third).status == 200), "the place was not given back");
    assert_eq!(inbox_rows(&relay), 1);
}
