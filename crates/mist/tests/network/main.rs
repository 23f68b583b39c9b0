//! The client against a server on loopback that does what it is told, over TLS.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod budget;
mod odd;
mod pages;
mod proxy;
mod retry;
mod sending;
mod server;
