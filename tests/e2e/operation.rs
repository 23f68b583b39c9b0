//! A relay in service: it drains, comes back where it was, and answers for itself.

mod alive;
mod asked;
mod care;
mod cursors;
mod drain;
mod explained;
mod kept;
mod metrics;
mod reload;
mod rules;
mod tested;
mod tokens;

/// A body with one alarm of this type.
fn alarm(kind: &str) -> String {
    format!(r#"{{"topic":"alarms","events":[{{"id":"{kind}","type":"{kind}","timestamp":1767323045}}]}}"#)
}

/// A table of a syslog sink over TCP, known by its name also at the receiver; `more` is TOML.
fn sink(name: &str, address: &str, more: &str) -> String {
    format!(
        "[[syslog]]\nname = \"{name}\"\napp_name = \"{name}\"\naddress = \"{address}\"\ntransport = \"tcp\"\n{more}"
    )
}
