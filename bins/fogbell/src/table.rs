//! Rows of texts, for people.

use std::fmt::Write;

use crate::tail::printable;

/// Rows as lines, with every column but the last as wide as its longest text.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|text| printable(text))).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    let mut lines = String::new();
    for row in &rows {
        let mut line = String::new();
        for (text, width) in row.iter().zip(widths) {
            let _ = write!(line, "{text:<width$}  ");
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_text_and_no_text_moves_the_cursor() {
        let rows = [["a", "b", "c"], ["äö", "", "d\u{1b}[2J"]].map(|row| row.map(str::to_owned));

        assert_eq!(table(&rows), "a   b  c\näö     d [2J\n");
    }
}
