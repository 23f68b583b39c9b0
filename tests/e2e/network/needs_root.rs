//! The relay in networks of its own.

mod firewall;
mod nat;
