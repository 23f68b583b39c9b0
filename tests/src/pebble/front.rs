//! A front for pebble that does what pebble 2.4 cannot: limit how often it may be asked, and say when to renew.
//!
//! Requests go on with the name that the client used, so pebble makes its URLs of the front's address and takes the
//! signatures over them. What a limited answer looks like: RFC 8555 6.6; renewal information: RFC 9773 4.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::Pebble;

/// A running front; it ends with the process.
#[derive(Clone, Debug)]
pub struct Front {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    behind: String,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    limited: AtomicBool,
    orders: AtomicU64,
    refused: AtomicU64,
    window: Mutex<Option<(String, String)>>,
}

impl Front {
    /// Starts one in front of `pebble`, with its certificates.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    #[must_use]
    pub fn start(pebble: &Pebble) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certs = pebble.certs();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certs.ca()).expect("PEM")).expect("a root");
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_file(certs.server()).expect("PEM")],
                PrivateKeyDer::from_pem_file(certs.server_key()).expect("PEM"),
            )
            .expect("key and certificate match");
        let state = Arc::new(State {
            behind: pebble.address(),
            server: Arc::new(server),
            client: Arc::new(client),
            limited: AtomicBool::new(false),
            orders: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            window: Mutex::new(None),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // who goes away in the middle is not looked after
                thread::spawn(move || state.serve(stream));
            }
        });
        Self { address, state }
    }

    /// URL of the directory through it.
    #[must_use]
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// Whether new orders are answered 429, with a `Retry-After` of an hour.
    pub fn limit(&self, limited: bool) {
        self.state.limited.store(limited, Ordering::SeqCst);
    }

    /// Says of every certificate that it is to be renewed between these times (RFC 3339).
    pub fn set_window(&self, start: &str, end: &str) {
        let mut window = self.state.window.lock().unwrap_or_else(PoisonError::into_inner);
        *window = Some((start.to_owned(), end.to_owned()));
    }

    /// New orders that were asked for, and how many of them were answered 429.
    #[must_use]
    pub fn orders(&self) -> (u64, u64) {
        (self.state.orders.load(Ordering::SeqCst), self.state.refused.load(Ordering::SeqCst))
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let server = ServerConnection::new(Arc::clone(&self.server)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(server, stream);
        let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
        let answer = self.answer(&request)?;
        stream.write_all(&answer)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn answer(&self, request: &Request) -> io::Result<Vec<u8>> {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some((start, end)), true) = (&window, request.path().starts_with(RENEWAL_INFO)) {
            let body = format!("{{\"suggestedWindow\":{{\"start\":\"{start}\",\"end\":\"{end}\"}}}}");
            return Ok(plain("200 OK", "application/json", "Retry-After: 21600\r\n", &body));
        }
        if request.path().contains("order-plz") {
            self.orders.fetch_add(1, Ordering::SeqCst);
            if self.limited.load(Ordering::SeqCst) {
                self.refused.fetch_add(1, Ordering::SeqCst);
                let body = "{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many certificates \
                            already issued\",\"status\":429}";
                return Ok(plain(
                    "429 Too Many Requests",
                    "application/problem+json",
                    "Retry-After: 3600\r\n",
                    body,
                ));
            }
        }
        let answer = self.forward(request)?;
        if window.is_some() && request.path() == "/dir" {
            return Ok(with_renewal_info(&answer, request.host()));
        }
        Ok(answer)
    }

    /// Asks pebble the same on a connection of its own.
    fn forward(&self, request: &Request) -> io::Result<Vec<u8>> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::clone(&self.client), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, TcpStream::connect(&self.behind)?);
        stream.write_all(&request.closing())?;
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            // it closes without a goodbye
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(answer),
        }
    }
}

/// A request as it came.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read(&mut buffer)? {
                0 => return Ok(None),
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        };
        let mut body = bytes.split_off(end);
        let head = String::from_utf8(bytes).map_err(io::Error::other)?;
        let this = Self { head, body: Vec::new() };
        let length = this.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while body.len() < length {
            match stream.read(&mut buffer)? {
                0 => return Ok(None),
                read => body.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(Some(Self { body, ..this }))
    }

    fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn host(&self) -> &str {
        self.field("host").unwrap_or_default()
    }

    fn field(&self, wanted: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    }

    /// The same, after whose answer the connection is closed.
    fn closing(&self) -> Vec<u8> {
        let kept = self.head.lines().filter(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !line.is_empty() && !name.eq_ignore_ascii_case("connection")
        });
        let mut bytes: Vec<u8> = kept.flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn plain(status: &str, kind: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{fields}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A directory that also names where renewal information is.
fn with_renewal_info(answer: &[u8], host: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let (start, end) = (text.find('{'), text.rfind('}'));
    let (Some(start), Some(end)) = (start, end) else { return answer.to_vec() };
    let directory: Result<serde_json::Value, _> = serde_json::from_str(&text[start..=end]);
    let Ok(mut directory) = directory else { return answer.to_vec() };
    directory["renewalInfo"] = format!("https://{host}{}", RENEWAL_INFO.trim_end_matches('/')).into();
    plain("200 OK", "application/json", "", &directory.to_string())
}

const RENEWAL_INFO: &str = "/renewal-info/";
