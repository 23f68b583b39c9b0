//! A TLS client that verifies at a time of its own and keeps its connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::signature::sign;

/// A connection whose certificate was verified.
#[derive(Debug)]
pub struct TlsClient {
    stream: StreamOwned<ClientConnection, TcpStream>,
    leaf: Vec<u8>,
}

/// A clock that is ahead.
#[derive(Debug)]
struct Ahead(Duration);

impl TimeProvider for Ahead {
    fn current_time(&self) -> Option<UnixTime> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(UnixTime::since_unix_epoch(now + self.0))
    }
}

impl TlsClient {
    /// Connects to `address` for `name`, trusting the certificates in the PEM file `root` and no others, by a clock that is
    /// `ahead`.
    ///
    /// # Errors
    ///
    /// What went wrong, in words: the certificate, above all.
    pub fn connect(address: &str, name: &str, root: &Path, ahead: Duration) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(root).map_err(|error| error.to_string())? {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_details(provider, Arc::new(Ahead(ahead)))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        let client = ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
        let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
        socket.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let mut stream = StreamOwned::new(client, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| error.to_string())?;
        }
        let leaf = stream.conn.peer_certificates().and_then(|chain| chain.first());
        let leaf = leaf.ok_or("it showed no certificate")?.to_vec();
        Ok(Self { stream, leaf })
    }

    /// The certificate it was shown, in DER.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// Posts `body` to `path`, signed with `secret`, on the same connection; the status of the answer.
    ///
    /// # Errors
    ///
    /// What went wrong, in words.
    pub fn post(&mut self, path: &str, secret: &str, body: &str) -> Result<u16, String> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             X-Mist-Signature-v2: {}\r\n\r\n{body}",
            body.len(),
            sign(secret, body.as_bytes())
        );
        self.stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        let mut head = Vec::new();
        let mut byte = [0];
        // a 200 of the relay has no body
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte).map_err(|error| error.to_string())? {
                0 => return Err("the connection was closed".to_owned()),
                _ => head.push(byte[0]),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.ok_or_else(|| format!("no answer but `{head}`"))
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
