//! A client that knows nothing of Mist or of a conductor.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::Trust;
use crate::cloud::FakeCloud;
use crate::conductor::FakeConductor;
use crate::tls::server_name;

pub(crate) struct Client {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    /// The value of `Authorization`.
    authorization: Option<String>,
}

pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(crate) fn text(&self, header: &str) -> &str {
        self.headers.get(header).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub(crate) fn new(cloud: &FakeCloud, token: Option<String>) -> Self {
        let tls = Trust::pem(cloud.ca_pem()).unwrap().client_config();
        let authorization = token.map(|token| format!("Token {token}"));
        Self { address: cloud.address(), tls, authorization }
    }

    /// With a session of the conductor's only account.
    pub(crate) async fn logged_in(conductor: &FakeConductor) -> Self {
        let tls = Trust::pem(conductor.ca_pem()).unwrap().client_config();
        let mut this = Self { address: conductor.address(), tls, authorization: None };
        let account = json!({ "username": conductor.user(), "password": conductor.password() });
        let said = this.send("POST", "/api/v1/login", &account).await.json();
        this.authorization = Some(format!("Bearer {}", said["token"].as_str().unwrap()));
        this
    }

    /// One call on a connection of its own.
    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Said, String> {
        timeout(SOON, self.attempt(method, target, body)).await.map_err(|_| "no answer in time".to_owned())?
    }

    async fn attempt(&self, method: &str, target: &str, body: Option<&Value>) -> Result<Said, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let stream = TcpStream::connect(self.address).await.map_err(|e| said(&e))?;
        let name = server_name(None, self.address).unwrap();
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream.map_err(|e| said(&e))?)).await.map_err(|e| said(&e))?;
        let task = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(target).header("host", "cloud");
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await;
        let (head, body) = answer.map_err(|e| said(&e))?.into_parts();
        let body = body.collect().await.map_err(|e| said(&e))?.to_bytes();
        task.abort();
        Ok(Said { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// The JSON of an answer of 200.
    pub(crate) async fn get(&self, target: &str) -> Value {
        let said = self.call("GET", target, None).await.unwrap();
        assert_eq!(said.status, 200, "{target}: {:?}", said.body);
        said.json()
    }

    pub(crate) async fn send(&self, method: &str, target: &str, body: &Value) -> Said {
        self.call(method, target, Some(body)).await.unwrap()
    }

    /// The status alone.
    pub(crate) async fn status(&self, target: &str) -> u16 {
        self.call("GET", target, None).await.unwrap().status
    }
}

const SOON: Duration = Duration::from_secs(10);
