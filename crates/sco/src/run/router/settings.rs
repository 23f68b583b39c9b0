//! What the site of a router tells it: read, compared, written, read back.

use mist::ssr::{SsrSetting, write_setting};
use mist::{Scope, SecretText};

use super::{Grounds, Stuck};
use crate::RouterName;
use crate::decide::{judge_settings, settings_are_ours};
use crate::observe::{SsrState, TokenState};
use crate::plan::Steps;
use crate::run::sites::Hold;
use crate::run::{Happened, RouterEntry, SettingsNote, SettingsThen};
use crate::step::{Invited, SiteReady};
use crate::token::TokenFingerprint;

impl Grounds<'_> {
    /// Has the site tell the token of the router that holds it.
    pub(super) async fn tell_site<'p>(
        &self,
        invited: Invited<'p>,
        router: &RouterName,
        left: &Steps,
        _hold: &Hold,
    ) -> Result<SiteReady<'p>, Stuck> {
        let found = self.world.site_setting(left.site).await?;
        let state = SsrState::of(Some(&found));
        let token = invited.token().fingerprint();
        let stands = matches!(state.token, TokenState::Set(_))
            && settings_are_ours(&state, &left.conductor_hosts, token);
        if !stands {
            self.accept(&state, left)?;
            let note = SettingsNote {
                site: left.site,
                hosts: left.conductor_hosts.clone(),
                token,
                then: SettingsThen { hosts: state.conductor_hosts.clone(), token: state.token.into() },
            };
            self.note(router, RouterEntry::SettingsIntended(note))?;
            self.write(&invited, found, left).await?;
        }
        let read_back = SsrState::of(Some(&self.world.site_setting(left.site).await?));
        let ready = invited.site_ready(&read_back).map_err(Stuck::step("settings"))?;
        if !stands {
            if read_back.token == TokenState::Masked {
                let text = format!("site {}: the token is set, not readable", left.site);
                self.watch.happened(&Happened::Warning { text: text.into() });
            }
            self.note(router, RouterEntry::SettingsWritten { site: left.site, token })?;
            self.watch.happened(&Happened::SettingsWritten { router: router.clone(), site: left.site });
        }
        Ok(ready)
    }

    /// What stands there and is to be replaced must have been accepted, whenever it came there.
    fn accept(&self, found: &SsrState, left: &Steps) -> Result<(), Stuck> {
        let flags = judge_settings(left.site, found, &left.conductor_hosts, &self.our_tokens(), &[]);
        match flags.iter().find(|flag| !self.options.accepted.settings(flag)) {
            Some(flag) => {
                Err(Stuck::failed("settings", format!("site {}: {flag}; nothing was written", left.site)))
            }
            None => Ok(()),
        }
    }

    /// Every token that this run made: one of them in a site was put there by this run.
    fn our_tokens(&self) -> Vec<TokenFingerprint> {
        self.record.with_progress(|progress| {
            progress.routers.values().flat_map(|router| router.tokens.iter().copied()).collect()
        })
    }

    /// Writes the addresses and the token, and everything else as it was found. A token that was read is never among it.
    async fn write(&self, invited: &Invited<'_>, found: SsrSetting, left: &Steps) -> Result<(), Stuck> {
        let ssr = SsrSetting {
            conductor_hosts: left.conductor_hosts.iter().map(ToString::to_string).collect(),
            conductor_token: Some(SecretText::new(invited.token().expose())),
            extra: found.extra,
        };
        match self.world.mist.send(&write_setting(Scope::Site(left.site), &ssr)).await {
            Ok(_) => Ok(()),
            Err(problem) if is_refused(&problem) => Err(Stuck::mist("settings", problem)),
            // reading tells whether it was done
            Err(problem) => {
                tracing::warn!(site = %left.site, problem = %problem, "reading what became of the settings");
                Ok(())
            }
        }
    }
}

/// Whether Mist said no, so that nothing was done.
pub(super) fn is_refused(problem: &mist::Problem) -> bool {
    match problem {
        mist::Problem::OutOfBudget { .. } => true,
        problem => problem.status().is_some_and(|status| status.is_client_error()),
    }
}
