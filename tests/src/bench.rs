//! What the programs of `cargo xtask bench` are made of: the references the relay is measured against, the load,
//! and the receiver. Their figures leave as one JSON object a line on standard output.

mod answer;
mod cpu;
mod drain;
mod end;
mod group;
mod load;
mod request;
mod server;

pub use drain::{Drained, drain};
pub use group::GroupLog;
pub use load::{Figures, Load};
pub use request::{PATH, SECRET, Signed, verified};
pub use server::serve;
