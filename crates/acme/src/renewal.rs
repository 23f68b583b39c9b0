//! Keeps one certificate: asks for it, and renews it in time.

use std::fmt;
use std::future::Future;
use std::time::{Duration, SystemTime};

use instant_acme::{Account, CertificateIdentifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::account::account;
use crate::client::Client;
use crate::error::Cause;
use crate::order::{Issued, covers, issue, refused};
use crate::plan::{self, Life, Next};
use crate::store::{Attempts, Store, Stored, seconds, stored, time};
use crate::{Error, Settings};

/// Who shows the certificate to the world.
pub trait Server: Send + Sync {
    /// Shows `certificate` to whoever asks for `name` and for nothing but `acme-tls/1` (RFC 8737).
    ///
    /// # Errors
    ///
    /// When that cannot be done.
    fn show_challenge(
        &self,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), Cause>;

    /// Ends what [`show_challenge`](Self::show_challenge) began.
    fn end_challenge(&self, name: &str);

    /// Shows `stored` from now on.
    ///
    /// # Errors
    ///
    /// When it is not taken; what was shown is then shown on.
    fn serve(&self, stored: &Stored) -> Result<(), Cause>;

    /// Is told why there is no new certificate, and with `None` that there is one.
    fn trouble(&self, trouble: Option<String>);

    /// Resolves when somebody wants it renewed now.
    fn wanted(&self) -> impl Future<Output = ()> + Send;
}

/// One certificate and everything that is needed to renew it.
pub struct Renewal {
    settings: Settings,
    store: Store,
    client: Client,
    account: Option<Account>,
    attempts: Attempts,
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Renewal {
    /// Opens the folder of `settings`; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`Error::Keep`] and [`Error::Settings`].
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let store = Store::open(&settings.folder)?;
        let client = Client::new(settings.ca.as_deref())?;
        let attempts = Attempts::load(store.folder());
        Ok(Self { settings, store, client, account: None, attempts })
    }

    /// Renews the certificate whenever it is due, and when `server` wants it, for ever.
    pub async fn run(mut self, server: impl Server) {
        let mut wanted = false;
        let mut waiting = None;
        loop {
            let now = SystemTime::now();
            let current = self.current();
            match plan::next(self.due(current.as_ref()), self.attempts.failures(), now) {
                _ if wanted => self.attempt(&server).await,
                Next::Renew => self.attempt(&server).await,
                Next::Wait(until) => {
                    if waiting != Some(until) {
                        waiting = Some(until);
                        info!(until = %rfc3339(until), "the certificate is renewed by then");
                    }
                    if let Some(current) = &current {
                        self.look_at_window(current, now).await;
                    }
                }
            }
            wanted = tokio::select! {
                () = server.wanted() => true,
                // by the wall clock, which may be set: so it is looked at again and again
                () = sleep(TICK) => false,
            };
        }
    }

    /// Makes one attempt now, as [`run`](Self::run) does, and says what came of it.
    ///
    /// # Errors
    ///
    /// Why there is no new certificate; the same is remembered.
    pub async fn renew(&mut self, server: &impl Server) -> Result<Stored, Error> {
        let now = SystemTime::now();
        // written down before it is made: who dies in the middle does not come back at once
        self.attempts.made += 1;
        self.attempts.last = Some(seconds(now));
        self.attempts.failed = self.attempts.failed.saturating_add(1);
        self.hold(now, None, false);
        self.store.keep_attempts(&self.attempts).await?;

        let renewed = self.issue(server).await;
        match &renewed {
            Ok(stored) => {
                let rest = plan::rest(life(stored));
                self.attempts = Attempts {
                    made: self.attempts.made,
                    last: self.attempts.last,
                    not_before: Some(seconds(SystemTime::now() + rest)),
                    issued_by: Some(self.settings.directory.clone()),
                    ..Attempts::default()
                };
            }
            Err(error) => {
                let (retry_after, limited) = error.patience();
                self.attempts.error = Some(error.line());
                self.hold(SystemTime::now(), retry_after, limited);
                // the next one begins from the beginning
                self.account = None;
            }
        }
        self.attempts.ended = self.attempts.made;
        self.store.keep_attempts(&self.attempts).await?;
        renewed
    }

    /// No attempt for a while.
    fn hold(&mut self, now: SystemTime, retry_after: Option<Duration>, limited: bool) {
        let salt = (&self.settings.names, now, self.attempts.made);
        let fraction = plan::fraction(format!("{salt:?}").as_bytes());
        let pause = plan::pause(self.attempts.failed, retry_after, limited, fraction);
        self.attempts.not_before = Some(seconds(now + pause));
    }

    async fn attempt(&mut self, server: &impl Server) {
        info!(
            names = self.settings.names.join(" "),
            directory = self.settings.directory,
            "asking for a certificate"
        );
        match self.renew(server).await {
            Ok(stored) => {
                let until = rfc3339(stored.chain.leaf().validity.not_after);
                info!(until = %until, "the authority issued a certificate");
                server.trouble(None);
            }
            Err(error) => {
                let line = error.line();
                let again = self.attempts.not_before.map(time).map(rfc3339).unwrap_or_default();
                warn!(error = line, failed = self.attempts.failed, %again, "no new certificate; what is shown stays");
                let valid = self.current().is_some_and(|s| s.chain.leaf().validity.holds(SystemTime::now()));
                if !valid || self.attempts.failed >= SAID_AFTER {
                    server.trouble(Some(format!(
                        "the certificate of the listener could not be renewed (failures in a row: {}): {line}; it is tried \
                         again, `fogbell cert show` says when",
                        self.attempts.failed
                    )));
                }
            }
        }
    }

    async fn issue(&mut self, server: &impl Server) -> Result<Stored, Error> {
        let replaces = self.replaces();
        let issued = match self.order(server, replaces.clone()).await {
            Err(error) if no_account(&error) => {
                info!("the authority does not know the account any more; another one is made");
                self.store.forget_account()?;
                self.account = None;
                self.order(server, replaces).await?
            }
            issued => issued?,
        };
        let stored = self.store.keep_certificate(&issued.chain, &issued.key).await?;
        server.serve(&stored).map_err(|source| Error::NotServed { source })?;
        Ok(stored)
    }

    async fn order(
        &mut self,
        server: &impl Server,
        replaces: Option<CertificateIdentifier<'static>>,
    ) -> Result<Issued, Error> {
        let account = self.account().await?;
        issue(&account, &self.settings, replaces, server, &self.client).await
    }

    async fn account(&mut self) -> Result<Account, Error> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let account = account(&self.settings, &self.store, &self.client).await?;
        self.account = Some(account.clone());
        Ok(account)
    }

    /// The certificate that is kept, when it is what the settings ask for.
    fn current(&self) -> Option<Stored> {
        let current = match stored(self.store.folder()) {
            Ok(current) => current?,
            Err(error) => {
                debug!(error = error.line(), "the certificate that is kept cannot be used");
                return None;
            }
        };
        let same =
            self.attempts.issued_by.as_deref().is_none_or(|directory| directory == self.settings.directory);
        let all = self.settings.names.iter().all(|name| covers(&current.chain, name));
        (same && all).then_some(current)
    }

    fn due(&self, current: Option<&Stored>) -> Option<SystemTime> {
        let current = current?;
        let leaf = current.chain.leaf();
        let window = self.attempts.window(&leaf.fingerprint.to_string());
        Some(plan::due(life(current), window, plan::fraction(leaf.fingerprint.bytes())))
    }

    /// The certificate that a new one takes the place of, where the authority wants to know (RFC 9773 5).
    fn replaces(&self) -> Option<CertificateIdentifier<'static>> {
        let current = self.current()?;
        self.attempts.window(&current.chain.leaf().fingerprint.to_string())?;
        let leaf = current.chain.certificates().first()?;
        CertificateIdentifier::try_from(leaf).ok().map(CertificateIdentifier::into_owned)
    }

    /// Asks when the authority wants `current` renewed, as often as it wants to be asked (RFC 9773 4.3).
    async fn look_at_window(&mut self, current: &Stored, now: SystemTime) {
        let fingerprint = current.chain.leaf().fingerprint.to_string();
        let known = self.attempts.window_of.as_deref() == Some(&fingerprint);
        // what a clock that was far ahead wrote down does not hold
        let next = self.attempts.window_asked_next.map(time).filter(|next| *next <= now + MOST_WINDOW_PAUSE);
        if known && next.is_some_and(|next| now < next) {
            return;
        }
        let asked = self.ask_window(current).await;
        let (window, pause) = match asked {
            Ok((window, pause)) => (Some(window), pause.clamp(LEAST_WINDOW_PAUSE, MOST_WINDOW_PAUSE)),
            Err(error) => {
                debug!(error = error.line(), "the authority does not say when to renew");
                self.account = None;
                (self.attempts.window.filter(|_| known), FAILED_WINDOW_PAUSE)
            }
        };
        self.attempts.window_of = Some(fingerprint);
        self.attempts.window = window;
        self.attempts.window_asked_next = Some(seconds(now + pause));
        if let Err(error) = self.store.keep_attempts(&self.attempts).await {
            warn!(error = error.line(), "what the authority said about renewal is not kept");
        }
    }

    async fn ask_window(&mut self, current: &Stored) -> Result<((u64, u64), Duration), Error> {
        let leaf = current
            .chain
            .certificates()
            .first()
            .ok_or_else(|| Error::Useless { why: "it is empty".into() })?;
        let id = CertificateIdentifier::try_from(leaf).map_err(|why| Error::Useless { why })?;
        let account = self.account().await?;
        let asked = account.renewal_info(&id).await;
        let (info, pause) = asked.map_err(|error| refused("say when to renew", error, &self.client))?;
        let window = info.suggested_window;
        Ok(((seconds(window.start.into()), seconds(window.end.into())), pause))
    }
}

fn life(stored: &Stored) -> Life {
    let validity = stored.chain.leaf().validity;
    Life { not_before: validity.not_before, not_after: validity.not_after }
}

/// Whether the authority does not know the account that was used.
fn no_account(error: &Error) -> bool {
    matches!(error, Error::Authority { why, .. } if why.contains("(accountDoesNotExist)"))
}

fn rfc3339(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| format!("{at:.0}")).unwrap_or_default()
}

/// How often it is looked whether something is due.
const TICK: Duration = Duration::from_secs(2);

/// How many attempts must fail in a row before somebody is told, as long as there is a valid certificate.
const SAID_AFTER: u32 = 3;

/// Between two questions about the window.
const LEAST_WINDOW_PAUSE: Duration = Duration::from_secs(60 * 60);
const MOST_WINDOW_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
const FAILED_WINDOW_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);
