//! Badly behaved HTTPS clients.
//!
//! Each does one wrong thing on one connection, waits for what the server does, and tells it as an
//! [`Outcome`]. What is written and when is exact: there is no HTTP library in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use crate::mist::post::connect_from;
use crate::tls::{Trust, server_name};

/// The server that is treated badly.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether there is TLS, and whom it trusts.
    pub tls: Option<Trust>,
    /// The name asked for in TLS; the address itself unless given.
    pub name: Option<String>,
    /// Where the client connects from, as in `127.0.0.2`; the system's choice unless given.
    pub source: Option<IpAddr>,
    /// The protocols offered in TLS (ALPN, RFC 7301), the most wanted one first; none unless given.
    pub protocols: Vec<&'static str>,
}

impl Target {
    /// A server without TLS.
    #[must_use]
    pub const fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None, name: None, source: None, protocols: Vec::new() }
    }

    /// A server with TLS.
    #[must_use]
    pub const fn tls(address: SocketAddr, trust: Trust) -> Self {
        Self { address, tls: Some(trust), name: None, source: None, protocols: Vec::new() }
    }

    /// The same, connecting from `source`.
    #[must_use]
    pub const fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// The same, offering `protocols` in TLS.
    #[must_use]
    pub fn offering(mut self, protocols: &[&'static str]) -> Self {
        self.protocols = protocols.to_vec();
        self
    }

    fn client_config(&self, trust: &Trust) -> Arc<ClientConfig> {
        let mut config = trust.client_config();
        let offered = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec());
        Arc::make_mut(&mut config).alpn_protocols = offered.collect();
        config
    }
}

/// What the server did.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// Everything it answered: inside TLS, except where a function says otherwise.
    pub answer: Vec<u8>,
    /// How the connection ended.
    pub end: End,
    /// From where the connection was asked for to its end, or to the deadline: with the handshake.
    pub lasted: Duration,
    /// How many bytes were written before the end.
    pub written: usize,
}

impl Outcome {
    /// The answer as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer).into_owned()
    }

    /// The statuses of the answers, in order.
    #[must_use]
    pub fn statuses(&self) -> Vec<u16> {
        let text = self.text();
        let starts = text.match_indices("HTTP/1.").map(|(index, _)| &text[index..]);
        starts.filter_map(|head| head.split(' ').nth(1)?.get(..3)?.parse().ok()).collect()
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The server closed it: FIN, with TLS after `close_notify`.
    Closed,
    /// The server closed it with FIN in the middle of TLS, without `close_notify`.
    ClosedWithoutNotify,
    /// The server reset it.
    Reset,
    /// It ended in another way, a fatal TLS alert among them.
    Failed,
    /// It was still there at the deadline.
    StillOpen,
}

/// Connects, and sends nothing at all, not even a TLS handshake. The answer is what came over TCP.
///
/// # Errors
///
/// When there is no connection.
pub async fn silent(target: &Target, deadline: Duration) -> io::Result<Outcome> {
    let start = Instant::now();
    let stream = connect_from(target.source, target.address).await?;
    Ok(exchange(stream, Script::at_once(b""), start, start + deadline).await)
}

/// Connects, sends the first half of a TLS ClientHello, then nothing. The answer is what came over TCP.
///
/// # Errors
///
/// When there is no connection.
pub async fn half_client_hello(target: &Target, deadline: Duration) -> io::Result<Outcome> {
    let hello = client_hello(target)?;
    let start = Instant::now();
    let stream = connect_from(target.source, target.address).await?;
    Ok(exchange(stream, Script::at_once(&hello[..hello.len() / 2]), start, start + deadline).await)
}

/// Connects and sends a whole TLS ClientHello, one byte every `every`. The answer is what came over TCP.
///
/// # Errors
///
/// When there is no connection.
pub async fn slow_handshake(target: &Target, every: Duration, deadline: Duration) -> io::Result<Outcome> {
    let hello = client_hello(target)?;
    let start = Instant::now();
    let stream = connect_from(target.source, target.address).await?;
    Ok(exchange(stream, Script { head: b"", slow: &hello, every }, start, start + deadline).await)
}

/// Connects, with the handshake when there is TLS, and sends nothing.
///
/// # Errors
///
/// When there is no connection, or the handshake fails.
pub async fn idle(target: &Target, deadline: Duration) -> io::Result<Outcome> {
    raw(target, b"", deadline).await
}

