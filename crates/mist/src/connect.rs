//! Connections: TCP, through a proxy or not, and TLS that is always verified.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::{Proxy, Settings, SettingsError};

/// A pool of connections, HTTP/1.1 only.
pub(crate) type Connections = Client<HttpsConnector<Way>, Full<Bytes>>;

pub(crate) fn connections(settings: &Settings) -> Result<Connections, SettingsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(settings.connect_timeout));
    let way = Way { tcp, proxy: settings.proxy.clone() };
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls(settings.ca.as_deref())?);
    let tls = if settings.danger_plain_http { tls.https_or_http() } else { tls.https_only() };
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MOST_IDLE)
        .build(tls.enable_http1().wrap_connector(way)))
}

/// TLS 1.2 and 1.3 towards what `ca` vouches for, or the system's authorities.
fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let broken = |source| SettingsError::Tls { source };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(broken)?;
    let builder = match ca {
        None => builder.with_platform_verifier().map_err(broken)?,
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|source| SettingsError::Pem { source })?;
                roots.add(certificate).map_err(broken)?;
            }
            if roots.is_empty() {
                return Err(SettingsError::NoCertificate);
            }
            builder.with_root_certificates(roots)
        }
    };
    Ok(builder.with_no_client_auth())
}

/// The way to a host: straight, or through the proxy.
#[derive(Clone)]
pub(crate) struct Way {
    tcp: HttpConnector,
    proxy: Option<Proxy>,
}

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self.proxy.as_ref().and_then(|proxy| proxy.intercept(&uri)) {
            None => {
                let connecting = self.tcp.call(uri);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
            Some(via) => {
                let mut tunnel = Tunnel::new(via.uri().clone(), self.tcp.clone());
                if let Some(user) = via.basic_auth() {
                    tunnel = tunnel.with_auth(user.clone());
                }
                let connecting = tunnel.call(uri);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
        }
    }
}

/// What a connection says when it breaks.
pub(crate) type Broken = Box<dyn StdError + Send + Sync>;

/// Whether an error means that the host's certificate is not trusted, which no retry changes.
pub(crate) fn is_distrust(error: &(dyn StdError + 'static)) -> bool {
    // an I/O error that wraps another is not the source that it has
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
        || inner.is_some_and(|inner| is_distrust(inner))
        || error.source().is_some_and(is_distrust)
}

/// How long a connection without a request is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Connections without a request that are kept.
const MOST_IDLE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_that_are_none_are_refused() {
        assert!(matches!(tls(Some(b"")), Err(SettingsError::NoCertificate)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls(Some(broken)), Err(SettingsError::Pem { .. })));
        let empty = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls(Some(empty)), Err(SettingsError::Tls { .. })));
        assert!(tls(Some(testkit::TestCa::new().pem().as_bytes())).is_ok());
    }
}
