//! HTTP towards the authority: its own roots, a deadline for everything, bounded answers, and what it says about when
//! to come back.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;

use crate::error::{Cause, Error};

/// A client, and what the authority said last about when to come back.
#[derive(Clone)]
pub(crate) struct Client {
    http: Hyper<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    asked: Arc<Mutex<Asked>>,
}

/// What an answer said about when to come back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// How long to wait.
    pub(crate) retry_after: Option<Duration>,
    /// Whether there were too many requests.
    pub(crate) limited: bool,
}

impl Client {
    /// A client that trusts `ca`, PEM, or the system's authorities.
    pub(crate) fn new(ca: Option<&[u8]>) -> Result<Self, Error> {
        let config = tls(ca).map_err(|source| Error::Settings {
            what: "the authority cannot be asked over TLS".to_owned(),
            source: Some(source),
        })?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
        let http = Hyper::builder(TokioExecutor::new()).pool_idle_timeout(IDLE).build(connector);
        Ok(Self { http, asked: Arc::default() })
    }

    /// What the last answer that was an error said about when to come back.
    pub(crate) fn asked(&self) -> Asked {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tls(ca: Option<&[u8]>) -> Result<ClientConfig, Cause> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(match ca {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate?)?;
            }
            if roots.is_empty() {
                return Err("there is no PEM certificate in the file of `ca`".into());
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
        None => builder.with_platform_verifier()?.with_no_client_auth(),
    })
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let (answer, asked) = (self.http.request(request), Arc::clone(&self.asked));
        Box::pin(async move {
            let whole = async {
                let (parts, body) = answer.await.map_err(Cause::from)?.into_parts();
                let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
                Ok::<_, Cause>((parts, body))
            };
            let other = instant_acme::Error::Other;
            let (parts, body) = timeout(PATIENCE, whole)
                .await
                .map_err(|_| other(format!("no answer within {} s", PATIENCE.as_secs()).into()))?
                .map_err(other)?;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = judge(&parts, SystemTime::now());
            let kind =
                parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            if !parts.status.is_success() && !kind.contains("json") {
                return Err(other(format!("it answers {}", parts.status).into()));
            }
            Ok(BytesResponse::from(Response::from_parts(parts, Full::new(body))))
        })
    }
}

/// What an answer says about when to come back; one that is no error says nothing.
fn judge(parts: &http::response::Parts, now: SystemTime) -> Asked {
    if parts.status.is_success() {
        return Asked::default();
    }
    let value = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Asked {
        retry_after: value.and_then(|value| retry_after(value, now)),
        limited: parts.status == StatusCode::TOO_MANY_REQUESTS,
    }
}

/// Seconds, or a date (RFC 9110 10.2.3).
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default())
}

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(30);
const MAX_ANSWER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_about_coming_back_is_read() {
        let now = httpdate::parse_http_date("Thu, 26 Nov 2026 04:00:00 GMT").unwrap();
        for (status, value, seconds, limited) in [
            (429, Some("120"), Some(120), true),
            (429, None, None, true),
            (503, Some(" 7 "), Some(7), false),
            (503, Some("Thu, 26 Nov 2026 04:01:00 GMT"), Some(60), false),
            (503, Some("Thu, 26 Nov 2026 03:00:00 GMT"), Some(0), false),
            (503, Some("soon"), None, false),
            (503, Some("-1"), None, false),
            (200, Some("120"), None, false),
        ] {
            let mut answer = Response::builder().status(status);
            if let Some(value) = value {
                answer = answer.header(RETRY_AFTER, value);
            }
            let asked = judge(&answer.body(()).unwrap().into_parts().0, now);
            assert_eq!(
                (asked.retry_after, asked.limited),
                (seconds.map(Duration::from_secs), limited),
                "{value:?}"
            );
        }
    }
}
