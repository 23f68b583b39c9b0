//! The webhooks in Mist, which is a fake that keeps state and really posts.

mod capture;
mod commands;
mod pings;
pub(crate) mod scene;
mod silence;
