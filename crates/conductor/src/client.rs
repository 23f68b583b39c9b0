//! The client: login, retries and reading in one place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use crate::answer::{self, Answer};
use crate::assets::{ASSETS, ASSETS_ANYWHERE, Assets, CONNECTIVITY, Link, read_assets, read_connectivity};
use crate::connect::{self, Connections};
use crate::graphql::{Judged, is_unknown_field};
use crate::session::Session;
use crate::system::{System, read_system};
use crate::{Candidate, ConfigPath, Host, Misfit, Name, Problem, Settings, SettingsError, SpkiPin};

/// A client of one conductor node for one account; a clone is the same client and the same session.
///
/// It logs in when a call needs it, and once more when the session has ended. Calls that only read are repeated as
/// [`Retry`](crate::Retry) says; calls that change something are sent once. Redirects are not followed, cookies not kept.
#[derive(Clone)]
pub struct Conductor {
    shared: Arc<Shared>,
}

struct Shared {
    connections: Connections,
    settings: Settings,
    user_agent: HeaderValue,
    delays: ExponentialBuilder,
    session: Mutex<Option<Session>>,
}

impl Conductor {
    /// A client with these settings. It connects when there is something to ask, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when TLS cannot be set up or the user agent cannot be sent.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let retry = settings.retry;
        let shared = Shared {
            connections: connect::connections(&settings)?,
            user_agent: settings.user_agent.parse().map_err(|_| SettingsError::UserAgent)?,
            delays: ExponentialBuilder::new()
                .with_min_delay(retry.first_pause)
                .with_max_delay(retry.longest_pause)
                .with_max_times(usize::try_from(retry.tries.saturating_sub(1)).unwrap_or(usize::MAX))
                .with_jitter(),
            session: Mutex::new(None),
            settings,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The pin of the key that `host` shows, for a person to compare with what the conductor itself says. The handshake
    /// is broken off then, and nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Problem::Connect`] or [`Problem::Timeout`].
    pub async fn look(host: &Host, within: Duration) -> Result<SpkiPin, Problem> {
        connect::look(host, within).await
    }

    /// The certificates in DER that `host` shows, its own first, as on the port for onboarding. Nobody vouches for them
    /// here. The handshake is broken off then, and nothing is sent.
    ///
    /// # Errors
    ///
    /// [`Problem::Connect`] or [`Problem::Timeout`].
    pub async fn certificates(host: &Host, within: Duration) -> Result<Vec<Vec<u8>>, Problem> {
        let shown = connect::certificates(host, within).await?;
        Ok(shown.into_iter().map(|certificate| certificate.to_vec()).collect())
    }

    /// Where it is.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.shared.settings.host
    }

