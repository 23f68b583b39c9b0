//! What the checks look at.

use std::io;
use std::path::Path;

use mist::Client;
use relay::config::{Org, OrgApi};
use relay::{ABOUT, Config};
use serde::Deserialize;

use crate::access;
use crate::secrets::Secrets;
use crate::socket;
use crate::webhook::here::Here;

/// A configuration, what runs by it, and what it leads to.
#[derive(Debug)]
pub(super) struct Patient<'a> {
    pub(super) config: &'a Config,
    /// The running relay; why it could not be asked.
    pub(super) relay: io::Result<Option<About>>,
    /// The authorities that Mist is taken to trust, when they are not the system's.
    pub(super) ca: Option<&'a Path>,
    /// Whether every site is to be looked at.
    pub(super) sites: bool,
}

/// What the running relay tells of itself.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    pub(super) version: String,
    pub(super) started: String,
    pub(super) configuration: String,
    pub(super) unready: Option<String>,
    pub(super) sources_hidden_by: Option<String>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_files_limit: Option<u64>,
}

impl<'a> Patient<'a> {
    pub(super) fn new(config: &'a Config, ca: Option<&'a Path>, sites: bool) -> Self {
        let relay =
            socket::ask(config, ABOUT).and_then(|told| Ok(told.map(serde_json::from_value).transpose()?));
        Self { config, relay, ca, sites }
    }

    /// What the running relay tells; nothing when none runs.
    pub(super) fn about(&self) -> Option<&About> {
        self.relay.as_ref().ok().and_then(Option::as_ref)
    }

    /// The organisations with an API, each with a client for it, or why there is none.
    pub(super) fn apis(&self) -> impl Iterator<Item = (&'a Org, &'a OrgApi, Result<Client, String>)> {
        let config = self.config;
        config.org.iter().enumerate().filter_map(move |(index, org)| {
            let api = org.api.as_ref()?;
            let client = access::kept(&Secrets::of(config), api)
                .map_err(|error| relay::Chain(error.as_ref()).to_string())
                .and_then(|token| {
                    access::client(config, index, api, token)
                        .map_err(|error| relay::Chain(&error).to_string())
                });
            Some((org, api, client))
        })
    }

    /// Where the webhooks of an organisation are received.
    pub(super) fn here(&self, org: &Org) -> Here {
        Here::of(self.config, org)
    }

    /// Host and port that Mist is told, by the first organisation.
    pub(super) fn public(&self) -> Option<(String, u16)> {
        self.here(self.config.org.first()?).authority()
    }

    /// Path of the configuration.
    pub(super) fn path(&self) -> String {
        self.config.source().0.display().to_string()
    }
}
