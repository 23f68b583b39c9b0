//! The relay as a service of systemd: handed a socket, heard by the watchdog, shut off from the rest of the machine.

mod handed_over;
mod needs_root;
mod unit;
mod watched;
