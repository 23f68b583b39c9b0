//! What is wrong with the file, and where.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// The line, the first one 1; 0 when it is of the whole file.
    pub line: u64,
    /// The column as a spreadsheet counts, the first one 1; 0 when it is of the whole line.
    pub column: usize,
    /// What is wrong and what to do.
    pub text: String,
}

impl Fault {
    pub(super) fn whole(text: impl Into<String>) -> Self {
        Self { line: 0, column: 0, text: text.into() }
    }

    pub(super) fn line(line: u64, text: impl Into<String>) -> Self {
        Self { line, column: 0, text: text.into() }
    }

    pub(super) fn at(line: u64, column: usize, text: impl Into<String>) -> Self {
        Self { line, column, text: text.into() }
    }

    pub(super) const fn is_at(&self, line: u64, column: usize) -> bool {
        self.line == line && self.column == column
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.text),
            (line, 0) => write!(f, "{line}: {}", self.text),
            (line, column) => write!(f, "{line}:{column}: {}", self.text),
        }
    }
}

/// Everything that is wrong with a file; at least one thing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{} in the file; nothing was changed", count(_0.len()))]
pub struct Faults(pub Vec<Fault>);

fn count(faults: usize) -> String {
    if faults == 1 { "1 error".to_owned() } else { format!("{faults} errors") }
}

pub(super) fn sort(faults: &mut [Fault]) {
    faults.sort_by_key(|fault| (fault.line, fault.column));
}
