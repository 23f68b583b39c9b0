//! What is there, and how a test changes it without a call.

mod devices;
mod sites;
mod tokens;
mod webhooks;

pub use webhooks::NewWebhook;
