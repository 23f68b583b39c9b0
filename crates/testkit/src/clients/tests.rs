use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::certs::TestCa;
use crate::tls::{TlsVersion, server_config};

const SOON: Duration = Duration::from_secs(5);
const LITTLE: Duration = Duration::from_millis(50);
const BYTE: Duration = Duration::from_millis(1);

/// A server that treats its only connection as `behave` says; its result is what that gives back.
async fn server<F: Future<Output = Vec<u8>> + Send + 'static>(
    behave: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
        behave(stream).await
    });
    (address, task)
}

/// Reads until `count` bytes are there, answers, and closes.
async fn after(
    count: usize,
    answer: &'static [u8],
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Vec<u8> {
    let mut bytes = vec![0; count];
    timeout(SOON, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.unwrap();
    bytes
}

#[tokio::test]
async fn raw_sends_exactly_its_bytes_and_gives_back_the_answer() {
    let request = b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx";
    let (address, server) = server(|stream| after(request.len(), b"HTTP/1.1 400 Bad\r\n\r\n", stream)).await;

    let outcome = raw(&Target::plain(address), request, SOON).await.unwrap();

    assert_eq!(server.await.unwrap(), request);
    assert_eq!((outcome.end, outcome.written, outcome.statuses()), (End::Closed, request.len(), vec![400]));
    assert!(outcome.lasted < SOON);
}

#[tokio::test]
async fn raw_over_tls_tells_a_polite_end_from_an_abrupt_one() {
    for (polite, end) in [(true, End::Closed), (false, End::ClosedWithoutNotify)] {
        let ca = TestCa::new();
        let config = server_config(&ca.server(&["127.0.0.1"]), None, TlsVersion::Both).unwrap();
        let (address, server) = server(move |stream| async move {
            let mut stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
            if polite {
                return after(4, b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 204 No\r\n\r\n", stream).await;
            }
            let mut bytes = vec![0; 4];
            stream.read_exact(&mut bytes).await.unwrap();
            stream.get_mut().0.shutdown().await.unwrap();
            bytes
        })
        .await;

        let target = Target::tls(address, Trust::pem(&ca.pem()).unwrap());
        let outcome = raw(&target, b"ping", SOON).await.unwrap();

        assert_eq!(server.await.unwrap(), b"ping");
        assert_eq!(outcome.end, end);
        assert_eq!(outcome.statuses(), if polite { vec![200, 204] } else { vec![] });
    }
}

#[tokio::test]
async fn what_is_offered_in_tls_is_what_the_server_is_asked_for() {
    for (offered, agreed) in [(&["h2", "http/1.1"][..], Some(&b"http/1.1"[..])), (&[], None)] {
        let ca = TestCa::new();
        let mut config = server_config(&ca.server(&["127.0.0.1"]), None, TlsVersion::Both).unwrap();
        Arc::make_mut(&mut config).alpn_protocols = vec![b"http/1.1".to_vec()];
        let (address, server) = server(move |stream| async move {
            let stream = TlsAcceptor::from(config).accept(stream).await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            after(0, b"", stream).await;
            agreed.unwrap_or_default()
        })
        .await;

        let target = Target::tls(address, Trust::pem(&ca.pem()).unwrap()).offering(offered);
        idle(&target, SOON).await.unwrap();

        assert_eq!(server.await.unwrap(), agreed.unwrap_or_default());
    }
}

#[tokio::test]
async fn a_reset_and_an_open_end_are_told_apart() {
    let (address, _server) = server(|stream| async move {
        stream.set_zero_linger().unwrap();
        vec![]
    })
    .await;
    assert_eq!(silent(&Target::plain(address), SOON).await.unwrap().end, End::Reset);

    let (address, server) = server(|mut stream| async move {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    })
    .await;
    let outcome = silent(&Target::plain(address), LITTLE).await.unwrap();
    assert_eq!((outcome.end, outcome.written), (End::StillOpen, 0));
    assert!(outcome.lasted >= LITTLE);
    assert_eq!(server.await.unwrap(), b"");
}

#[tokio::test]
async fn half_a_client_hello_is_half_of_one() {
    let (address, server) = server(|mut stream| async move {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    })
    .await;

    let outcome = half_client_hello(&Target::plain(address), LITTLE).await.unwrap();

    let sent = server.await.unwrap();
    let announced = usize::from(u16::from_be_bytes([sent[3], sent[4]])) + 5;
    assert_eq!((sent[0], outcome.written, announced / 2), (22, sent.len(), sent.len()));
}

#[tokio::test]
async fn slow_clients_go_on_byte_by_byte_until_they_are_cut() {
    let head = "POST /v1/mist HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let (address, server_header) = server(|stream| after(head.len() + 10, b"", stream)).await;
    let outcome = slow_header(&Target::plain(address), "/v1/mist", BYTE, SOON).await.unwrap();
    assert_eq!(server_header.await.unwrap(), format!("{head}aaaaaaaaaa").as_bytes());
    assert!(outcome.lasted >= 10 * BYTE && outcome.end != End::StillOpen, "{outcome:?}");

    let (address, server_body) = server(|mut stream| async move {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n ") {
            bytes.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 408 Slow\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        bytes
    })
    .await;
    let outcome = slow_body(&Target::plain(address), "/", "X-A: b\r\n", 1000, BYTE, SOON).await.unwrap();
    let sent = String::from_utf8(server_body.await.unwrap()).unwrap();
    assert!(sent.contains("\r\nX-A: b\r\nContent-Length: 1000\r\n\r\n"), "{sent}");
    assert_eq!(outcome.statuses(), [408]);

    let (address, server_hello) = server(|stream| after(20, b"", stream)).await;
    let outcome = slow_handshake(&Target::plain(address), BYTE, SOON).await.unwrap();
    assert_eq!(server_hello.await.unwrap()[0], 22);
    assert!(outcome.lasted >= 20 * BYTE, "{outcome:?}");
}

#[tokio::test]
async fn the_preface_is_that_of_http_2() {
    let (address, server) = server(|stream| after(33, b"", stream)).await;

    http2_preface(&Target::plain(address), SOON).await.unwrap();

    assert!(server.await.unwrap().starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04"));
}
