//! Nobody but Mist gets in: every refusal its fixed answer, every bad connection its end, each counted, and nothing of
//! them in the journal.

mod answers;
mod bodies;
mod bombs;
mod connections;
mod heads;
mod memory;
mod smuggling;
mod sources;

// what the stories above share
mod ask;
mod judge;

use e2e::Config;

/// A message as Mist makes it.
const MESSAGE: &str = r#"{"topic":"device-events","events":[{"id":"7c0b6b0a-3a3e-4d8e-9a43-0d6b6b0a1001","type":"AP_CONFIGURED","timestamp":1700000000,"org_id":"9777c1a0-6ef6-11e6-8bbf-02e208b2d34f","site_id":"978c48e6-6ef6-11e6-8bbf-02e208b2d34f","ap":"5c5b350e0410"}]}"#;

/// Another one, to see two told apart.
const OTHER_MESSAGE: &str = r#"{"topic":"audits","events":[{"id":"7c0b6b0a-3a3e-4d8e-9a43-0d6b6b0a1002","message":"Update Site \"x\"","timestamp":1700000001,"org_id":"9777c1a0-6ef6-11e6-8bbf-02e208b2d34f"}]}"#;

/// A relay that hears one address and no other.
fn only(address: &str) -> Config {
    Config::new().set("gate", "networks", &format!("[\"{address}/32\"]"))
}
