//! A receiver of webhooks over TLS that keeps what it got.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use super::SOON;
use crate::door::{Door, Tasks};
use crate::inbox::Inbox;
use crate::tls::{TlsVersion, server_config};
use crate::{TestCa, Trust};

pub(super) struct Receiver {
    door: Door,
    ca: TestCa,
    got: Arc<Inbox<Message>>,
    status: Arc<AtomicU16>,
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Message {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Receiver {
    pub(super) fn start() -> Self {
        let ca = TestCa::new();
        let tls = server_config(&ca.server(&["127.0.0.1"]), None, TlsVersion::Both).unwrap();
        let acceptor = TlsAcceptor::from(tls);
        let (got, status) = (Arc::new(Inbox::new(1_000)), Arc::new(AtomicU16::new(200)));
        let tasks = Arc::new(Tasks::default());
        let (inbox, answer) = (Arc::clone(&got), Arc::clone(&status));
        let door = Door::start(
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            None,
            Arc::new(move |stream, _| {
                let (acceptor, inbox, answer) = (acceptor.clone(), Arc::clone(&inbox), Arc::clone(&answer));
                tasks.spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        inbox.push(Message { headers: head.headers, body }, 1);
                        let mut response = Response::new(Full::new(Bytes::from("Ok")));
                        *response.status_mut() = answer.load(Ordering::Relaxed).try_into().unwrap();
                        Ok::<_, Infallible>(response)
                    });
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }),
        );
        Self { door: door.unwrap(), ca, got, status }
    }

    pub(super) fn url(&self) -> String {
        format!("https://{}/v1/mist", self.door.address())
    }

    pub(super) fn trust(&self) -> Trust {
        Trust::pem(&self.ca.pem()).unwrap()
    }

    pub(super) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(super) async fn close(&self) {
        self.door.close().await;
    }

    pub(super) async fn next(&self) -> Message {
        self.got.next(SOON).await.unwrap()
    }

    pub(super) fn all(&self) -> Vec<Message> {
        self.got.all()
    }
}
