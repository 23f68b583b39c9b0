//! Mist as a command asks it: with the configured token, or one that is typed and not kept.

use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use ids::OrgId;
use mist::account::{Account, Role};
use mist::{ApiToken, Client, account};
use relay::config::{Org, OrgApi};
use relay::{Cause, Config};
use rustix::stdio;
use zeroize::Zeroizing;

use crate::secret::at_hand;
use crate::secrets::Secrets;
use crate::upstream;

/// Which organisation, and with which token.
#[derive(clap::Args, Debug)]
pub(crate) struct AccessArgs {
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    pub(crate) config: PathBuf,
    /// Name of the organisation in the configuration; needed when it has several
    #[arg(long, value_name = "NAME")]
    pub(crate) org: Option<String>,
    /// Use another API token, typed at the terminal or read from standard input; it is not kept
    #[arg(long)]
    pub(crate) ask_token: bool,
}

/// An organisation that can be asked about.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) config: Config,
    /// Its place in the configuration.
    index: usize,
    pub(crate) client: Client,
    pub(crate) org_id: OrgId,
}

impl Access {
    /// That of the configuration.
    pub(crate) fn of(args: &AccessArgs) -> Result<Self, Box<dyn Error>> {
        let config = Config::load(&args.config)?;
        let index = chosen(&config, args.org.as_deref())?;
        let org = &config.org[index];
        let Some(api) = &org.api else {
            return Err(format!(
                "organisation `{}` has no `api` in `{}`: it needs `org_id` and `token` there",
                org.name,
                args.config.display()
            )
            .into());
        };
        let token = match args.ask_token {
            true => asked("API token of Mist: "),
            false => kept(&Secrets::of(&config), api),
        };
        let token = token.map_err(plain)?;
        let (client, org_id) = (client(&config, index, api, token)?, api.org_id);
        Ok(Self { config, index, client, org_id })
    }

    pub(crate) fn org(&self) -> &Org {
        &self.config.org[self.index]
    }
}

/// A client for an organisation of the configuration, with `token`.
pub(crate) fn client(
    config: &Config,
    index: usize,
    api: &OrgApi,
    token: ApiToken,
) -> Result<Client, relay::Error> {
    let wrong = |key: &str, what: &str, source: Option<Cause>| relay::Error::Config {
        place: Box::new(config.place(&format!("org[{index}].api{key}"))),
        what: what.to_owned(),
        source,
    };
    upstream::client(&config.org[index], api, token, &wrong)
}

/// The token that the configuration names.
pub(crate) fn kept(secrets: &Secrets<'_>, api: &OrgApi) -> Result<ApiToken, Cause> {
    let bytes = secrets.read(&api.token)?;
    Ok(ApiToken::new(str::from_utf8(&bytes)?.trim())?)
}

/// A token typed at the terminal, or the whole of standard input when that is none.
pub(crate) fn asked(question: &str) -> Result<ApiToken, Cause> {
    let typed = if io::stdin().is_terminal() {
        at_hand::terminal()?.ask_hidden(question)?
    } else {
        // of its full size from the start: a buffer that grows leaves copies behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_TOKEN_BYTES));
        // not by the standard library's handle, whose buffer is not wiped
        let input = File::from(stdio::stdin().try_clone_to_owned()?);
        input.take(MAX_TOKEN_BYTES as u64).read_to_end(&mut bytes)?;
        bytes
    };
    Ok(ApiToken::new(str::from_utf8(&typed).map_err(|_| "the token is no text")?.trim())?)
}

/// The place of the organisation that is meant.
fn chosen(config: &Config, name: Option<&str>) -> Result<usize, String> {
    let names: Vec<&str> = config.org.iter().map(|org| org.name.as_str()).collect();
    match (name, names.as_slice()) {
        (None, [_]) => Ok(0),
        (None, []) => Err("the configuration has no [[org]]".to_owned()),
        (None, _) => Err(format!("name one of the organisations with --org: {}", names.join(", "))),
        (Some(name), _) => names
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| format!("there is no organisation `{name}`; there are: {}", names.join(", "))),
    }
}

/// What the token may do in the organisation; the most that any of its privileges says.
pub(crate) fn role(account: &Account, org: OrgId) -> Option<Role> {
    let of_org = |privilege: &&account::Privilege| privilege.org_id.is_none_or(|id| id == org);
    let roles: Vec<&Role> =
        account.privileges.iter().filter(of_org).filter_map(|privilege| privilege.role.as_ref()).collect();
    let found = [Role::Admin, Role::Write].iter().find(|role| roles.contains(role)).cloned();
    found.or_else(|| roles.first().map(|role| (*role).clone()))
}

/// Waits for `work` where a command waits for one thing only.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

/// A cause where threads do not matter.
pub(crate) fn plain(cause: Cause) -> Box<dyn Error> {
    cause
}

/// Longest token that is read.
const MAX_TOKEN_BYTES: usize = 4096;
