//! The client: budget, retries and reading in one place.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use http::header::{AUTHORIZATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};
use zeroize::Zeroizing;

use crate::account::{self, Usage};
use crate::answer::Answer;
use crate::budget::Share;
use crate::connect::{self, Connections};
use crate::listing::{Cursor, Listing};
use crate::request::Call;
use crate::{ApiToken, Budget, Host, Pages, Problem, Request, Settings, SettingsError};

/// A client of the Mist API for one token; a clone is the same client.
///
/// It keeps no state but its connections and its [`Budget`]. Redirects are not followed, cookies not kept.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    share: Option<Share>,
    patience: Duration,
}

struct Shared {
    connections: Connections,
    host: Host,
    token: ApiToken,
    budget: Budget,
    answer_timeout: Duration,
    delays: ExponentialBuilder,
    max_answer_bytes: usize,
    user_agent: HeaderValue,
    plain: bool,
    /// Held by the one that asks Mist for the state of the budget.
    asking: Mutex<()>,
}

impl Client {
    /// A client with these settings. It connects when there is something to ask, within a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] when TLS cannot be set up or the user agent cannot be sent.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let user_agent = settings.user_agent.parse().map_err(|_| SettingsError::UserAgent)?;
        let connections = connect::connections(&settings)?;
        if settings.danger_plain_http {
            warn!(host = %settings.host, "danger_plain_http: the API token is sent where everybody on the way can read it");
        }
        let retry = settings.retry;
        let delays = ExponentialBuilder::new()
            .with_min_delay(retry.first_pause)
            .with_max_delay(retry.longest_pause)
            .with_max_times(usize::try_from(retry.tries.saturating_sub(1)).unwrap_or(usize::MAX))
            .with_jitter();
        let shared = Shared {
            connections,
            host: settings.host,
            token: settings.token,
            budget: settings.budget,
            answer_timeout: settings.answer_timeout,
            delays,
            max_answer_bytes: settings.max_answer_bytes,
            user_agent,
            plain: settings.danger_plain_http,
            asking: Mutex::new(()),
        };
        Ok(Self { shared: Arc::new(shared), share: None, patience: settings.patience })
    }

    /// The same client, with calls that come out of `share`, which is a part of this client's budget.
    #[must_use]
    pub fn within(&self, share: &Share) -> Self {
        Self { share: Some(share.clone()), ..self.clone() }
    }

    /// The same client, with calls that wait up to `patience` for a free call when the budget is spent or held, and
    /// else fail with [`Problem::OutOfBudget`]; with zero they never wait.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// The budget that this client spends from.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Where the API is.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.shared.host
    }

    /// Sends a request, again where it is idempotent and that may help, and reads its answer.
    ///
    /// # Errors
    ///
    /// [`Problem`] of the last try.
    pub async fn send<T: Answer>(&self, request: &Request<T>) -> Result<T, Problem> {
        let (status, body) = self.exchange(&request.call, None).await?;
        request.read(status, &body).map_err(|problem| self.masked(problem))
    }

    /// The pages of a listing, from its beginning.
    #[must_use]
    pub fn pages<T: Answer>(&self, listing: Listing<T>) -> Pages<T> {
        Pages::new(self.clone(), listing)
    }

    /// The pages of a listing from where `cursor` was taken.
    ///
    /// # Errors
    ///
    /// [`Problem::BadCursor`] when it is of a listing of another kind.
    pub fn resume<T: Answer>(&self, listing: Listing<T>, cursor: &Cursor) -> Result<Pages<T>, Problem> {
        Pages::resumed(self.clone(), listing, cursor)
    }

    /// Any call of the API, for what has no operation here: same token, budget, retries and errors.
    ///
    /// `path` is what stands behind the host, `/api/v1/…`; ids in it do not get into errors and logs. An empty answer is
    /// `null`.
    ///
    /// # Errors
    ///
    /// [`Problem::BadPath`], or as [`send`](Self::send).
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        self.send(&Request::new(Call::by_hand(method, path, query, body)?)).await
    }

    /// Asks Mist how much of the hour is spent and tells the budget; it does not wait for a free call.
    ///
    /// # Errors
    ///
    /// [`Problem`]; it is not tried again.
    pub async fn usage(&self) -> Result<Usage, Problem> {
        let request = account::usage();
        self.shared.budget.note();
        let (status, _, body) = self.once(&request.call, &request.call.query.encoded()).await?;
        let usage = request.read(status, &body).map_err(|problem| self.masked(problem))?;
        if let Some(requests) = usage.requests {
            self.shared.budget.learn(requests, usage.limit, usage.reset().unwrap_or(UNKNOWN_RESET));
        }
        Ok(usage)
    }

    /// Sends until there is an answer that counts; with `query` instead of the call's own.
    pub(crate) async fn exchange(
        &self,
        call: &Call,
        query: Option<&str>,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), Problem> {
        let query = query.map_or_else(|| call.query.encoded(), str::to_owned);
        let mut delays = self.shared.delays.build();
        let begun = Instant::now();
        let mut tries = 0_u32;
        // what was sent before may have been done: then a call that is not free says nothing of it
        let mut unanswered = None;
        loop {
            if let Err(spent) = self.turn(call).await {
                return Err(unanswered.unwrap_or(spent));
            }
            tries += 1;
            let (problem, pause) = match self.once(call, &query).await {
                Ok((status, headers, body)) => {
                    match call.refusal(status, &body).or_else(|| call.torn(status, &body)) {
                        None => {
                            debug!(
                                endpoint = %call.endpoint,
                                operation = call.operation,
                                status = status.as_u16(),
                                millis = begun.elapsed().as_millis(),
                                tries,
                                "answered"
                            );
                            return Ok((status, body));
                        }
                        Some(problem) => {
                            let pause = retry_after(&headers);
                            if status == StatusCode::TOO_MANY_REQUESTS {
                                self.refused(pause).await;
                            }
                            (self.masked(problem), pause)
                        }
                    }
                }
                Err(problem) => (problem, None),
            };
            let again = call.idempotent && problem.retry_helps();
            let delay = delays.next().filter(|_| again).map(|delay| delay.max(pause.unwrap_or_default()));
            debug!(
                endpoint = %call.endpoint,
                operation = call.operation,
                problem = %problem,
                millis = begun.elapsed().as_millis(),
                tries,
                again = delay.is_some(),
                "failed"
            );
            match delay {
                // with 429 it is the budget that waits
                Some(_) if problem.status() == Some(StatusCode::TOO_MANY_REQUESTS) => {}
                Some(delay) if pause.is_none() || delay <= self.patience => {
                    tokio::select! {
                        () = sleep(delay) => {}
                        () = self.shared.budget.hurried() => return Err(problem),
                    }
                    unanswered = Some(problem);
                }
                _ => return Err(problem),
            }
        }
    }

    /// Waits for a free call.
    async fn turn(&self, call: &Call) -> Result<(), Problem> {
        let turn = self.shared.budget.take(self.share.as_ref(), self.patience).await;
        turn.map_err(|reset| Problem::OutOfBudget { endpoint: call.endpoint.clone(), reset })
    }

    /// Holds the budget after Mist refused for too many calls: until its reset, which Mist is asked for once.
    async fn refused(&self, retry_after: Option<Duration>) {
        let budget = &self.shared.budget;
        if let Some(pause) = retry_after {
            budget.hold(pause.min(HOUR));
            return;
        }
        // Whoever comes while another asks gets what that one learns.
        let Ok(_asking) = self.shared.asking.try_lock() else {
            budget.hold(UNKNOWN_RESET);
            drop(self.shared.asking.lock().await);
            return;
        };
        // What was on its way when another was refused says nothing new.
        if !budget.held().is_zero() {
            return;
        }
        budget.hold(UNKNOWN_RESET);
        match self.usage().await {
            Ok(usage) => {
                if let Some(reset) = usage.reset() {
                    // calls that are left mean that something else was too much, and that is over sooner
                    let reset = if usage.is_spent() { reset } else { reset.min(UNKNOWN_RESET) };
                    budget.hold_exactly(reset);
                }
                warn!(
                    requests = usage.requests,
                    limit = usage.limit,
                    held_secs = budget.held().as_secs(),
                    "Mist refused: the token's calls are spent"
                );
            }
            Err(problem) => {
                let held_secs = budget.held().as_secs();
                warn!(problem = %problem, held_secs, "Mist refused, and does not say until when");
            }
        }
    }

    /// One try: the answer, whatever it is.
    async fn once(
        &self,
        call: &Call,
        query: &str,
    ) -> Result<(StatusCode, HeaderMap, Zeroizing<Vec<u8>>), Problem> {
        let after = self.shared.answer_timeout;
        timeout(after, self.ask(call, query))
            .await
            .unwrap_or_else(|_| Err(Problem::Timeout { endpoint: call.endpoint.clone(), after }))
    }

    async fn ask(
        &self,
        call: &Call,
        query: &str,
    ) -> Result<(StatusCode, HeaderMap, Zeroizing<Vec<u8>>), Problem> {
        let shared = &self.shared;
        let scheme = if shared.plain { "http" } else { "https" };
        let (mut head, body) = call.to_http_with(&shared.host, scheme, query).into_parts();
        head.headers.insert(AUTHORIZATION, shared.token.header());
        head.headers.insert(USER_AGENT, shared.user_agent.clone());
        let request = http::Request::from_parts(head, Full::new(body));
        let broken = |source: connect::Broken| Problem::Transport {
            endpoint: call.endpoint.clone(),
            retry: !connect::is_distrust(&*source),
            source,
        };
        let answer = shared.connections.request(request).await.map_err(|error| broken(error.into()))?;
        let (head, body) = answer.into_parts();
        let body = collect(body, shared.max_answer_bytes).await.map_err(|error| broken(error.into()))?;
        let body = body.ok_or_else(|| Problem::TooLarge {
            endpoint: call.endpoint.clone(),
            limit_bytes: shared.max_answer_bytes,
        })?;
        Ok((head.status, head.headers, body))
    }

    /// The problem without the token, should an answer have repeated it.
    pub(crate) fn masked(&self, mut problem: Problem) -> Problem {
        if let Problem::Api { detail: text, .. } | Problem::NotJson { snippet: text, .. } = &mut problem {
            *text = self.shared.token.masked(text).into();
        }
        problem
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.shared.host).finish_non_exhaustive()
    }
}

/// Reads a body to its end; nothing when it is larger than `limit`.
async fn collect(mut body: Incoming, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, hyper::Error> {
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(told.min(limit).min(ALLOCATED_AHEAD)));
    while let Some(frame) = body.frame().await {
        let data: Bytes = frame?.into_data().unwrap_or_default();
        if data.len() > limit - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Some(bytes))
}

/// `Retry-After` in seconds; Mist does not say that it sends one, proxies may.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// How long the budget is held when Mist does not say when its count begins anew.
const UNKNOWN_RESET: Duration = Duration::from_secs(60);

/// The time that Mist counts calls over.
const HOUR: Duration = Duration::from_secs(3_600);

/// What is allocated for an answer because its head says that it is as long.
const ALLOCATED_AHEAD: usize = 1 << 20;
