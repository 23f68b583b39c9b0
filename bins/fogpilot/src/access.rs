//! Which organisation in Mist is asked, and with which token.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ids::{Cloud, OrgId};
use mist::{ApiToken, Client, Host, Settings};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};
use crate::terminal::Terminal;

/// An organisation in Mist.
#[derive(clap::Args)]
pub(crate) struct Access {
    /// Cloud that the organisation lives in, such as global-01; `fogbell clouds` lists them
    #[arg(long, required_unless_present = "api_host", conflicts_with = "api_host")]
    cloud: Option<Cloud>,
    /// Host of the API, where it is of no known cloud
    #[arg(long, value_name = "HOST[:PORT]")]
    api_host: Option<Host>,
    /// Id of the organisation
    #[arg(long, value_name = "ID")]
    pub(crate) org: OrgId,
    /// File with the API token, which nobody else may read; without it the terminal is asked
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with the authorities in PEM that may vouch for the API, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How long a call may wait for its turn when the token's calls of this hour are spent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait_secs: u32,
}

impl Access {
    /// A client that asks it; nothing is asked yet.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let host = match (&self.api_host, self.cloud) {
            (Some(host), _) => host.clone(),
            (None, Some(cloud)) => cloud.into(),
            (None, None) => {
                return Err(Failure::usage("nothing says where Mist is; give --cloud or --api-host"));
            }
        };
        let ca = self.ca.as_deref().map(authorities).transpose()?;
        let mut settings = Settings::new(host, self.token()?);
        settings.ca = ca;
        settings.patience = Duration::from_secs(self.wait_secs.into());
        settings.user_agent = concat!("fogpilot/", env!("CARGO_PKG_VERSION")).to_owned();
        Ok(Client::new(settings)?)
    }

    fn token(&self) -> Result<ApiToken, Failure> {
        let bytes = match &self.token_file {
            Some(path) => pki::read_private(path)?,
            None => typed()?,
        };
        let text = str::from_utf8(&bytes).unwrap_or_default().trim();
        Ok(ApiToken::new(text)?)
    }
}

fn authorities(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::usage(format!("cannot read `{}`: {error}", path.display())))
}

fn typed() -> Result<Zeroizing<Vec<u8>>, Failure> {
    let terminal = Terminal::open().ok_or_else(|| {
        Failure::usage("there is no terminal to ask for the API token at; give --token-file")
    })?;
    terminal
        .ask_hidden("API token: ")?
        .ok_or_else(|| Failure::of(Exit::Interrupted, "given up at the terminal"))
}
