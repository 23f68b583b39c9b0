//! Where JSON is written before it is hashed, or kept in as few bytes as it has.

use serde::Serialize;

/// A buffer that is used again and again.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch(Vec<u8>);

impl Scratch {
    /// `value` as JSON, until something else is written.
    ///
    /// # Panics
    ///
    /// When it is none: a map by keys that are no text.
    pub(super) fn json(&mut self, value: &impl Serialize) -> &[u8] {
        self.write(|out| serde_json::to_writer(out, value).expect("texts, numbers and maps by text are JSON"))
    }

    /// What `write` appends, until something else is written.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        self.0.clear();
        self.0.shrink_to(MOST_KEPT);
        write(&mut self.0);
        &self.0
    }
}

/// How much of the buffer is kept behind something large, in bytes.
const MOST_KEPT: usize = 16 << 10;
