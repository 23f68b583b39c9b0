//! The pipeline: Juniper Mist webhooks in, SNMP notifications and syslog out, nothing acknowledged lost.
//!
//! ```text
//! listener → screen → admit → inbox → interpret → outbox → route → encode → sink
//!            └─────── gate ──┘  └───────── journal ───────┘
//! ```
//!
//! [`Setup`] checks a [`Config`] with its secrets and certificates; it binds and writes nothing. [`Relay::open`]
//! opens what the relay keeps, [`Relay::run`] serves until it is told to stop and then drains in the order of
//! the data.

pub mod config;

mod listener;

mod intake;

mod inbox;

mod interpreter;

mod outbox;

mod route;

mod view;

mod sink;

mod admin;
mod certificate;
mod concerns;
mod engine;
mod error;
mod feed;
mod health;
mod keep;
mod metrics;
mod probe;
mod ration;
mod relay;
mod reload;
mod rulebook;
mod setup;
mod silence;
mod sources;
mod stop;
mod supervisor;
mod tls;
mod trail;

pub use admin::history::{bytes_of, digits};
pub use admin::{
    ABOUT, ALERT, ALERTS, CERTIFICATE, CERTIFICATE_RENEW, JOURNAL_FORGET, JOURNAL_STATUS, PING_FOLLOW,
    PING_WATCH, RELOAD, REPLAY, STATE, TEST,
};
pub use certificate::{Certificate, Renewed, Served, SwapError};
pub use concerns::{Concern, Concerns};
pub use config::Config;
pub use engine::engine_path;
pub use error::{Cause, Chain, Error};
pub use feed::{Feed, UnnamedStream};
pub use health::Health;
pub use inbox::is_webhook;
pub use listener::head::HeadWatch;
pub use probe::{probe_snmp, probe_syslog};
pub use relay::{Drained, Relay, Sockets};
pub use reload::{AskedReload, NotReloaded, Reloader};
pub use route::{Judged, JudgedRoute, LeftOut, Outcome};
pub use rulebook::{BadFilter, Filter, Rulebook, Sent, Shown};
pub use setup::{ReadSecret, Setup, cloud_table, snmp_credentials};
pub use silence::{AskedPing, PingStream, Pinged};
pub use sink::Failure;
pub use tls::Identity;
