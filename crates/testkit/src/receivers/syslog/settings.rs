//! What a receiver of syslog is started with.

use std::net::{Ipv4Addr, SocketAddr};

use crate::TestCertificate;
use crate::inbox::CAPACITY;
use crate::tls::TlsVersion;

/// How messages come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Transport {
    /// One message per datagram (RFC 5426).
    Udp,
    /// A stream (RFC 6587).
    Tcp,
    /// A stream inside TLS (RFC 5425).
    Tls,
}

/// What a [`SyslogReceiver`](crate::SyslogReceiver) is started with.
#[derive(Debug)]
#[non_exhaustive]
pub struct SyslogSettings {
    /// How messages come; for [`Transport::Tls`], `tls` is needed.
    pub transport: Transport,
    /// Where to listen; port 0 is any free one.
    pub address: SocketAddr,
    /// How many of the newest messages are kept.
    pub capacity: usize,
    /// Size of the socket's receive buffer in bytes, when not the system's choice. With a small one the
    /// sender of a stream soon notices a stall. The kernel doubles it.
    pub receive_buffer: Option<u32>,
    /// The server's side of TLS.
    pub tls: Option<TlsSettings>,
}

impl SyslogSettings {
    /// `transport` on any free port of `127.0.0.1`, without TLS settings.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            capacity: CAPACITY,
            receive_buffer: None,
            tls: None,
        }
    }
}

/// The server's side of TLS.
#[derive(Debug)]
#[non_exhaustive]
pub struct TlsSettings {
    /// What the server shows.
    pub certificate: TestCertificate,
    /// When given, a client certificate signed by one of these (PEM) is demanded.
    pub client_ca: Option<String>,
    /// Which versions are spoken.
    pub version: TlsVersion,
}

impl TlsSettings {
    /// Shows `certificate`, demands none, speaks TLS 1.2 and 1.3.
    #[must_use]
    pub const fn new(certificate: TestCertificate) -> Self {
        Self { certificate, client_ca: None, version: TlsVersion::Both }
    }
}
