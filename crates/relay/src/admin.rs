//! Health, metrics and the page over HTTP, and the socket the subcommands use.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ids::Timestamp;
use journal::{Journal, Log};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::certificate::{Acceptor, Certificate, Renewed, Shown};
use crate::error::Chain;
use crate::health::Health;
use crate::inbox::Inbox;
use crate::metrics::Metrics;
use crate::relay::sinks::Receivers;
use crate::reload::AskedReload;
use crate::sink::standing::Standings;
use crate::stop::Stop;
use crate::supervisor;
use crate::trail::Trail;

pub(crate) mod about;
mod coming;
mod fate;
pub(crate) mod history;
pub(crate) mod page;
mod ping;
mod test;

use about::About;
use page::{Body, Page};

/// Answers questions about the relay.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) journal: Journal,
    pub(crate) inbox: Inbox,
    pub(crate) metrics: Arc<Metrics>,
    /// The sinks that are served.
    pub(crate) sinks: watch::Receiver<Receivers>,
    /// How they stand.
    pub(crate) standings: watch::Receiver<Standings>,
    /// What came to the listener.
    pub(crate) trail: Arc<Trail>,
    pub(crate) about: About,
    /// Held by whoever tests sinks, one at a time.
    pub(crate) testing: Mutex<()>,
    /// Turns true when the relay begins to stop: it is not ready from then on.
    pub(crate) stopping: Stop,
    pub(crate) health: Health,
    /// Whoever can read the configuration again.
    pub(crate) reload: mpsc::Sender<AskedReload>,
    /// What the listener shows.
    pub(crate) certificate: Certificate,
    pub(crate) page: Page,
    /// Off loopback nothing is told in the clear.
    pub(crate) tls: Option<Acceptor>,
}

