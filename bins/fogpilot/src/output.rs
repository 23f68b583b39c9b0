//! Answers on standard output, for people and for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON object; its `version` changes when a field gets another meaning
    Json,
}

/// The version of every JSON answer.
pub(crate) const VERSION: u32 = 1;

/// Writes `answer` as JSON.
pub(crate) fn json(answer: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(answer)?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())
}

/// Writes rows of cells, each column as wide as its widest cell; the last one as it is.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    io::stdout().write_all(text.as_bytes())
}
