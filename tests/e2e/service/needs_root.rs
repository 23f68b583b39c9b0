//! What a process that holds secrets keeps from others, and what the unit lets it do.

mod calls;
mod protected;
