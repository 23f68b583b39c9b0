//! Connections: TCP and TLS that is verified or pinned.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::pin::{Looking, Pinned};
use crate::{Host, Problem, Settings, SettingsError, SpkiPin, Trust};

/// HTTP/1.1 over a fresh connection for every request: none is sent over one that the other side may have closed, and
/// none is sent twice without anybody deciding it.
pub(crate) type Connections = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

pub(crate) fn connections(settings: &Settings) -> Result<Connections, SettingsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(settings.connect_timeout));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls(&settings.trust)?).https_only();
    Ok(Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(tls.enable_http1().wrap_connector(tcp)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// TLS 1.2 and 1.3 towards whom `trust` names.
fn tls(trust: &Trust) -> Result<ClientConfig, SettingsError> {
    let broken = |source| SettingsError::Tls { source };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(broken)?;
    let builder = match trust {
        Trust::System => builder.with_platform_verifier().map_err(broken)?,
        Trust::Authorities(pem) => {
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
        Trust::Pinned(pin) => {
            let pinned = Pinned::new(*pin, provider());
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
    };
    Ok(builder.with_no_client_auth())
}

/// The pin of the key that `host` shows; the handshake is broken off, and nothing is sent.
pub(crate) async fn look(host: &Host, within: Duration) -> Result<SpkiPin, Problem> {
    let shown = certificates(host, within).await?;
    shown.first().and_then(|leaf| SpkiPin::of_certificate(leaf)).ok_or_else(|| Problem::Connect {
        endpoint: "TLS".to_owned(),
        distrust: false,
        source: "the host showed what is no certificate".into(),
    })
}

/// The certificates that `host` shows, its own first; the handshake is broken off, and nothing is sent.
pub(crate) async fn certificates(
    host: &Host,
    within: Duration,
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let endpoint = || "TLS".to_owned();
    let broken = |source| Problem::Connect { endpoint: endpoint(), distrust: false, source };
    let looking = Arc::new(Looking::new(provider()));
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(error.into()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&looking) as Arc<_>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.name().to_owned()).map_err(|error| broken(error.into()))?;
    let shaking = async {
        let stream = TcpStream::connect((host.name(), host.port())).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.map(drop)
    };
    let result = timeout(within, shaking).await.map_err(|_| Problem::Timeout {
        endpoint: endpoint(),
        after: within,
        write: false,
    })?;
    match (looking.seen(), result) {
        (shown, _) if !shown.is_empty() => Ok(shown),
        (_, Err(error)) => Err(broken(error.into())),
        (_, Ok(())) => Err(broken("the host showed no certificate".into())),
    }
}

/// Whether an error means that the host's certificate is not trusted, which no retry changes.
pub(crate) fn is_distrust(error: &(dyn StdError + 'static)) -> bool {
    // an I/O error that wraps another is not the source that it has
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    matches!(error.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
        || inner.is_some_and(|inner| is_distrust(inner))
        || error.source().is_some_and(is_distrust)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_that_are_none_are_refused() {
        let tls = |pem: &[u8]| tls(&Trust::Authorities(pem.to_vec()));
        assert!(matches!(tls(b""), Err(SettingsError::NoCertificate)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls(broken), Err(SettingsError::Pem { .. })));
        assert!(tls(testkit::TestCa::new().pem().as_bytes()).is_ok());
    }
}