impl Admin {
    /// Serves health and metrics until it is dropped.
    pub(crate) async fn serve_http(self: Arc<Self>, listener: TcpListener) -> Infallible {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "cannot accept a connection for health and metrics");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let this = Arc::clone(&self);
            tokio::spawn(async move {
                this.connection(stream).await;
                drop(place);
            });
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let Some(acceptor) = &self.tls else { return self.requests(stream).await };
        match timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(Some(stream))) => self.requests(stream).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => debug!(%error, "no TLS on the admin listener"),
            Err(_) => debug!("a TLS handshake on the admin listener took too long"),
        }
    }

    async fn requests(self: &Arc<Self>, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let service = service_fn(|request: Request<Incoming>| {
            let this = Arc::clone(self);
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(16 * 1024);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        if let Ok(Err(error)) = timeout(LONGEST, connection).await {
            debug!(%error, "a connection for health and metrics ended");
        }
    }

    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let get = request.method() == Method::GET || request.method() == Method::HEAD;
        match request.uri().path() {
            "/livez" if get => plain(StatusCode::OK, "alive\n".into()),
            "/readyz" if get => match self.unready() {
                None => plain(StatusCode::OK, "ready\n".into()),
                Some(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
            },
            "/metrics" if get => match self.page.door.looks(request.headers()) {
                Ok(()) => self.figures(&request),
                Err(closed) => page::refuse(closed),
            },
            "/livez" | "/readyz" | "/metrics" => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n".into())
            }
            _ => match page::answer(self, request).await {
                Some(answer) => answer,
                None => plain(
                    StatusCode::NOT_FOUND,
                    "not found; there are /, /livez, /readyz and /metrics\n".into(),
                ),
            },
        }
    }

    fn figures(&self, request: &Request<Incoming>) -> Response<Body> {
        let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
        let older = accepted.is_some_and(|it| it.contains("text/plain") && !it.contains("openmetrics"));
        let (text, kind) = match older {
            true => (self.metrics.plain_text(), "text/plain; version=0.0.4; charset=utf-8"),
            false => (self.metrics.text(), "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        };
        let mut answer = plain(StatusCode::OK, text);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer
    }

    /// Why no message can be promised now.
    fn unready(&self) -> Option<&'static str> {
        if self.stopping.is_told() {
            Some("stopping")
        } else if !self.journal.writable() {
            Some("the journal has no room or cannot be written")
        } else if !self.health.responds() {
            Some("the journal does not answer; its disk may hang")
        } else {
            None
        }
    }

    /// Answers the subcommands until it is dropped: one line of JSON in, one out.
    pub(crate) async fn serve_socket(self: Arc<Self>, listener: UnixListener) -> Infallible {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "cannot accept a connection on the admin socket");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let this = Arc::clone(&self);
            tokio::spawn(async move {
                let _ = timeout(LONGEST, this.command(stream)).await;
                drop(place);
            });
        }
    }

    async fn command(&self, mut stream: UnixStream) -> std::io::Result<()> {
        let mut line = String::new();
        let (reading, mut writing) = stream.split();
        let mut reading = BufReader::new(reading.take(MAX_COMMAND_BYTES));
        timeout(PATIENCE, reading.read_line(&mut line)).await??;
        let asked = serde_json::from_str::<serde_json::Value>(&line).ok();
        let command =
            asked.as_ref().and_then(|asked| asked.get("command")).and_then(serde_json::Value::as_str);
        let answer = match command {
            Some(JOURNAL_STATUS) => match supervisor::status(&self.journal).await {
                Ok(status) => serde_json::json!({ "ok": status }),
                Err(error) => serde_json::json!({ "error": Chain(&error).to_string() }),
            },
            Some(JOURNAL_FORGET) => {
                let sink =
                    asked.as_ref().and_then(|asked| asked.get("sink")).and_then(serde_json::Value::as_str);
                match self.forget(sink.unwrap_or_default()).await {
                    Ok(cursor) => serde_json::json!({ "ok": cursor }),
                    Err(error) => serde_json::json!({ "error": error }),
                }
            }
            Some(ALERTS) => answer(match serde_json::from_value(asked.unwrap_or_default()) {
                Ok(wanted) => history::Wanted::find(wanted, &self.journal).await,
                Err(error) => Err(error.to_string()),
            }),
            Some(ALERT) => {
                let id = asked.as_ref().and_then(|asked| asked["id"].as_str()).unwrap_or_default();
                answer(history::find_alert(&self.journal, id).await)
            }
            Some(REPLAY) => answer(match serde_json::from_value::<Replay>(asked.unwrap_or_default()) {
                Ok(Replay { sink, positions }) => match self.serves(&sink) {
                    true => history::replay(&self.journal, &self.inbox, &sink, &positions).await,
                    false => Err(format!("this relay serves no sink `{sink}`")),
                },
                Err(error) => Err(error.to_string()),
            }),
            Some(STATE) => answer(match serde_json::from_value::<Keys>(asked.unwrap_or_default()) {
                Ok(Keys { keys }) => history::state(&self.journal, keys).await,
                Err(error) => Err(error.to_string()),
            }),
            Some(TEST) => answer(match serde_json::from_value(asked.unwrap_or_default()) {
                Ok(asked) => self.test(asked).await,
                Err(error) => Err(error.to_string()),
            }),
            Some(ABOUT) => answer(Ok(self.about.tell(self.unready()))),
            Some(PING_WATCH) => answer(Ok(self.watch_for_ping())),
            Some(PING_FOLLOW) => answer(match serde_json::from_value(asked.unwrap_or_default()) {
                Ok(asked) => self.follow_ping(asked).await,
                Err(error) => Err(error.to_string()),
            }),
            Some(RELOAD) => answer(self.reload().await),
            Some(CERTIFICATE) => answer(Ok(self.certificate())),
            Some(CERTIFICATE_RENEW) => answer(self.renew()),
            Some(other) => serde_json::json!({ "error": format!("there is no command `{other}`") }),
            None => serde_json::json!({ "error": "expected one line of JSON with a `command`" }),
        };
        let mut answer = answer.to_string();
        answer.push('\n');
        writing.write_all(answer.as_bytes()).await?;
        writing.shutdown().await
    }
}

impl Admin {
    fn serves(&self, sink: &str) -> bool {
        self.sinks.borrow().contains_key(sink)
    }

    /// Has the configuration read again, and waits for what comes of it.
    async fn reload(&self) -> Result<serde_json::Value, String> {
        let (answer, answered) = oneshot::channel();
        let stopping = || "the relay is stopping; nothing was changed".to_owned();
        self.reload.send(AskedReload(answer)).await.map_err(|_| stopping())?;
        let done = answered.await.unwrap_or_else(|_| Err(stopping()))?;
        Ok(done.into())
    }

