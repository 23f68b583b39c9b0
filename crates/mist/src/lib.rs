//! A client of the Juniper Mist REST API.
//!
//! An operation is a function that makes a value: a [`Request`], or a [`Listing`] where the answer comes in pages. A
//! [`Client`] sends it. All that a token may do in an hour is one [`Budget`], all retries are in one place, and what goes
//! wrong is a [`Problem`]. Nothing is global.
//!
//! - [`account`]: who asks, what is left of the hour, the organisation.
//! - [`sites`], [`inventory`], [`stats`]: sites and maps, devices and where they are assigned, how they are.
//! - [`definitions`]: what alarms, events and topics there are.
//! - [`webhooks`], [`alarms`], [`events`]: webhooks and their deliveries, alarms, device events, audits.
//! - [`ssr`]: the conductor in the settings, and ID tokens.
//! - [`Client::call`]: everything else.
//!
//! The vendor's document is a hint and no contract: every field may be missing, a field of another type than known stays
//! in [`Extra`] like an unknown one, names are open, times are read in every form.
//!
//! ```no_run
//! use fogbell_mist::{ApiToken, Client, Settings, sites};
//! use ids::{Cloud, OrgId};
//!
//! # async fn run(token: String, org: OrgId) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Settings::new(Cloud::Emea01.into(), ApiToken::new(token)?))?;
//! let tenth = client.budget().share(10);
//! let mut sites = client.within(&tenth).pages(sites::list(org));
//! while let Some(page) = sites.next_page().await {
//!     for site in page? {
//!         println!("{:?} {:?}", site.id, site.name);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

pub mod account;
pub mod alarms;
pub mod definitions;
pub mod events;
pub mod inventory;
pub mod shape;
pub mod sites;
pub mod ssr;
pub mod stats;
pub mod webhooks;

mod answer;
mod budget;
mod client;
mod connect;
mod endpoint;
mod fields;
mod host;
mod id;
mod listing;
mod open;
mod pages;
mod problem;
mod proxy;
mod query;
mod request;
mod scope;
mod secret;
mod settings;

pub use answer::{Answer, Misfit};
pub use budget::{Budget, Hurry, Share};
pub use client::Client;
pub use endpoint::Endpoint;
pub use fields::Extra;
pub use host::{Host, HostError};
pub use id::{Id, IdError};
pub use listing::{Cursor, CursorError, Listing};
pub use pages::Pages;
pub use problem::Problem;
pub use proxy::{Proxy, ProxyError};
pub use query::{Order, Period};
pub use request::Request;
pub use scope::Scope;
pub use secret::{ApiToken, SecretText, TokenError};
pub use settings::{Retry, Settings, SettingsError};
