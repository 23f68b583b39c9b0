//! What a fake cloud is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{Estate, Readings};
use crate::Trust;
use crate::mist::DeviceKind;

/// What a [`FakeCloud`](super::FakeCloud) is started with; whatever Mist leaves undocumented is a choice here.
#[derive(Clone, Debug)]
pub struct CloudSettings {
    /// Where to listen; `127.0.0.1:0` unless told otherwise.
    pub address: SocketAddr,
    /// The organisations, sites and devices at the start.
    pub estate: Estate,
    /// How long ago that was made and last changed.
    pub estate_age: Duration,
    /// Who may have signed the certificates of webhook receivers. With `None` a webhook whose `verify_cert`
    /// is true reaches no receiver over TLS.
    pub trust: Option<Trust>,
    /// How long one delivery may take before it is given up and logged as a failure.
    pub delivery_deadline: Duration,
    /// How `req_payload` and the headers are written into the delivery log.
    pub payloads: Payloads,
    /// Calls per token and hour before a 429; Mist documents 5,000.
    pub calls_per_hour: u64,
    /// Whether `/self/usage` still answers when the calls are used up.
    pub usage_when_limited: bool,
    /// Whether `/self/usage` says in how many `seconds` the hour is over; the contract's example does not.
    pub usage_seconds: bool,
    /// The `X-Page-*` headers of answers that are arrays.
    pub page_headers: PageHeaders,
    /// How many rows an answer has at most, whatever `limit` asks for.
    pub most_rows: usize,
    /// The type of devices that `/inventory` lists when none is asked for; `None` is every type. The contract
    /// gives no default, an older version of it said `ap`.
    pub inventory_type: Option<DeviceKind>,
    /// Whether members of a virtual chassis have a `name` and a `site_id` of their own in the inventory.
    pub members_have_site: bool,
    /// The status for an organisation or site that exists but is not the token's: 403 or 404.
    pub foreign_status: u16,
    /// What stands for a secret that is not revealed; undocumented.
    pub mask: String,
    /// How the undocumented about the onboarding of routers is read at the start.
    pub readings: Readings,
    /// How many alarms, events, audits and log entries of deliveries an organisation keeps; the oldest of each
    /// give way.
    pub kept_rows: usize,
    /// How many calls are remembered for [`FakeCloud::calls`](super::FakeCloud::calls).
    pub kept_calls: usize,
}

impl Default for CloudSettings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            estate: Estate::small(1),
            estate_age: Duration::ZERO,
            trust: None,
            delivery_deadline: Duration::from_secs(10),
            payloads: Payloads::Exact,
            calls_per_hour: 5_000,
            usage_when_limited: true,
            usage_seconds: true,
            page_headers: PageHeaders::Sent,
            most_rows: 1_000,
            inventory_type: None,
            members_have_site: false,
            foreign_status: 403,
            mask: "********".to_owned(),
            readings: Readings::default(),
            kept_rows: 50_000,
            kept_calls: 65_536,
        }
    }
}

/// How the delivery log writes what was sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Payloads {
    /// `req_payload` is the body, byte for byte, as one JSON string; `req_headers` a JSON object as a string.
    #[default]
    Exact,
    /// As the contract's example has it: a backslash before every quotation mark of the text, and nothing else
    /// changed. To read it, replace `\"` by `"`.
    Escaped,
}

/// What is said in `X-Page-Limit`, `X-Page-Page` and `X-Page-Total`, which the contract does not mention and
/// Juniper's documentation does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PageHeaders {
    /// What is true.
    #[default]
    Sent,
    /// Nothing.
    Omitted,
    /// A total that counts the members of virtual chassis even where the rows leave them out.
    CountingMembers,
    /// A total that is so far off.
    Off(i64),
}