/// Starts a request to `path` and sends a header that does not end, one byte every `every`.
///
/// # Errors
///
/// When there is no connection, or the handshake fails.
pub async fn slow_header(
    target: &Target,
    path: &str,
    every: Duration,
    deadline: Duration,
) -> io::Result<Outcome> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    run(target, Script { head: head.as_bytes(), slow: &[b'a'; MAX_SLOW], every }, deadline).await
}

/// Sends the whole head of a request to `path` whose body is to have `length` bytes, and the body one byte
/// every `every`. `headers` are further header lines, each ended by CRLF.
///
/// # Errors
///
/// When there is no connection, or the handshake fails.
pub async fn slow_body(
    target: &Target,
    path: &str,
    headers: &str,
    length: usize,
    every: Duration,
    deadline: Duration,
) -> io::Result<Outcome> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    let body = vec![b' '; length.min(MAX_SLOW)];
    run(target, Script { head: head.as_bytes(), slow: &body, every }, deadline).await
}

/// Sends HTTP/2's connection preface and an empty SETTINGS frame (RFC 9113 section 3.4), without asking for
/// HTTP/2 in TLS.
///
/// # Errors
///
/// When there is no connection, or the handshake fails.
pub async fn http2_preface(target: &Target, deadline: Duration) -> io::Result<Outcome> {
    raw(target, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", deadline).await
}

/// Sends exactly `bytes` and reads until the server closes; writing goes on while the answer is read, so a
/// server that answers early is seen to.
///
/// # Errors
///
/// When there is no connection, or the handshake fails.
pub async fn raw(target: &Target, bytes: &[u8], deadline: Duration) -> io::Result<Outcome> {
    run(target, Script::at_once(bytes), deadline).await
}

/// What is written: `head` at once, then `slow` byte by byte.
struct Script<'a> {
    head: &'a [u8],
    slow: &'a [u8],
    every: Duration,
}

impl<'a> Script<'a> {
    const fn at_once(head: &'a [u8]) -> Self {
        Self { head, slow: b"", every: Duration::ZERO }
    }
}

async fn run(target: &Target, script: Script<'_>, deadline: Duration) -> io::Result<Outcome> {
    let start = Instant::now();
    let until = start + deadline;
    let stream = connect_from(target.source, target.address).await?;
    let Some(trust) = &target.tls else {
        return Ok(exchange(stream, script, start, until).await);
    };
    let name = server_name(target.name.as_deref(), target.address).map_err(invalid)?;
    let handshake = TlsConnector::from(target.client_config(trust)).connect(name, stream);
    let stream =
        timeout_at(until, handshake).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(exchange(stream, script, start, until).await)
}

/// Writes and reads at the same time until the server ends the connection or the deadline passes.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script<'_>,
    start: Instant,
    until: Instant,
) -> Outcome {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut written = 0;
    let mut answer = Vec::new();
    let write = async {
        // A failure to write is left to the reader: what the server said before may still be there.
        if writing.write_all(script.head).await.is_err() || writing.flush().await.is_err() {
            return;
        }
        written += script.head.len();
        for byte in script.slow.chunks(1) {
            sleep(script.every).await;
            if writing.write_all(byte).await.is_err() || writing.flush().await.is_err() {
                return;
            }
            written += 1;
        }
    };
    let read = async {
        let mut buffer = vec![0; 16 << 10];
        loop {
            match reading.read(&mut buffer).await {
                Ok(0) => return End::Closed,
                Ok(count) if answer.len() < MAX_ANSWER => answer.extend_from_slice(&buffer[..count]),
                Ok(_) => {}
                Err(error) => return End::of(&error),
            }
        }
    };
    let both = async {
        let (mut write, mut read) = (std::pin::pin!(write), std::pin::pin!(read));
        tokio::select! {
            end = &mut read => end,
            () = &mut write => read.await,
        }
    };
    let end = timeout_at(until, both).await.unwrap_or(End::StillOpen);
    Outcome { answer, end, lasted: start.elapsed(), written }
}

impl End {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::UnexpectedEof => Self::ClosedWithoutNotify,
            _ => Self::Failed,
        }
    }
}

fn client_hello(target: &Target) -> io::Result<Vec<u8>> {
    let config = target.tls.clone().unwrap_or_else(Trust::danger_any).client_config();
    let name = server_name(target.name.as_deref(), target.address).map_err(invalid)?;
    let mut connection = ClientConnection::new(Arc::clone(&config), name).map_err(invalid)?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello)?;
    Ok(hello)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

const MAX_SLOW: usize = 64 << 10;
const MAX_ANSWER: usize = 4 << 20;

#[cfg(test)]
mod tests;
