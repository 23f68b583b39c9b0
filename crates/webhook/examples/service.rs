//! A service of hyper that takes what Mist signed, and nothing else: `cargo run -p fogbell-webhook --example service`.
//!
//! It listens on loopback without TLS, as behind a proxy on the same machine, posts a message to itself as Mist would, then the
//! same with another signature, and ends.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::convert::Infallible;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use fogbell_webhook::{Admitted, Allowlist, Gate, Message, Organisation, Refusal, SigningSecret};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ids::Timestamp;
use tokio::net::TcpListener;

const SECRET: &[u8] = b"example secret";

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let mut acme = Organisation::new("acme", "/v1/mist");
    acme.secrets.push(SigningSecret::new(SECRET)?);
    // in service: CloudTable::bundled().allowlist(Cloud::Global01)
    acme.allowlist = Allowlist::new(["127.0.0.0/8".parse()?]);
    let gate = Arc::new(Gate::new(vec![acme], 1024 * 1024)?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(serve(listener, gate));

    let body = r#"{"topic":"alarms","events":[{"type":"switch_down","timestamp":1767323045}]}"#;
    let signed = sign(SECRET, body.as_bytes());
    let answers = tokio::task::spawn_blocking(move || -> std::io::Result<_> {
        Ok((post(address, &signed, body)?, post(address, &sign(b"another", body.as_bytes()), body)?))
    });
    let (taken, refused) = answers.await??;
    assert_eq!((taken, refused), (200, 401));
    Ok(())
}

async fn serve(listener: TcpListener, gate: Arc<Gate>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&gate, peer.ip(), request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// 200 only for what is Mist's. Store it before you answer: Mist does not post it again.
async fn answer(
    gate: &Gate,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let status = match admit(gate, peer, request).await {
        Ok(admitted) => {
            let events = Message::parse(admitted.body()).map_or(0, |message| message.events.len());
            println!("{} of {}: {events} event", admitted.topic().name(), admitted.organisation());
            StatusCode::OK
        }
        Err(refusal) => {
            println!("refused: {}", refusal.reason());
            refusal.status()
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

/// The head is judged before a byte of the body is read.
async fn admit(gate: &Gate, peer: IpAddr, request: Request<Incoming>) -> Result<Admitted, Refusal> {
    let (head, body) = request.into_parts();
    let screened = gate.screen(peer, &head)?;
    let most = usize::try_from(gate.max_body_bytes()).unwrap_or(usize::MAX);
    let body = Limited::new(body, most).collect().await.map_err(|_| Refusal::TooLarge)?;
    gate.admit(screened, body.to_bytes(), Timestamp::now())
}

/// What Mist puts into `X-Mist-Signature-v2`.
fn sign(secret: &[u8], body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    ring::hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Posts as Mist does; the status of the answer.
fn post(address: SocketAddr, signature: &str, body: &str) -> std::io::Result<u16> {
    let mut stream = std::net::TcpStream::connect(address)?;
    write!(
        stream,
        "POST /v1/mist HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Mist-Signature-v2: {signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default())
}
