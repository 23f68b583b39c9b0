//! TLS as somebody outside speaks it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::ServerName;

/// Connects to `to` as somebody who looks for `host`, and trusts the authorities of `ca` or of the system.
pub(super) fn connect(
    to: SocketAddr,
    host: &str,
    ca: Option<&Path>,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca {
        Some(path) => pki::Authorities::load(path).map_err(io::Error::other)?.certificates().to_vec(),
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut link = StreamOwned::new(connection, stream);
    while link.conn.is_handshaking() {
        link.conn.complete_io(&mut link.sock)?;
    }
    Ok(link)
}

const PATIENCE: Duration = Duration::from_secs(5);
