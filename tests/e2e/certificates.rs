//! The certificate of the listener: from files that change, from an authority, and what is said of it.

mod acme;
mod commands;
mod files;
mod watched;
