use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::certs::TestCa;
use crate::tls::{TlsVersion, server_config};

const SOON: Duration = Duration::from_secs(5);

/// What one request looked like on the wire.
#[derive(Debug)]
struct Seen {
    head: String,
    body: Vec<u8>,
    peer: SocketAddr,
}

/// A server that gives the `answers` one after another, closing after those that say so.
async fn server(
    tls: Option<TlsAcceptor>,
    answers: &'static [&'static str],
) -> (SocketAddr, mpsc::Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, requests) = mpsc::channel(16);
    tokio::spawn(async move {
        let mut answers = answers.iter();
        while let Ok((stream, peer)) = listener.accept().await {
            match &tls {
                None => serve(stream, peer, &mut answers, &seen).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, peer, &mut answers, &seen).await;
                    }
                }
            }
        }
    });
    (address, requests)
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    answers: &mut std::slice::Iter<'_, &'static str>,
    seen: &mpsc::Sender<Seen>,
) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        seen.send(Seen { head, body, peer }).await.unwrap();
        let answer = answers.next().unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        if answer.is_empty() || answer.contains("Connection: close") {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn ping() -> Delivery {
    Delivery { topic: "ping".into(), body: Bytes::from_static(br#"{"topic":"ping","events":[]}"#) }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_delivery_looks_as_mists_and_the_connection_is_kept() {
    let ca = TestCa::new();
    let config = server_config(&ca.server(&["localhost"]), None, TlsVersion::Both).unwrap();
    let (address, mut requests) = server(Some(config.into()), &[OK, OK]).await;
    let url = format!("https://localhost:{}/v1/mist", address.port());
    let mut post =
        Post::new(&url, &Trust::pem(&ca.pem()).unwrap()).unwrap().connect_to(address).secret(b"s3cret");

    assert_eq!(post.deliver(&ping()).await.unwrap().status, 200);
    assert_eq!(post.deliver(&ping()).await.unwrap().status, 200);

    assert_eq!(post.connections(), 1);
    let seen = requests.recv().await.unwrap();
    let signatures = sign(b"s3cret", &ping().body);
    assert!(seen.head.starts_with("POST /v1/mist HTTP/1.1\r\n"), "{}", seen.head);
    for line in [
        format!("Host: localhost:{}", address.port()),
        "User-Agent: Mist-webhook".into(),
        "Content-Type: application/json".into(),
        format!("Content-Length: {}", ping().body.len()),
        format!("X-Mist-Signature-V2: {}", signatures.v2),
        format!("X-Mist-Signature: {}", signatures.v1),
    ] {
        assert_eq!(seen.head.lines().filter(|seen| *seen == line).count(), 1, "{line} in {}", seen.head);
    }
    assert_eq!(seen.body, ping().body);
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature() {
    let (address, mut requests) = server(None, &[OK]).await;
    let mut post = Post::new(&format!("http://{address}/"), &Trust::danger_any()).unwrap();

    post.deliver(&ping()).await.unwrap();

    assert!(!requests.recv().await.unwrap().head.contains("Signature"));
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_unless_danger_is_asked_for() {
    let (ca, other) = (TestCa::new(), TestCa::new());
    let certificate = ca.server(&["relay.test"]);
    let own = certificate.chain_pem.clone();
    let config = server_config(&certificate, None, TlsVersion::Both).unwrap();
    let (address, _requests) = server(Some(config.into()), &[OK, OK, OK]).await;
    let try_with = async |host: &str, trust: Trust| {
        let url = format!("https://{host}:{}/", address.port());
        Post::new(&url, &trust).unwrap().connect_to(address).deliver(&ping()).await
    };

    let pem = |pem: &str| Trust::pem(pem).unwrap();
    assert!(matches!(try_with("relay.test", pem(&other.pem())).await, Err(PostError::Tls(_))));
    assert!(matches!(try_with("another.test", pem(&ca.pem())).await, Err(PostError::Tls(_))));
    assert!(try_with("relay.test", pem(&ca.pem())).await.is_ok());
    assert!(try_with("another.test", pem(&own)).await.is_ok(), "a certificate given itself is trusted");
    assert!(try_with("another.test", Trust::danger_any()).await.is_ok());
    assert!(matches!(Trust::pem("no PEM"), Err(TlsError::Pem)));
}

#[tokio::test]
async fn it_tries_again_only_as_told() {
    const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
    let (address, mut requests) = server(None, &[BUSY, BUSY, "", OK]).await;
    let mut post = Post::new(&format!("http://{address}/"), &Trust::danger_any()).unwrap();

    let answer = post.deliver(&ping()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.attempts, &*answer.body), (503, 1, &b"busy"[..]));

    let mut post = post.retry(Retry { attempts: 5, pause: Duration::from_millis(1) });
    let answer = post.deliver(&ping()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.attempts), (200, 3));
    for _ in 0..4 {
        requests.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced() {
    let close = "HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let answers: &'static [&'static str] = Box::leak(Box::new([close, OK]));
    let (address, _requests) = server(None, answers).await;
    let mut post = Post::new(&format!("http://{address}/"), &Trust::danger_any()).unwrap();

    assert_eq!(post.deliver(&ping()).await.unwrap().status, 401);
    assert_eq!(post.deliver(&ping()).await.unwrap().status, 200);
    assert_eq!(post.connections(), 2);
}

#[tokio::test]
async fn it_comes_from_the_address_it_is_told() {
    let (address, mut requests) = server(None, &[OK]).await;
    let source = IpAddr::from(Ipv4Addr::new(127, 0, 0, 9));
    let mut post = Post::new(&format!("http://{address}/"), &Trust::danger_any()).unwrap().source(source);

    post.deliver(&ping()).await.unwrap();

    assert_eq!(requests.recv().await.unwrap().peer.ip(), source);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut post = Post::new(&url, &Trust::danger_any()).unwrap().deadline(Duration::from_millis(30));

    let answer = timeout(SOON, post.deliver(&ping())).await.unwrap();

    assert!(matches!(answer, Err(PostError::Deadline(_))), "{answer:?}");
}

#[test]
fn only_a_url_that_can_be_posted_to_is_taken() {
    for url in ["", "localhost:1", "ftp://localhost/", "https:///path", "http://a b/"] {
        assert!(matches!(Post::new(url, &Trust::danger_any()), Err(PostError::Url(_))), "{url}");
    }
}
