//! A run against a whole estate: a fake cloud, a fake conductor, and routers that live by themselves.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "run/candidate.rs"]
mod candidate;
#[path = "estate/clients.rs"]
mod clients;
#[path = "run/commit.rs"]
mod commit;
#[path = "run/crash.rs"]
mod crash;
#[path = "run/rows.rs"]
mod rows;
#[path = "run/stage.rs"]
mod stage;
#[path = "run/world.rs"]
mod world;
