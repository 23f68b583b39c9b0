//! A client that posts as Mist does.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::Delivery;
use super::sign::sign;
use crate::tls::{TlsError, Trust, server_name};

/// Posts deliveries over HTTP/1.1 with keep-alive, one at a time, with the headers Mist sends.
///
/// The connection is made at the first post and again whenever it was closed in between. Mist is not known to
/// retry; neither does this, unless told to by [`Self::retry`].
pub struct Post {
    uri: Uri,
    authority: HeaderValue,
    tls: Option<Arc<ClientConfig>>,
    secret: Option<Zeroizing<Vec<u8>>>,
    connect_to: Option<SocketAddr>,
    source: Option<IpAddr>,
    deadline: Duration,
    retry: Retry,
    connection: Option<Connection>,
    connections: u64,
}

/// When a [`Post`] tries again: after a failure to connect, no answer, or an answer of 500 or more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retry {
    /// How often one delivery is posted at most; at least once.
    pub attempts: u32,
    /// How long to wait between two attempts.
    pub pause: Duration,
}

impl Retry {
    /// One attempt.
    pub const NEVER: Self = Self { attempts: 1, pause: Duration::ZERO };
}

/// What the server answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most a mebibyte.
    pub body: Bytes,
    /// How many attempts it took.
    pub attempts: u32,
    /// From the start of the last attempt to the end of the answer, a new connection included.
    pub took: Duration,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Post {
    /// Posts to `url`, `https` or `http`, whose server is judged by `trust`.
    ///
    /// # Errors
    ///
    /// [`PostError::Url`] when that is no such URL.
    pub fn new(url: &str, trust: &Trust) -> Result<Self, PostError> {
        let wrong = || PostError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("https") => Some(trust.client_config()),
            Some("http") => None,
            _ => return Err(wrong()),
        };
        Ok(Self {
            uri,
            authority,
            tls,
            secret: None,
            connect_to: None,
            source: None,
            deadline: Duration::from_secs(10),
            retry: Retry::NEVER,
            connection: None,
            connections: 0,
        })
    }

    /// Signs with `secret` from now on; without a secret, as with Mist, there is no signature.
    #[must_use]
    pub fn secret(mut self, secret: &[u8]) -> Self {
        self.secret = Some(Zeroizing::new(secret.to_vec()));
        self
    }

    /// Connects to `address` whatever the URL's host is.
    #[must_use]
    pub const fn connect_to(mut self, address: SocketAddr) -> Self {
        self.connect_to = Some(address);
        self
    }

    /// Connects from `address`, as in `127.0.0.2`.
    #[must_use]
    pub const fn source(mut self, address: IpAddr) -> Self {
        self.source = Some(address);
        self
    }

    /// Gives an attempt so long, connecting included; 10 s unless told otherwise.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Tries again as `retry` says.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// How many connections were made so far.
    #[must_use]
    pub const fn connections(&self) -> u64 {
        self.connections
    }

    /// Posts `delivery`, signed when there is a secret.
    ///
    /// # Errors
    ///
    /// The last attempt's [`PostError`]. An answer of whatever status is no error.
    pub async fn deliver(&mut self, delivery: &Delivery) -> Result<Answer, PostError> {
        let mut headers = Self::headers();
        if let Some(secret) = &self.secret {
            sign(secret, &delivery.body).apply(&mut headers);
        }
        self.post(headers, delivery.body.clone()).await
    }

    /// The headers of a delivery without signature: `User-Agent: Mist-webhook` and
    /// `Content-Type: application/json`. Source: Juniper, "Webhook Messages".
    #[must_use]
    pub fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Mist-webhook"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
    }

    /// Posts `body` with exactly `headers`, besides `Host` and `Content-Length`.
    ///
    /// # Errors
    ///
    /// The last attempt's [`PostError`].
    pub async fn post(&mut self, headers: HeaderMap, body: Bytes) -> Result<Answer, PostError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let start = Instant::now();
            let result = match timeout(self.deadline, self.attempt(&headers, &body)).await {
                Ok(result) => result,
                Err(_) => Err(PostError::Deadline(self.deadline)),
            };
            let good = result.as_ref().is_ok_and(|(status, ..)| !status.is_server_error());
            if result.is_err() {
                self.connection = None;
            }
            if good || attempts >= self.retry.attempts {
                let took = start.elapsed();
                return result.map(|(status, headers, body)| Answer {
                    status,
                    headers,
                    body,
                    attempts,
                    took,
                });
            }
            sleep(self.retry.pause).await;
        }
    }

    async fn attempt(
        &mut self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), PostError> {
        loop {
            let fresh = self.connect().await?;
            let connection = self.connection.as_mut().expect("connected right before");
            let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
            let mut request = Request::post(path)
                .body(Full::new(body.clone()))
                .expect("a path out of a URL makes a request");
            request.headers_mut().insert(header::HOST, self.authority.clone());
            request.headers_mut().extend(headers.clone());
            match connection.sender.send_request(request).await {
                Ok(answer) => {
                    let (parts, body) = answer.into_parts();
                    let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(PostError::Answer)?;
                    return Ok((parts.status, parts.headers, body.to_bytes()));
                }
                // The server closed the kept connection before any of this was sent: nothing is repeated.
                Err(error) if error.is_canceled() && !fresh => self.connection = None,
                Err(error) => return Err(PostError::Http(error)),
            }
        }
    }

    /// Makes sure of a connection; says whether it is a new one.
    async fn connect(&mut self) -> Result<bool, PostError> {
        if let Some(connection) = &mut self.connection
            && connection.sender.ready().await.is_ok()
        {
            return Ok(false);
        }
        self.connection = None;
        let host = self.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = self.uri.port_u16().unwrap_or_else(|| if self.tls.is_some() { 443 } else { 80 });
        let address = match self.connect_to {
            Some(address) => address,
            None => lookup_host((host, port))
                .await
                .map_err(PostError::Connect)?
                .next()
                .ok_or_else(|| PostError::Connect(io::ErrorKind::NotFound.into()))?,
        };
        let stream = connect_from(self.source, address).await.map_err(PostError::Connect)?;
        self.connections += 1;
        let connection = match &self.tls {
            None => handshake(stream).await?,
            Some(config) => {
                let name = server_name(Some(host), address).map_err(PostError::Name)?;
                let connector = TlsConnector::from(Arc::clone(config));
                handshake(connector.connect(name, stream).await.map_err(PostError::Tls)?).await?
            }
        };
        self.connection = Some(connection);
        Ok(true)
    }
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post").field("uri", &self.uri).finish_non_exhaustive()
    }
}

/// Connects to `address`, from `source` when given.
pub(crate) async fn connect_from(source: Option<IpAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, PostError> {
    let (sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(PostError::Http)?;
    let task = tokio::spawn(async move {
        let _ = connection.await; // its error comes out of the request
    });
    Ok(Connection { sender, task })
}

/// Why there is no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PostError {
    /// Not a URL of `https` or `http` with a host.
    #[error("`{0}` is not a URL that can be posted to")]
    Url(String),
    /// No connection.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// A host that no certificate can name.
    #[error("no TLS to this host")]
    Name(#[source] TlsError),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    /// The server closed, reset, or answered what is not HTTP.
    #[error("no answer")]
    Http(#[source] hyper::Error),
    /// The answer's body broke off or is longer than a mebibyte.
    #[error("no whole answer")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The deadline passed.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
}

const MAX_ANSWER: usize = 1 << 20;

#[cfg(test)]
mod tests;
