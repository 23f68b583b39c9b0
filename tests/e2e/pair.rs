//! Two relays, each with a journal of its own, behind one virtual IP.

mod client;
mod facts;
mod needs_root;
mod node;
