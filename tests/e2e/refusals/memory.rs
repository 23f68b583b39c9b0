//! Many bad connections at once cost little, and a good client is answered meanwhile.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use e2e::{Config, DEADLINE, Fogbell, Usage, wait_until};
use testkit::clients::{half_client_hello, idle, slow_body, slow_header};
use testkit::{Post, Trust, mist};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::MESSAGE;
use super::ask::target;
use super::judge::{Counters, inbox_rows};

/// Bad connections of each of five kinds.
const OF_EACH: usize = 100;

/// What they may cost together.
const MOST: u64 = 64 << 20;

#[test]
fn five_hundred_bad_connections_cost_little_and_delay_nobody() {
    let limits = [
        ("handshake_secs", "60"),
        ("header_secs", "60"),
        ("body_secs", "60"),
        ("max_connections_per_address", "600"),
    ];
    let config = limits.iter().fold(Config::new(), |config, (key, value)| config.set("gate", key, value));
    let mut relay = Fogbell::start(&config);
    let address: SocketAddr = relay.address().parse().unwrap();
    let target = target(&relay);
    let trust = Trust::pem(&fs::read_to_string(relay.ca()).unwrap()).unwrap();
    let mut post = Post::new(&relay.url(Config::PATH), &trust).unwrap().deadline(DEADLINE);
    let mut headers = Post::headers();
    mist::sign(Config::SECRET.as_bytes(), MESSAGE.as_bytes()).apply(&mut headers);
    let runtime = Runtime::new().unwrap();
    let mut good = || {
        let start = Instant::now();
        let answer = runtime.block_on(post.post(headers.clone(), MESSAGE.into())).unwrap();
        assert_eq!(answer.status.as_u16(), 200);
        start.elapsed()
    };
    good();
    let pid = relay.process().pid();
    let usage = || Usage::of(pid).expect("the relay runs");
    let before = usage().resident;

    let silent: Vec<TcpStream> = (0..OF_EACH).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut bad = JoinSet::new();
    let long = 10 * DEADLINE;
    for _ in 0..OF_EACH {
        let each = || target.clone();
        let (one, two, three, four) = (each(), each(), each(), each());
        let every = Duration::from_millis(500);
        bad.spawn_on(async move { half_client_hello(&one, long).await }, runtime.handle());
        bad.spawn_on(async move { idle(&two, long).await }, runtime.handle());
        bad.spawn_on(async move { slow_header(&three, Config::PATH, every, long).await }, runtime.handle());
        bad.spawn_on(
            async move { slow_body(&four, Config::PATH, "", 1 << 20, every, long).await },
            runtime.handle(),
        );
    }
    // all of them and the good one
    let sockets = || usage().descriptors;
    assert!(wait_until(DEADLINE, || sockets() > 5 * OF_EACH as u64), "{} descriptors", sockets());
    let slowest = (0..100).map(|_| good()).max().unwrap();
    let grown = usage().resident.saturating_sub(before);

    let figures = format!(
        "{} KiB more for {} bad connections, slowest good answer {slowest:?}",
        grown >> 10,
        5 * OF_EACH
    );
    assert!(grown < MOST, "{figures}");
    assert!(slowest < Duration::from_secs(5), "{figures}");
    println!("{figures}");
    assert_eq!(inbox_rows(&relay), 101);
    let counters = Counters::of(&relay);
    assert_eq!((counters.refused_in_all(), counters.closed("cap")), (0, 0));

    bad.abort_all();
    drop(silent);
    assert!(wait_until(DEADLINE, || sockets() < OF_EACH as u64), "{} descriptors", sockets());
    good();
}
