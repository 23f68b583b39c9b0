//! Answers on standard output, for people and for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use ids::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON object; its `version` changes when a field gets another meaning
    Json,
    /// One JSON object a line, one line a row
    Ndjson,
    /// One line a row, with a head
    Csv,
}

/// The version of every JSON answer.
pub(crate) const VERSION: u32 = 1;

/// A time in an answer: RFC 3339, as everywhere outside.
pub(crate) fn time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// The same of one that may not be there.
pub(crate) fn time_if<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

/// Writes `answer` as JSON.
pub(crate) fn json(answer: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(answer)?;
    text.push('\n');
    io::stdout().write_all(text.as_bytes())
}

/// Writes `answer`, whose field `rows` is a list, in any format: whole as JSON; its rows, each as it is, as NDJSON; and
/// their `cells` below `head` as a table or CSV.
pub(crate) fn rows(
    format: Format,
    answer: &impl Serialize,
    rows: &str,
    head: &[&str],
    cells: &[Vec<String>],
) -> io::Result<()> {
    match format {
        Format::Json => json(answer),
        Format::Ndjson => {
            let mut answer = serde_json::to_value(answer)?;
            let list = answer.get_mut(rows).map(Value::take);
            lines(list.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default())
        }
        Format::Csv => csv(head, cells),
        Format::Table => {
            let head = head.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
            let all: Vec<Vec<String>> = std::iter::once(head).chain(cells.iter().cloned()).collect();
            io::stdout().write_all(aligned(&all).as_bytes())
        }
    }
}

/// Writes `answer`, of which `facts` are what people read, in any format.
pub(crate) fn facts(format: Format, answer: &impl Serialize, facts: &[[String; 2]]) -> io::Result<()> {
    match format {
        Format::Json => json(answer),
        Format::Ndjson => lines(&[serde_json::to_value(answer)?]),
        Format::Csv => csv(&["what", "value"], facts),
        Format::Table => table(facts),
    }
}

/// Writes one JSON object a line.
pub(crate) fn lines(objects: &[Value]) -> io::Result<()> {
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    io::stdout().write_all(text.as_bytes())
}

fn csv<R: AsRef<[String]>>(head: &[&str], rows: &[R]) -> io::Result<()> {
    let mut text = csv::Writer::from_writer(Vec::new());
    text.write_record(head)?;
    for row in rows {
        text.write_record(row.as_ref().iter().map(|cell| defused(cell)))?;
    }
    let bytes = text.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    io::stdout().write_all(&bytes)
}

/// A cell that no spreadsheet takes for a formula.
pub(crate) fn defused(cell: &str) -> String {
    let quote = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell != "-";
    if quote { format!("'{cell}") } else { cell.to_owned() }
}

/// Writes rows of cells, each column as wide as its widest cell; the last one as it is.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> io::Result<()> {
    io::stdout().write_all(aligned(rows).as_bytes())
}

/// Rows of cells, each column as wide as its widest cell; the last one as it is.
pub(crate) fn aligned<R: AsRef<[String]>>(rows: &[R]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.as_ref().len()), 0);
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.as_ref().iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula() {
        for (cell, expect) in
            [("=1+1", "'=1+1"), ("@x", "'@x"), ("a=b", "a=b"), ("-", "-"), ("-1", "'-1"), ("", "")]
        {
            assert_eq!(defused(cell), expect);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a".to_owned(), "bcd".to_owned()], ["ef".to_owned(), String::new()]];
        assert_eq!(aligned(&rows), "a   bcd\nef\n");
    }
}
