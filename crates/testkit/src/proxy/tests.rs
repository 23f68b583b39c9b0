use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(5);
const LITTLE: Duration = Duration::from_millis(50);

/// A proxy, a connection through it, and the receiver's end of that.
async fn through() -> (Proxy, TcpListener, TcpStream, TcpStream) {
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(receiver.local_addr().unwrap()).await.unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = timeout(SOON, receiver.accept()).await.unwrap().unwrap();
    (proxy, receiver, client, server)
}

async fn read(stream: &mut TcpStream, count: usize) -> String {
    let mut bytes = vec![0; count];
    timeout(SOON, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes).unwrap()
}

/// How the stream ends, after how many bytes.
async fn end(stream: &mut TcpStream) -> (io::Result<usize>, usize) {
    let mut bytes = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
    (end, bytes.len())
}

#[tokio::test]
async fn both_directions_and_the_polite_end_pass() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    client.write_all(b"question").await.unwrap();
    assert_eq!(read(&mut server, 8).await, "question");
    client.shutdown().await.unwrap();
    assert_eq!(end(&mut server).await.0.unwrap(), 0);
    server.write_all(b"answer").await.unwrap();
    drop(server);

    assert_eq!(end(&mut client).await.0.unwrap(), 6);
    assert_eq!((proxy.counters().connections, proxy.counters().forwarded_bytes), (1, 8));
}

#[tokio::test]
async fn a_stall_holds_everything_until_it_passes() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.stall();
    client.write_all(b"held").await.unwrap();
    let mut byte = [0];
    assert!(timeout(LITTLE, server.read(&mut byte)).await.is_err());
    proxy.pass().await.unwrap();

    assert_eq!(read(&mut server, 4).await, "held");
}

#[tokio::test]
async fn a_reset_is_a_reset_at_both_ends_and_new_connections_pass() {
    let (proxy, receiver, mut client, mut server) = through().await;

    proxy.reset_all();

    assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(end(&mut server).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = receiver.accept().await.unwrap();
    client.write_all(b"again").await.unwrap();
    assert_eq!(read(&mut server, 5).await, "again");
}

#[tokio::test]
async fn a_refusal_keeps_what_is_there_and_ends_at_the_same_port() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.refuse().await;
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    client.write_all(b"still").await.unwrap();
    assert_eq!(read(&mut server, 5).await, "still");

    proxy.pass().await.unwrap();
    TcpStream::connect(proxy.address()).await.unwrap();
}

#[tokio::test]
async fn exactly_the_allowed_bytes_arrive_before_a_reset() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.reset_after(10);
    client.write_all(b"0123456789").await.unwrap();
    assert_eq!(read(&mut server, 10).await, "0123456789");
    client.write_all(b"x").await.unwrap();

    assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    let (ended, bytes) = end(&mut server).await;
    assert_eq!((ended.unwrap_err().kind(), bytes), (io::ErrorKind::ConnectionReset, 0));
}

#[tokio::test]
async fn swallowed_bytes_are_accepted_and_never_arrive() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.swallow_after(3);
    client.write_all(b"abcdef").await.unwrap();
    assert_eq!(read(&mut server, 3).await, "abc");
    client.shutdown().await.unwrap();

    let (ended, bytes) = end(&mut server).await;
    assert_eq!((ended.unwrap(), bytes), (0, 0));
    assert_eq!(proxy.counters().swallowed_bytes, 3);
}

#[tokio::test]
async fn without_a_receiver_clients_are_reset() {
    let (proxy, receiver, client, server) = through().await;
    drop((receiver, client, server));

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();

    assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(proxy.counters().unreachable, 1);
}

#[tokio::test]
async fn a_slow_receiver_is_felt_by_the_client_and_gets_everything() {
    let (proxy, _receiver, mut client, mut server) = through().await;
    let bytes = 64 << 10;

    proxy.slow(100_000);
    let start = Instant::now();
    client.write_all(&vec![b'x'; bytes]).await.unwrap();
    assert_eq!(read(&mut server, bytes).await.len(), bytes);
    let slow = start.elapsed();

    // all but what passes at once at the end, at 100 kB a second
    assert!((LITTLE * 10..SOON).contains(&slow), "{slow:?}");
    // much more than the proxy takes ahead is not taken
    let much = vec![b'x'; 16 << 20];
    assert!(timeout(LITTLE * 4, client.write_all(&much)).await.is_err());
}

#[tokio::test]
async fn a_pace_that_ends_lets_what_waits_pass_at_once() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.slow(1);
    client.write_all(b"0123456789").await.unwrap();
    assert_eq!(read(&mut server, 1).await, "0");
    proxy.slow(0);

    assert_eq!(read(&mut server, 9).await, "123456789");
}

#[tokio::test]
async fn nothing_passes_before_its_delay() {
    let (proxy, receiver, _client, _server) = through().await;

    proxy.delay(SOON);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    client.write_all(b"late").await.unwrap();
    assert!(timeout(LITTLE, receiver.accept()).await.is_err());
    proxy.pass().await.unwrap();

    let (mut server, _) = timeout(SOON, receiver.accept()).await.unwrap().unwrap();
    assert_eq!(read(&mut server, 4).await, "late");
}

#[tokio::test]
async fn a_delayed_connection_can_be_reset() {
    let (proxy, _receiver, _client, _server) = through().await;

    proxy.delay(10 * SOON);
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(timeout(LITTLE, client.read(&mut [0])).await.is_err());
    proxy.reset_all();

    assert_eq!(end(&mut client).await.0.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_half_closed_connection_has_ended_for_the_client_and_takes_what_it_says() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.half_close_all();
    assert_eq!(end(&mut client).await.0.unwrap(), 0);
    server.write_all(b"unheard").await.unwrap();
    client.write_all(b"still").await.unwrap();

    assert_eq!(read(&mut server, 5).await, "still");
    client.shutdown().await.unwrap();
    assert_eq!(end(&mut server).await.0.unwrap(), 0);
}

#[tokio::test]
async fn a_cut_is_a_polite_end_in_the_middle_at_both_ends() {
    let (proxy, _receiver, mut client, mut server) = through().await;

    proxy.cut_after(3);
    client.write_all(b"abcdef").await.unwrap();

    assert_eq!(read(&mut server, 3).await, "abc");
    assert_eq!(end(&mut server).await.0.unwrap(), 0);
    assert_eq!(end(&mut client).await.0.unwrap(), 0);
}
