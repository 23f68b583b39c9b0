//! `fogbell doctor`: each check fails for its reason, and what it says mends it.

mod bundle;
mod here;
mod in_mist;
mod scene;