    /// What the conductor says of itself: software, node, clock.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn system(&self) -> Result<System, Problem> {
        let call = Call::read(Method::GET, "/api/v1/system".to_owned(), "/api/v1/system");
        let answer = self.good(&call).await?;
        let date = answer.headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
        read_system(&answer.body, date).map_err(|misfit| call.unreadable(answer.status, misfit))
    }

    /// The running configuration at `path`, as it came but for pre-shared secrets; none when there is nothing.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn running(&self, path: &ConfigPath) -> Result<Option<Value>, Problem> {
        self.configuration("running", path).await
    }

    /// The whole running configuration, as it came but for pre-shared secrets.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn whole_running(&self) -> Result<Value, Problem> {
        self.whole("running").await
    }

    /// The candidate configuration, of which a conductor has one for everybody.
    #[must_use]
    pub const fn candidate(&self) -> Candidate<'_> {
        Candidate::new(self)
    }

    /// The assets that the conductor knows; all of them unless some are named.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try; [`Problem::NoData`] when the answer has errors in place of assets.
    pub async fn assets(&self, ids: &[&str]) -> Result<Judged<Assets>, Problem> {
        let variables = if ids.is_empty() { json!({}) } else { json!({ "ids": ids }) };
        let answer = self.query(ASSETS, &variables).await?;
        match read_assets(&answer.body) {
            // releases differ in what they tell of an asset
            Ok(judged)
                if judged.value.is_none() && judged.warnings.iter().any(|said| is_unknown_field(said)) =>
            {
                let answer = self.query(ASSETS_ANYWHERE, &variables).await?;
                judge(read_assets(&answer.body), answer.status)
            }
            read => judge(read, answer.status),
        }
    }

    /// The links that the nodes of `router` tell of, the one to the conductor among them.
    ///
    /// # Errors
    ///
    /// As [`assets`](Self::assets).
    pub async fn connectivity(&self, router: &Name) -> Result<Judged<Vec<Link>>, Problem> {
        let answer = self.query(CONNECTIVITY, &json!({ "name": router.as_str() })).await?;
        judge(read_connectivity(&answer.body), answer.status)
    }

    async fn query(&self, query: &str, variables: &Value) -> Result<Answer, Problem> {
        let body = json!({ "query": query, "variables": variables });
        let call = Call::read(Method::POST, GRAPHQL.to_owned(), GRAPHQL).with(&body);
        let answer = self.send(&call).await?;
        // a query that does not fit is answered with 200 or with 400, and says why in the same way
        if answer.status == StatusCode::BAD_REQUEST && crate::graphql::is_graphql(&answer.body) {
            return Ok(answer);
        }
        self.judged(&call, answer)
    }

    pub(crate) async fn configuration(
        &self,
        store: &str,
        path: &ConfigPath,
    ) -> Result<Option<Value>, Problem> {
        let call = Call::at(Method::GET, store, path);
        let answer = self.send(&call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = self.judged(&call, answer)?;
        let value = answer.json().map_err(|misfit| call.unreadable(answer.status, misfit))?;
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    pub(crate) async fn whole(&self, store: &str) -> Result<Value, Problem> {
        let path = format!("/api/v1/config/getJSON?source={store}");
        let call = Call::read(Method::GET, path.clone(), &path);
        let answer = self.good(&call).await?;
        let value = answer.json().map_err(|misfit| call.unreadable(answer.status, misfit))?;
        if value.get("authority").is_some_and(Value::is_object) {
            return Ok(value);
        }
        let misfit = Misfit::shape(".authority", "an object", value.get("authority"));
        Err(call.unreadable(answer.status, misfit))
    }

    /// The answer to a call, when it is a good one.
    pub(crate) async fn good(&self, call: &Call) -> Result<Answer, Problem> {
        let answer = self.send(call).await?;
        self.judged(call, answer)
    }

    fn judged(&self, call: &Call, answer: Answer) -> Result<Answer, Problem> {
        if answer.status.is_success() { Ok(answer) } else { Err(self.refusal(call, &answer)) }
    }

    pub(crate) fn refusal(&self, call: &Call, answer: &Answer) -> Problem {
        let detail = self.shared.settings.password.masked(&answer::detail(&answer.body));
        Problem::Refused {
            endpoint: call.endpoint.clone(),
            status: answer.status,
            detail: detail.into(),
            write: call.write,
        }
    }

    /// Any answer to a call: with a session, which is renewed once, and again where that is harmless and may help.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Problem> {
        let session = self.session(None).await?;
        let answer = self.tried(call, Some(&session)).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        info!(endpoint = %call.endpoint, "the session has ended; logging in once more");
        let session = self.session(Some(session.number)).await?;
        self.tried(call, Some(&session)).await
    }

    /// The session; a new one when there is none but `ended`. Whoever comes while another logs in gets what that gets.
    async fn session(&self, ended: Option<u64>) -> Result<Session, Problem> {
        let mut kept = self.shared.session.lock().await;
        match &*kept {
            Some(session) if Some(session.number) != ended => return Ok(session.clone()),
            _ => {}
        }
        let settings = &self.shared.settings;
        let body = json!({ "username": settings.user, "password": settings.password.to_json() });
        let call = Call::read(Method::POST, LOGIN.to_owned(), LOGIN).with(&body);
        let answer = self.tried(&call, None).await?;
        let answer = self.judged(&call, answer)?;
        let number = kept.as_ref().map_or(1, |session| session.number + 1);
        let session =
            Session::read(&answer.body, number).map_err(|misfit| call.unreadable(answer.status, misfit))?;
        *kept = Some(session.clone());
        Ok(session)
    }

    /// Sends until there is an answer that counts.
    async fn tried(&self, call: &Call, session: Option<&Session>) -> Result<Answer, Problem> {
        let mut delays = self.shared.delays.build();
        let begun = Instant::now();
        loop {
            let result = self.once(call, session).await;
            let (again, pause) = match &result {
                Ok(answer) => {
                    let again = crate::problem::worth_a_retry(answer.status) || answer.is_torn();
                    (again, retry_after(&answer.headers))
                }
                Err(problem) => (problem.retry_helps(), None),
            };
            let delay = delays.next().filter(|_| again && !call.write);
            debug!(
                endpoint = %call.endpoint,
                status = result.as_ref().ok().map(|answer| answer.status.as_u16()),
                problem = result.as_ref().err().map(tracing::field::display),
                millis = begun.elapsed().as_millis(),
                again = delay.is_some(),
                "asked"
            );
            match delay {
                None => return result.map(|answer| masked(answer, session)),
                Some(delay) => {
                    let longest = self.shared.settings.retry.longest_pause;
                    sleep(delay.max(pause.unwrap_or_default().min(longest))).await;
                }
            }
        }
    }

    /// One try.
    async fn once(&self, call: &Call, session: Option<&Session>) -> Result<Answer, Problem> {
        let settings = &self.shared.settings;
        let after = if call.slow { settings.commit_timeout } else { settings.answer_timeout };
        let (endpoint, write) = (call.endpoint.clone(), call.write);
        timeout(after, self.ask(call, session))
            .await
            .unwrap_or_else(|_| Err(Problem::Timeout { endpoint, after, write }))
    }

    async fn ask(&self, call: &Call, session: Option<&Session>) -> Result<Answer, Problem> {
        let shared = &self.shared;
        let endpoint = || call.endpoint.clone();
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("https://{}{}", shared.settings.host, call.path))
            .header(USER_AGENT, shared.user_agent.clone());
        if let Some(session) = session {
            request = request.header(AUTHORIZATION, session.header());
        }
        if !call.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request =
            request.body(Full::new(call.body.clone())).expect("hosts, keys and names make a valid request");
        let answer = shared.connections.request(request).await.map_err(|error| {
            let distrust = connect::is_distrust(&error);
            if error.is_connect() || distrust {
                return Problem::Connect { endpoint: endpoint(), distrust, source: error.into() };
            }
            Problem::Broken { endpoint: endpoint(), source: error.into(), write: call.write }
        })?;
        let (head, body) = answer.into_parts();
        let limit_bytes = shared.settings.max_answer_bytes;
        let body = answer::collect(body, limit_bytes).await.map_err(|error| Problem::Broken {
            endpoint: endpoint(),
            source: error.into(),
            write: call.write,
        })?;
        let body =
            body.ok_or_else(|| Problem::TooLarge { endpoint: endpoint(), limit_bytes, write: call.write })?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl fmt::Debug for Conductor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conductor").field("host", self.host()).finish_non_exhaustive()
    }
}

