//! `fogbell doctor`: each check fails for its reason, and what it says mends it.

mod bundle;
mod certificate;
mod configuration;
mod here;
mod in_mist;
mod needs_root;
pub(crate) mod scene;
mod table;
