//! The onboarding token of a router: taken from where it is kept, or made just before its turn.

use conductor::{Lifetime, Line, PcliProblem};
use ids::Timestamp;
use tokio::time::sleep;

use super::{Grounds, Stuck};
use crate::plan::Steps;
use crate::run::look::conductor_name;
use crate::run::{Happened, RouterEntry, TokenNote, TokenSource};
use crate::step::{Committed, Invited, TokenCheck};
use crate::token::{OnboardingToken, find_tokens};
use crate::{RouterName, run::KeepError};

impl Grounds<'_> {
    /// A token for the router that is `committed`, judged and kept.
    pub(super) async fn invite<'p>(
        &self,
        committed: Committed<'p>,
        left: &Steps,
    ) -> Result<Invited<'p>, Stuck> {
        let router = committed.router();
        let (token, source) = match self.kept(&committed)? {
            Some(token) => (token, TokenSource::Person),
            None => (self.make(router, left).await?, TokenSource::CommandLine),
        };
        let token = committed.invite(token, &self.check()).map_err(Stuck::step("token"))?;
        let (fingerprint, expires) = (token.token().fingerprint(), token.token().expires());
        if self.progress(router).token.is_some_and(|note| note.token == fingerprint) {
            return Ok(token);
        }
        self.keep.put(router, token.token()).map_err(keep_failed)?;
        self.note(router, RouterEntry::TokenMade(TokenNote { token: fingerprint, expires, source }))?;
        for warning in &token.judgement().warnings {
            self.watch.happened(&Happened::Warning { text: format!("token of {router}: {warning}").into() });
        }
        self.watch.happened(&Happened::TokenMade { router: router.clone(), token: fingerprint, expires });
        Ok(token)
    }

    /// The token that is kept. One that is not good any more is passed over where another can be made.
    fn kept(&self, committed: &Committed<'_>) -> Result<Option<OnboardingToken>, Stuck> {
        let Some(token) = self.keep.get(committed.router()).map_err(keep_failed)? else { return Ok(None) };
        let usable = committed.judge(&token, &self.check()).is_usable(&self.options.trust.accepted);
        Ok((usable || self.world.pcli.is_none()).then_some(token))
    }

    fn check(&self) -> TokenCheck<'_> {
        let deadlines = self.plan.deadlines();
        let trust = &self.options.trust;
        TokenCheck {
            anchor: trust.anchor.as_ref(),
            served: trust.served.as_ref(),
            now: Timestamp::from_micros(Timestamp::now().micros().saturating_add(trust.clock_ahead_micros)),
            margin: deadlines.auth.saturating_add(deadlines.running),
            accepted: &trust.accepted,
        }
    }

    /// Has the conductor make one. None is kept there, so that asking again is no harm.
    async fn make(&self, router: &RouterName, left: &Steps) -> Result<OnboardingToken, Stuck> {
        let Some(pcli) = &self.world.pcli else {
            let why = "there is no token for it and no way to the conductor's command line; make one there (`render` prints the \
                       command), give it to `import-token`, then `resume`";
            return Err(Stuck::failed("token", why));
        };
        let hours = u16::try_from(left.token_hours).ok().and_then(|hours| Lifetime::hours(hours).ok());
        let lifetime =
            hours.ok_or_else(|| Stuck::failed("token", "its lifetime is longer than a year; plan again"))?;
        let line = Line::create_token(&conductor_name(router), lifetime);
        let mut tries = 1;
        loop {
            match pcli.run(&line).await {
                Ok(said) => return one_token(said.text()),
                Err(problem) if is_transient(&problem) && tries < TRIES => {
                    tracing::warn!(%router, problem = %problem, "asking for the token once more");
                    tries += 1;
                    sleep(self.world.pace.poll / 4).await;
                }
                Err(problem) => {
                    let why = format!(
                        "the conductor made no token: {}; `resume` asks again",
                        super::chain(&problem)
                    );
                    return Err(Stuck::failed("token", why));
                }
            }
        }
    }
}

fn one_token(said: &str) -> Result<OnboardingToken, Stuck> {
    let mut found = find_tokens(said).tokens;
    match (found.pop(), found.is_empty()) {
        (Some(found), true) => Ok(found.token),
        (Some(_), false) => Err(Stuck::failed(
            "token",
            "the conductor printed more than one token; make it by hand and `import-token` it",
        )),
        (None, _) => Err(Stuck::failed(
            "token",
            "the conductor printed no token; make it by hand and `import-token` it",
        )),
    }
}

const fn is_transient(problem: &PcliProblem) -> bool {
    matches!(
        problem,
        PcliProblem::Ssh { .. }
            | PcliProblem::Timeout { .. }
            | PcliProblem::Broken { .. }
            | PcliProblem::Failed { .. }
    )
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn keep_failed(error: KeepError) -> Stuck {
    Stuck::failed("token", format!("{}; see to the vault, then `resume`", super::chain(&error)))
}

const TRIES: u32 = 3;
