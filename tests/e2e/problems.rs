//! A problem has a beginning, repeats and an end, and every receiver can tell which belongs to which: through restarts,
//! kills, copies and messages that come late.

mod across;
mod copies;
mod parts;
mod scene;
