//! What the programs of `cargo xtask bench` are made of: the references the relay is measured against, the load,
//! the receivers, and the stop-watch. Their figures leave as one JSON object a line on standard output.

mod answer;
mod clock;
mod cpu;
mod datagrams;
mod drain;
mod end;
mod group;
mod load;
mod request;
mod server;
mod start;
mod timeline;

pub use datagrams::datagrams;
pub use drain::{Drained, drain};
pub use group::GroupLog;
pub use load::{Extent, Figures, Load, Pace};
pub use request::{PATH, SECRET, Signed, verified};
pub use server::serve;
pub use start::Start;
