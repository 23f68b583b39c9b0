//! A client of the Session Smart Conductor: what onboarding a router needs of it, and no more.
//!
//! A [`Conductor`] speaks REST and GraphQL; where the call is not documented, [`Pcli`] hands a [`Line`] to the
//! conductor's command line through the operator's own `ssh`. The crate decides nothing: whether a change may be made,
//! and what a commit without an answer has done, is for the caller, who reads.
//!
//! - [`Conductor`]: login, the conductor itself, running configuration, assets, connectivity.
//! - [`Candidate`]: the one shared candidate configuration: read, patch, validate, commit, drop.
//! - [`Pcli`], [`Line`], [`Said`]: one command at a time, made of whitelisted words, and what came back.
//! - [`Version`]: what is too old, and which faults are known.
//! - [`Trust`], [`SpkiPin`]: the certificate is verified or pinned; there is no way to skip that.
//!
//! The vendor's interface is known from its documents and from public code that works against it: fields may be missing,
//! words are open, and what is not understood is an error that says so. `pre-shared-secret` is taken out of everything
//! that is read, before it leaves the crate.
//!
//! ```no_run
//! use fogbell_conductor::{Commit, Conductor, ConfigPath, Name, Password, Settings, Trust};
//! use serde_json::json;
//!
//! # async fn run(password: String, pin: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let mut settings = Settings::new("conductor.example.net".parse()?, "admin", Password::new(password)?);
//! settings.trust = Trust::Pinned(pin.parse()?);
//! let conductor = Conductor::new(settings)?;
//! for fault in conductor.system().await?.version.known_faults()? {
//!     println!("{fault}");
//! }
//!
//! let candidate = conductor.candidate();
//! if candidate.is_dirty().await? {
//!     return Err("somebody else has changes that are not committed".into());
//! }
//! let router = Name::new("store-0014")?;
//! candidate.patch(&ConfigPath::router_onboarding(&router), &json!({ "mode": "strong" })).await?;
//! match candidate.commit().await {
//!     Ok(Commit::Done) => println!("committed"),
//!     Ok(Commit::Refused(findings)) => println!("refused: {}", findings[0]),
//!     Err(problem) if problem.outcome_unknown() => println!("read the running configuration: {problem}"),
//!     Err(problem) => return Err(problem.into()),
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod assets;
mod candidate;
mod client;
mod connect;
mod finding;
mod graphql;
mod host;
mod name;
mod path;
mod pcli;
mod pin;
mod problem;
mod secret;
mod session;
mod settings;
mod system;
mod version;

pub use answer::without_secrets;
pub use assets::{Asset, Assets, Link};
pub use candidate::{Candidate, Commit};
pub use client::Conductor;
pub use finding::Finding;
pub use graphql::Judged;
pub use host::{Host, HostError};
pub use name::{Name, NameError, Word, WordError};
pub use path::ConfigPath;
pub use pcli::{Lifetime, LifetimeError, Line, Pcli, PcliProblem, PcliSettings, Said, Way};
pub use pin::{PinError, SpkiPin};
pub use problem::{Misfit, Problem};
pub use secret::{Password, PasswordError};
pub use settings::{Retry, Settings, SettingsError, Trust};
pub use system::System;
pub use version::{Fault, TooOld, Version, VersionError};

/// Readers of outside bytes as plain functions, for those who fuzz or have the bytes from elsewhere.
pub mod read {
    pub use crate::assets::{read_assets, read_connectivity};
    pub use crate::finding::read_findings;
    pub use crate::system::read_system;
}
