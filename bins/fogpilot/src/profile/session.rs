//! A profile with what opens it: clients of Mist and of its conductor.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conductor::{Conductor, Password, Pcli, PcliSettings, Trust};
use mist::{ApiToken, Client, Settings};
use sco::plan::Plan;
use sco::run::{Pace, World};
use zeroize::Zeroizing;

use super::file::{ConductorProfile, Profile, ProfileName, Profiles, Ssh};
use crate::exit::Failure;
use crate::home::Home;
use crate::safe::Unlocked;

/// Which profile, and how patient it is with Mist.
#[derive(Clone, clap::Args, Debug)]
pub(crate) struct Which {
    /// The profile; without it the only one there is
    #[arg(long, value_name = "NAME")]
    profile: Option<ProfileName>,
    #[command(flatten)]
    pub(crate) home: Home,
    /// How long a call to Mist may wait for its turn when the token's calls of this hour are spent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait_secs: u32,
    /// Divide every wait, for demonstrations
    #[arg(long, value_name = "N", hide = true, default_value_t = 1)]
    danger_time_factor: u32,
}

/// A profile, opened.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) name: ProfileName,
    pub(crate) profile: Profile,
    pub(crate) world: World,
    pub(crate) unlocked: Arc<Unlocked>,
}

impl Which {
    /// The profile.
    pub(crate) fn profile(&self) -> Result<(ProfileName, Profile), Failure> {
        let profiles = Profiles::load(&self.home.profiles()?)?;
        let (name, profile) = profiles.find(self.profile.as_ref())?;
        Ok((name.clone(), profile.clone()))
    }

    /// The profile of this name, whatever was given, unless another one was.
    pub(crate) fn named(&self, name: &ProfileName) -> Result<Self, Failure> {
        match &self.profile {
            Some(given) if given != name => {
                Err(Failure::usage(format!("this is of the profile `{name}`, and --profile says `{given}`")))
            }
            _ => Ok(Self { profile: Some(name.clone()), home: self.home.clone(), ..*self }),
        }
    }

    /// Opens the vault and makes the clients; nothing is asked of Mist or the conductor yet.
    pub(crate) fn open(&self) -> Result<Session, Failure> {
        self.open_with(Duration::from_secs(self.wait_secs.into()))
    }

    /// The same, for a run, which waits for the next hour when the calls of this one are spent.
    pub(crate) fn open_for_run(&self) -> Result<Session, Failure> {
        let mut session = self.open_with(RUN_PATIENCE)?;
        let share = session.world.mist.budget().share(RUN_SHARE);
        session.world.mist = session.world.mist.within(&share);
        Ok(session)
    }

    fn open_with(&self, patience: Duration) -> Result<Session, Failure> {
        let (name, profile) = self.profile()?;
        let unlocked = self.home.unlock()?;
        let token = unlocked.secret(&format!("{name}/mist"))?;
        let password = unlocked.secret(&format!("{name}/conductor"))?;
        let world = World {
            mist: mist_client(profile.mist_host()?, profile.api_ca.as_deref(), &token, patience)?,
            org: profile.org,
            conductor: conductor_client(&profile.conductor, &password)?,
            pcli: profile.ssh.as_ref().map(command_line).transpose()?,
            pace: self.pace(),
        };
        Ok(Session { name, profile, world, unlocked: Arc::new(unlocked) })
    }

    /// How fast everything goes.
    pub(crate) fn pace(&self) -> Pace {
        Pace::default().divided_by(self.danger_time_factor)
    }
}

impl Session {
    /// Whether a plan is for its organisation and its conductor.
    pub(crate) fn is_for(&self, plan: &Plan) -> Result<(), Failure> {
        let profile = &self.profile;
        if plan.org() != profile.org {
            let text = format!(
                "the plan is for the organisation {}, and the profile for {}",
                plan.org(),
                profile.org
            );
            return Err(Failure::usage(format!("{text}; give --profile with the one it was made with")));
        }
        if plan.conductor().to_string() != profile.conductor.pin {
            let text = format!("the plan is for the conductor with the key {}", plan.conductor());
            return Err(Failure::usage(format!("{text}, and the profile for {}", profile.conductor.pin)));
        }
        Ok(())
    }
}

/// A client of the Mist at `host`, for which the authorities in the file `ca` may vouch in place of the system's.
pub(crate) fn mist_client(
    host: mist::Host,
    ca: Option<&Path>,
    token: &[u8],
    patience: Duration,
) -> Result<Client, Failure> {
    let text = str::from_utf8(token).unwrap_or_default().trim();
    let mut settings = Settings::new(host, ApiToken::new(text)?);
    settings.ca = ca.map(authorities).transpose()?;
    settings.patience = patience;
    settings.user_agent = concat!("fogpilot/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(Client::new(settings)?)
}

/// A client of the conductor of a profile.
pub(super) fn conductor_client(profile: &ConductorProfile, password: &[u8]) -> Result<Conductor, Failure> {
    let host = profile.host.parse()?;
    let text = Zeroizing::new(String::from_utf8(password.to_vec()).map_err(|_| "the password is no text")?);
    let password = Password::new(text.trim_end_matches(['\r', '\n']))?;
    let mut settings = conductor::Settings::new(host, &profile.user, password);
    settings.trust = Trust::Pinned(profile.pin.parse()?);
    settings.user_agent = concat!("fogpilot/", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(Conductor::new(settings)?)
}

/// The command line of a profile.
pub(super) fn command_line(ssh: &Ssh) -> Result<Pcli, Failure> {
    let mut settings = PcliSettings::new(&*ssh.destination);
    settings.config.clone_from(&ssh.config);
    settings.jump.clone_from(&ssh.jump);
    Ok(Pcli::new(settings)?)
}

/// What is in a file with authorities.
fn authorities(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))
}

/// Others have the same token.
const RUN_SHARE: u8 = 80;
/// Until the hour is over, and a little.
const RUN_PATIENCE: Duration = Duration::from_secs(65 * 60);
