//! A server that answers as the test says and remembers what it was asked.

#![allow(dead_code, reason = "each of the tests that include this uses a part of it")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fogbell_mist::{ApiToken, Client, Retry, Settings};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use testkit::TestCa;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The head as it came, its names in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, v)| v)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// What is written, and what happens to the connection behind it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    Keep,
    /// Ends without a word.
    Cut,
    Reset,
    /// Says nothing more and stays.
    Hang,
    /// Goes on for as long as somebody listens.
    Flood,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "Content-Type: application/json\r\n", &body.to_string())
    }

    pub(crate) fn of(status: u16, headers: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        Self { bytes: (head + body).into_bytes(), then: Then::Keep }
    }

    /// Nothing, for as long as the client waits.
    pub(crate) fn none() -> Self {
        Self { bytes: Vec::new(), then: Then::Hang }
    }

    /// The end of the connection instead of an answer.
    pub(crate) fn closed() -> Self {
        Self { bytes: Vec::new(), then: Then::Cut }
    }

    /// A body without an end.
    pub(crate) fn flood() -> Self {
        let head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
        Self { bytes: head.into(), then: Then::Flood }
    }

    /// The first half of it, then the end of the connection.
    pub(crate) fn cut(mut self) -> Self {
        self.bytes.truncate(self.bytes.len() / 2);
        Self { then: Then::Cut, ..self }
    }

    /// The same with the connection reset.
    pub(crate) fn reset(self) -> Self {
        Self { then: Then::Reset, ..self.cut() }
    }

    /// The same with the connection closed behind it.
    pub(crate) fn last(self) -> Self {
        Self { then: Then::Cut, ..self }
    }
}

type Script = Arc<dyn Fn(usize, &Asked) -> Reply + Send + Sync>;

/// A server on loopback; it ends when it is dropped.
pub(crate) struct Server {
    ca: TestCa,
    address: SocketAddr,
    plain: bool,
    record: Arc<Record>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Record {
    connections: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl Server {
    /// Answers the request of each number, from 0, with what `script` says.
    pub(crate) async fn start(script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(false, &["localhost", "127.0.0.1"], Arc::new(script)).await
    }

    /// The same without TLS.
    pub(crate) async fn plain(script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::listen(true, &["localhost"], Arc::new(script)).await
    }

    /// The same with a certificate for other names.
    pub(crate) async fn named(
        names: &[&str],
        script: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(false, names, Arc::new(script)).await
    }

    async fn listen(plain: bool, names: &[&str], script: Script) -> Self {
        let ca = TestCa::new();
        let certificate = ca.server(names);
        let chain =
            CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Record::default());
        let shared = Arc::clone(&record);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, script, record) = (acceptor.clone(), Arc::clone(&script), Arc::clone(&shared));
                tokio::spawn(async move {
                    if plain {
                        serve(stream, &script, &record, |stream| stream).await;
                    } else if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &script, &record, |stream| stream.get_ref().0).await;
                    }
                });
            }
        });
        Self { ca, address, plain, record, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Settings that trust this server, with a token `FAKE-TOKEN` and pauses that no test notices.
    pub(crate) fn settings(&self) -> Settings {
        let host = format!("localhost:{}", self.address.port()).parse().unwrap();
        let mut settings = Settings::new(host, ApiToken::new(TOKEN).unwrap());
        settings.ca = Some(self.ca.pem().into_bytes());
        settings.retry = Retry {
            tries: 4,
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
        };
        settings.patience = Duration::ZERO;
        settings.danger_plain_http = self.plain;
        settings
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }

    /// A client with one setting changed.
    pub(crate) fn client_with(&self, change: impl FnOnce(&mut Settings)) -> Client {
        let mut settings = self.settings();
        change(&mut settings);
        Client::new(settings).unwrap()
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.record.asked.lock().unwrap().clone()
    }

    /// Paths that were asked for so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.record.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: &Script,
    record: &Record,
    tcp: impl Fn(&S) -> &TcpStream,
) {
    while let Some(asked) = read(&mut stream).await {
        let number = {
            let mut all = record.asked.lock().unwrap();
            all.push(asked.clone());
            all.len() - 1
        };
        let reply = script(number, &asked);
        if stream.write_all(&reply.bytes).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        match reply.then {
            Then::Keep => {}
            Then::Cut => return,
            Then::Reset => {
                tcp(&stream).set_zero_linger().unwrap();
                return;
            }
            Then::Hang => {
                // until the client has had enough
                let _ = stream.read(&mut [0]).await;
                return;
            }
            Then::Flood => {
                let chunk = format!("{:x}\r\n{}\r\n", 4096, "[".repeat(4096));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
                return;
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).unwrap();
    let (line, rest) = text.split_once("\r\n")?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let head: Vec<String> = rest
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| format!("{}: {value}", name.to_lowercase()))
        .collect();
    let mut asked = Asked {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        head: head.join("\n"),
        body: String::new(),
    };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}

pub(crate) const TOKEN: &str = "FAKE-TOKEN";
