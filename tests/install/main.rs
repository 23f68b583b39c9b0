//! The package on a Debian with a running systemd. `cargo xtask test install` runs this.
#![allow(clippy::unwrap_used, reason = "stories are tests, their own functions too")]

mod as_written;
mod debian;
mod life;
mod port;
mod redhat;
mod scene;
mod static_programs;
mod ten_minutes;
