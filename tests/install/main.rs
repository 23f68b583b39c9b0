//! The package on a Debian with a running systemd. `cargo xtask test install` runs this.
#![allow(clippy::unwrap_used, reason = "stories are tests, their own functions too")]

mod debian;
mod life;
mod scene;
