//! Single decisions, each a rule of safety: what may be filled, lowered, cleaned up, rolled back.

mod cleanup;
mod cutoff;
mod health;
mod identity;
mod preflight;
mod rollback;
mod settings;

pub use cleanup::{Cleanup, CleanupDone, SiteAtCleanup, cleanup};
pub use cutoff::{LegacyCutoff, legacy_routers};
pub use health::{Deadlines, Evidence, Health, Sample, health};
pub use identity::{IdentityDecision, decide_identity};
pub use preflight::{
    Check, Outcome, PortProbe, Preflight, authority_checks, clock_check, first_mode_check, is_skewed,
    legacy_check, restart_check, restarted_check, version_check,
};
pub use rollback::{Held, Rollback, RollbackStep, Written, WrittenSettings, WrittenValue, rollback};
pub(crate) use settings::same_hosts;
pub use settings::{SettingsFlag, judge_settings, settings_are_ours};

#[cfg(test)]
mod tests;
