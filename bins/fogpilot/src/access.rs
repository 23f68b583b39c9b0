//! Which organisation in Mist is asked, and with which token.

use std::path::PathBuf;
use std::time::Duration;

use ids::{Cloud, OrgId};
use mist::Client;

use crate::exit::Failure;
use crate::home::Home;
use crate::profile::{ProfileName, Profiles, mist_client, mist_host};
use crate::safe::hidden;

/// An organisation in Mist: that of a profile, or one that is named here.
#[derive(clap::Args)]
pub(crate) struct Access {
    /// The profile; the only one there is, unless --org names an organisation
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cloud", "api_host", "org", "token_file", "ca"])]
    profile: Option<ProfileName>,
    #[command(flatten)]
    home: Home,
    /// Cloud that the organisation lives in, such as global-01; `fogbell clouds` lists them
    #[arg(long, conflicts_with = "api_host", requires = "org")]
    cloud: Option<Cloud>,
    /// Host of the API, where it is of no known cloud
    #[arg(long, value_name = "HOST[:PORT]", requires = "org")]
    api_host: Option<String>,
    /// Id of the organisation
    #[arg(long, value_name = "ID")]
    org: Option<OrgId>,
    /// File with the API token, which nobody else may read; without it the terminal is asked
    #[arg(long, value_name = "FILE", requires = "org")]
    token_file: Option<PathBuf>,
    /// File with the authorities in PEM that may vouch for the API, in place of the system's
    #[arg(long, value_name = "FILE", requires = "org")]
    ca: Option<PathBuf>,
    /// How long a call may wait for its turn when the token's calls of this hour are spent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait_secs: u32,
}

impl Access {
    /// A client that asks it, and the organisation; nothing is asked yet.
    pub(crate) fn client(&self) -> Result<(Client, OrgId), Failure> {
        match self.org {
            Some(org) => Ok((self.named()?, org)),
            None => self.of_profile(),
        }
    }

    fn of_profile(&self) -> Result<(Client, OrgId), Failure> {
        let profiles = Profiles::load(&self.home.profiles()?)?;
        let (name, profile) = profiles.find(self.profile.as_ref()).map_err(|failure| {
            Failure::usage(format!("{}; or name the organisation with --org and --cloud", failure.text()))
        })?;
        let token = self.home.unlock()?.secret(&format!("{name}/mist"))?;
        let client = mist_client(profile.mist_host()?, profile.api_ca.as_deref(), &token, self.patience())?;
        Ok((client, profile.org))
    }

    fn named(&self) -> Result<Client, Failure> {
        let host = mist_host(self.cloud, self.api_host.as_deref())?;
        let token = match &self.token_file {
            Some(path) => pki::read_private(path)?,
            None => hidden("API token: ", "--token-file")?,
        };
        mist_client(host, self.ca.as_deref(), &token, self.patience())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.wait_secs.into())
    }
}
