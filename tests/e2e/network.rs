//! What stands between Mist and the relay: proxies, firewalls, and the addresses they tell apart.

mod clouds;
mod needs_root;
mod proxies;
mod unlisted;
mod weakened;

use e2e::{Config, Curl, Fogbell, Response, sign};

/// A message as Mist makes it.
pub(crate) const MESSAGE: &str = r#"{"topic":"device-events","events":[{"id":"7c0b6b0a-3a3e-4d8e-9a43-0d6b6b0a1001","type":"AP_CONFIGURED","timestamp":1700000000,"org_id":"9777c1a0-6ef6-11e6-8bbf-02e208b2d34f","site_id":"978c48e6-6ef6-11e6-8bbf-02e208b2d34f","ap":"5c5b350e0410"}]}"#;

/// A relay that lets in these networks and no other.
fn only(networks: &str) -> Config {
    Config::new().set("gate", "networks", &format!("[{networks}]"))
}

/// A good message to `url` from `source`, with these lines of `X-Forwarded-For`.
fn good(relay: &Fogbell, url: &str, source: &str, forwarded: &[&str]) -> Response {
    let curl = Curl::new(url).ca(relay.ca()).body(MESSAGE).argument("--interface").argument(source);
    let curl = curl.header("X-Mist-Signature-v2", &sign(Config::SECRET, MESSAGE.as_bytes()));
    forwarded.iter().fold(curl, |curl, line| curl.header("X-Forwarded-For", line)).run()
}

/// How many connections the relay closed for `reason`.
fn closed(relay: &Fogbell, reason: &str) -> f64 {
    relay.metric("fogbell_connections_closed_total", &format!("reason=\"{reason}\""))
}
