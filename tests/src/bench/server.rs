//! An HTTPS server with nothing around it.

use std::convert::Infallible;
use std::future::Future;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use testkit::TestCa;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::end;

/// Serves HTTPS on a free port of 127.0.0.1 until standard input ends, on one thread: TLS 1.3 by ring with an
/// ECDSA P-256 certificate, HTTP/1.1, TCP_NODELAY. Every body is read; `answer` gives the status. First prints
/// `{"address":"IP:PORT"}`.
///
/// # Errors
///
/// When there is no runtime or no port.
pub fn serve<A, F>(answer: A) -> io::Result<()>
where
    A: Fn(request::Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = StatusCode> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(io::stdout(), "{}", json!({ "address": listener.local_addr()?.to_string() }))?;
        let tls = TlsAcceptor::from(Arc::new(tls_config()));
        tokio::select! {
            never = accept(listener, tls, answer) => never,
            _ = end::of_input() => Ok(()),
        }
    })
}

async fn accept<A, F>(listener: TcpListener, tls: TlsAcceptor, answer: A) -> io::Result<()>
where
    A: Fn(request::Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = StatusCode> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        let (tls, answer) = (tls.clone(), answer.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let status = match body.collect().await {
                        Ok(body) => answer(head, body.to_bytes()).await,
                        Err(_) => StatusCode::BAD_REQUEST,
                    };
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
            });
            // How a connection ends, the client counts.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn tls_config() -> ServerConfig {
    let certificate = TestCa::new().server(&["localhost", "127.0.0.1"]);
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .expect("the authority writes PEM");
    let key =
        PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).expect("the authority writes PEM");
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key is the certificate's");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