    fn certificate(&self) -> serde_json::Value {
        let Shown { names, not_before, not_after, fingerprint, renewed } = self.certificate.shown();
        serde_json::json!({
            "names": names,
            "not_before": Timestamp::from(not_before).to_string(),
            "not_after": Timestamp::from(not_after).to_string(),
            "fingerprint": fingerprint,
            "renewed_by_relay": renewed == Renewed::ByRelay,
            "trouble": *self.certificate.trouble(),
        })
    }

    /// Has the certificate renewed; what comes of it is seen later.
    fn renew(&self) -> Result<serde_json::Value, String> {
        if self.certificate.shown().renewed == Renewed::ByOperator {
            return Err(
                "this relay does not renew its certificate by itself: its configuration has no [tls.acme]; \
                        replace the files, which it notices"
                    .to_owned(),
            );
        }
        info!("renewing the certificate, as asked");
        self.certificate.want_renewal();
        Ok(self.certificate())
    }

    /// Drops the cursor of a sink that is not served; as it was.
    async fn forget(&self, sink: &str) -> Result<journal::CursorStatus, String> {
        let status = supervisor::status(&self.journal).await.map_err(|error| Chain(&error).to_string())?;
        let found = status.cursors.into_iter().find(|cursor| cursor.name == sink);
        let Some(cursor) = found.filter(|cursor| cursor.log == Log::Outbox) else {
            return Err(format!("the journal knows no sink `{sink}`; `fogbell journal status` lists them"));
        };
        if cursor.registered {
            return Err(format!(
                "sink `{sink}` is served by this relay; remove it from the configuration and restart the relay, or \
                 stop the relay"
            ));
        }
        self.journal.forget(sink).await.map_err(|error| Chain(&error).to_string())?;
        info!(sink, alerts = cursor.behind_records, bytes = cursor.behind_bytes, "forgot a sink, as asked");
        Ok(cursor)
    }
}

/// What is asked with [`REPLAY`].
#[derive(Debug, serde::Deserialize)]
struct Replay {
    sink: String,
    positions: Vec<u64>,
}

/// What is asked with [`STATE`].
#[derive(Debug, serde::Deserialize)]
struct Keys {
    keys: Vec<String>,
}

fn answer(answer: Result<serde_json::Value, String>) -> serde_json::Value {
    match answer {
        Ok(answer) => serde_json::json!({ "ok": answer }),
        Err(error) => serde_json::json!({ "error": error }),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = Response::new(page::body(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// The command on the admin socket that asks for the state of the journal.
pub const JOURNAL_STATUS: &str = "journal-status";

/// The command on the admin socket that drops the cursor of a sink, named by `sink`.
pub const JOURNAL_FORGET: &str = "journal-forget";

/// The command on the admin socket that has the configuration read again; it is answered when that is done.
pub const RELOAD: &str = "reload";

/// The command on the admin socket that asks for the certificate that the listener shows.
pub const CERTIFICATE: &str = "certificate";

/// The command on the admin socket that has the certificate renewed now; the answer does not wait for it.
pub const CERTIFICATE_RENEW: &str = "certificate-renew";

/// The command on the admin socket that asks for alerts that are kept: behind position `after`, or from the `last` so
/// many on; made from `since` `until`; `wait` when there may be none yet. The answer has `alerts`, each with `position`
/// and `at`, and where the `next` ones are.
pub const ALERTS: &str = "alerts";

/// The command on the admin socket that asks for the alert whose id begins with `id`, and its message.
pub const ALERT: &str = "alert";

/// The command on the admin socket that has the alerts at `positions` sent once more to `sink`.
pub const REPLAY: &str = "replay";

/// The command on the admin socket that asks for the state under `keys`, in hexadecimal digits.
pub const STATE: &str = "state";

/// The command on the admin socket that sends a raise and a clear to `sinks`, to all when there are none, and is answered
/// with what became of them after at most `wait_secs`.
pub const TEST: &str = "test";

/// The command on the admin socket that asks for what the process itself knows: version, start, configuration, limits.
pub const ABOUT: &str = "about";

/// The command on the admin socket that has the relay keep what comes to its listener for a while; the answer has the
/// `mark` for [`PING_FOLLOW`].
pub const PING_WATCH: &str = "ping-watch";

/// The command on the admin socket that asks where the ping of `org` is that came behind `mark`: it waits `wait_secs` for
/// it, then `sinks_secs` for the sinks.
pub const PING_FOLLOW: &str = "ping-follow";

/// How many connections of each kind may be open.
const MAX_CONNECTIONS: usize = 32;
const MAX_COMMAND_BYTES: u64 = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
