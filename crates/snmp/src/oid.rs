//! Object identifiers.

use std::fmt;
use std::sync::Arc;

/// An object identifier.
///
/// Shape: two to 128 arcs, printed with dots between (`1.3.6.1.4.1.32473.1.0.1`). A clone costs no copy.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Oid(Arc<[u32]>);

impl Oid {
    pub(crate) fn new(arcs: &[u32]) -> Self {
        Self(arcs.into())
    }

    /// The numbers, from the root on.
    #[must_use]
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arc) in self.0.iter().enumerate() {
            write!(f, "{}{arc}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