/// The answer without the session's token, should a refusal repeat it.
fn masked(mut answer: Answer, session: Option<&Session>) -> Answer {
    if let Some(session) = session
        && !answer.status.is_success()
        && let Ok(text) = std::str::from_utf8(&answer.body)
    {
        let text = session.masked(text);
        answer.body = text.into_bytes().into();
    }
    answer
}

/// Data, or what was said in its place.
fn judge<T>(read: Result<Judged<Option<T>>, Misfit>, status: StatusCode) -> Result<Judged<T>, Problem> {
    let endpoint = || format!("POST {GRAPHQL}");
    let judged =
        read.map_err(|misfit| Problem::Unreadable { endpoint: endpoint(), status, misfit, write: false })?;
    match judged.value {
        Some(value) => Ok(Judged { value, warnings: judged.warnings }),
        None => {
            let messages =
                if judged.warnings.is_empty() { "nothing".to_owned() } else { judged.warnings.join("; ") };
            Err(Problem::NoData { endpoint: endpoint(), messages: messages.into() })
        }
    }
}

/// A call, ready to be sent.
pub(crate) struct Call {
    method: Method,
    path: String,
    /// Method and path template.
    pub(crate) endpoint: String,
    body: Bytes,
    /// Whether it changes something, so that it is sent once.
    pub(crate) write: bool,
    /// Whether it may take as long as a commit.
    slow: bool,
}

impl Call {
    /// A call that changes nothing.
    pub(crate) fn read(method: Method, path: String, template: &str) -> Self {
        let endpoint = format!("{method} {template}");
        Self { method, path, endpoint, body: Bytes::new(), write: false, slow: false }
    }

    /// A call about a place in a configuration; it changes something unless it is a GET.
    pub(crate) fn at(method: Method, store: &str, path: &ConfigPath) -> Self {
        let write = method != Method::GET;
        let template = format!("/api/v1/config/{store}{}", path.template());
        Self { write, ..Self::read(method, format!("/api/v1/config/{store}{path}"), &template) }
    }

    pub(crate) fn with(self, body: &Value) -> Self {
        Self { body: Bytes::from(body.to_string()), ..self }
    }

    pub(crate) fn writing(self) -> Self {
        Self { write: true, ..self }
    }

    pub(crate) fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    pub(crate) fn unreadable(&self, status: StatusCode, misfit: Misfit) -> Problem {
        Problem::Unreadable { endpoint: self.endpoint.clone(), status, misfit, write: self.write }
    }
}

/// `Retry-After` in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

const LOGIN: &str = "/api/v1/login";
const GRAPHQL: &str = "/api/v1/graphql";
