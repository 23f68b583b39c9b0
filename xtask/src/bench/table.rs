//! A table that reads the same on a terminal and in Markdown.

use std::fmt::{self, Write};

/// A head and rows; the first column is words, the others are figures or words.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|cell| (*cell).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as the head has.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        debug_assert_eq!(row.len(), self.head.len(), "{row:?}");
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = std::iter::once(&self.head).chain(&self.rows);
            cells.map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, row: &[String]| {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell:<width$} ")?;
            }
            f.write_str("|\n")
        };
        line(f, &self.head)?;
        for width in &widths {
            write!(f, "|{}", "-".repeat(width + 2))?;
        }
        f.write_str("|\n")?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

/// Lines as a list in Markdown.
pub(crate) fn list(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "- {line}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_under_each_other() {
        let mut table = Table::new(&["", "µs"]);
        table.push(vec!["bare".to_owned(), "7".to_owned()]);
        table.push(vec!["r".to_owned(), "1,000".to_owned()]);

        let expect = "\
|      | µs    |
|------|-------|
| bare | 7     |
| r    | 1,000 |
";
        assert_eq!(table.to_string(), expect);
    }
}
