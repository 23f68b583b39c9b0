//! The organisations that the relay may ask Mist about.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use ::upstream::{Inbox, NotStored, Organisation, Upstream};
use alarm::directory::Lesson;
use alarm::{Fetched, OpenProblem};
use ids::{Mac, OrgId, Timestamp};
use mist::{ApiToken, Client, Host, Proxy, Settings};
use relay::config::{Org, OrgApi};
use relay::{Cause, Config, Feed, PingStream, Pinged, UnnamedStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::secrets::Secrets;
use crate::worries::Token;

/// Every organisation with an API, ready to be asked about; nothing is asked yet.
pub(crate) fn organisations(
    config: &Config,
    secrets: &Secrets<'_>,
) -> Result<Vec<(Organisation, u8)>, relay::Error> {
    let with_api = config.org.iter().enumerate().filter_map(|(i, org)| Some((i, org, org.api.as_ref()?)));
    with_api
        .map(|(i, org, api)| {
            let wrong = |key: &str, what: &str, source: Option<Cause>| relay::Error::Config {
                place: Box::new(config.place(&format!("org[{i}].api{key}"))),
                what: what.to_owned(),
                source,
            };
            let token = secrets
                .read(&api.token)
                .and_then(|bytes| Ok(ApiToken::new(str::from_utf8(&bytes)?.trim())?))
                .map_err(|source| {
                    let key = format!(".token.{}", api.token.key());
                    wrong(&key, "the token cannot be used", Some(source))
                })?;
            let client = client(org, api, token, &wrong)?;
            let (name, path) = (org.name.clone(), org.path.clone());
            Ok((Organisation { name, id: api.org_id, client, path }, api.budget_percent))
        })
        .collect()
}

/// What the relay asks with: hosts, organisations and tokens. Another one means asking anew.
#[derive(Eq, PartialEq)]
pub(crate) struct Access(Zeroizing<Vec<u8>>);

impl Access {
    /// That of `config`.
    pub(crate) fn of(config: &Config, secrets: &Secrets<'_>) -> Self {
        let mut all = Zeroizing::new(Vec::new());
        for org in config.org.iter().filter(|org| org.api.is_some()) {
            all.extend_from_slice(format!("{} {} {:?} ", org.name, org.path, org.api).as_bytes());
            let token = org.api.as_ref().and_then(|api| secrets.read(&api.token).ok());
            all.extend_from_slice(token.as_deref().map_or(&[], Vec::as_slice));
        }
        Self(all)
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}

/// A client of the API of an organisation, with `token`.
pub(crate) fn client(
    org: &Org,
    api: &OrgApi,
    token: ApiToken,
    wrong: &dyn Fn(&str, &str, Option<Cause>) -> relay::Error,
) -> Result<Client, relay::Error> {
    let host: Host =
        org.api_host().unwrap_or_default().parse().map_err(|error: mist::HostError| {
            wrong(".host", "this host cannot be asked", Some(error.into()))
        })?;
    let mut settings = Settings::new(host, token);
    if let Some(ca) = &api.ca {
        let pem =
            fs::read(ca).map_err(|source| wrong(".ca", "this file cannot be read", Some(source.into())))?;
        settings.ca = Some(pem);
    }
    if let Some(proxy) = &api.proxy {
        let proxy = Proxy::new(proxy, "");
        settings.proxy =
            Some(proxy.map_err(|error| wrong(".proxy", "this is no proxy", Some(error.into())))?);
    }
    Client::new(settings).map_err(|error| wrong("", "this API cannot be asked", Some(error.into())))
}

/// Has Mist send the pings that the relay wants, for as long as it is not dropped.
async fn ping(pings: Arc<Mutex<PingStream>>, organisations: HashMap<String, (OrgId, Client, String)>) {
    let mut pings = pings.lock().await;
    while let Some(asked) = pings.recv().await {
        // one that nobody can ask about is dropped, which says so
        if let Some((id, client, path)) = organisations.get(&asked.org) {
            let pinged = match ::upstream::ping(client, *id, path).await {
                Ok(()) => Pinged::Sent,
                Err(error) => Pinged::NotPossible(relay::Chain(&error).to_string()),
            };
            asked.answer(pinged);
        }
    }
}

/// The token of each organisation.
pub(crate) fn tokens(organisations: &[(Organisation, u8)]) -> Vec<Token> {
    let token = |org: &Organisation| Token { org: org.name.clone(), id: org.id, client: org.client.clone() };
    organisations.iter().map(|(org, _)| token(org)).collect()
}

/// Asks about every organisation for as long as the set is not dropped.
pub(crate) fn start(
    organisations: Vec<(Organisation, u8)>,
    feed: &Feed,
    unnamed: Arc<Mutex<UnnamedStream>>,
    pings: Arc<Mutex<PingStream>>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let asked = organisations.iter().map(|(org, _)| {
        let client = org.client.patient(PING_PATIENCE);
        (org.name.clone(), (org.id, client, org.path.clone()))
    });
    tasks.spawn(ping(pings, asked.collect()));
    let mut streams = HashMap::new();
    for (organisation, percent) in organisations {
        let (sender, stream) = mpsc::channel(UNNAMED);
        streams.insert(organisation.name.clone(), sender);
        let inbox = OrgInbox { feed: feed.clone(), org: organisation.name.clone() };
        let upstream = Upstream::new(organisation, inbox, percent, feed.last_entry());
        tasks.spawn(upstream.run(stream));
    }
    tasks.spawn(pass_on(unnamed, streams));
    tasks
}

/// Gives what has no name to the organisation that it is of.
async fn pass_on(unnamed: Arc<Mutex<UnnamedStream>>, streams: HashMap<String, mpsc::Sender<alarm::Unnamed>>) {
    let mut unnamed = unnamed.lock().await;
    while let Some((org, what)) = unnamed.recv().await {
        if let Some(stream) = streams.get(&org) {
            // whoever looks it up has enough to do; it will be met again
            let _full = stream.try_send(what);
        }
    }
}

/// The relay's inbox for one organisation.
#[derive(Debug)]
struct OrgInbox {
    feed: Feed,
    org: String,
}

impl Inbox for OrgInbox {
    async fn learned(&self, lesson: &Lesson) -> Result<(), NotStored> {
        self.feed.learned(&self.org, lesson).await.map_err(not_stored)
    }

    async fn fetched(&self, fetched: Fetched, body: Vec<u8>) -> Result<(), NotStored> {
        self.feed.fetched(&self.org, fetched, body.into()).await.map_err(not_stored)
    }

    async fn open(&self) -> Result<Vec<OpenProblem>, NotStored> {
        self.feed.open(&self.org).await.map_err(not_stored)
    }

    async fn devices(&self) -> Result<HashSet<Mac>, NotStored> {
        self.feed.devices(&self.org).await.map_err(not_stored)
    }

    async fn read_at(&self) -> Result<Option<Timestamp>, NotStored> {
        self.feed.read_at(&self.org).await.map_err(not_stored)
    }

    async fn filled(&self) -> Result<Option<Timestamp>, NotStored> {
        self.feed.filled(&self.org).await.map_err(not_stored)
    }
}

fn not_stored(error: impl Error + Send + Sync + 'static) -> NotStored {
    NotStored(Box::new(error))
}

/// How long having a ping sent may wait for its turn.
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// How many names that are missing may wait to be looked up for one organisation.
const UNNAMED: usize = 256;
