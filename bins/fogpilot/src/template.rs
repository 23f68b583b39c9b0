//! `fogpilot template`: the list of routers, to be filled in.

use std::io::{self, Write as _};

use crate::exit::{Done, Exit};

/// Prints it.
pub(crate) fn print() -> Done {
    io::stdout().write_all(TEMPLATE.as_bytes())?;
    Ok(Exit::Ok)
}

const TEMPLATE: &str = include_str!("template.csv");

#[cfg(test)]
mod tests {
    use sco::input::{Column, Defaults, parse};

    use super::*;

    #[test]
    fn it_names_every_column_and_its_examples_are_good_rows() {
        let examples = TEMPLATE.lines().map(|line| {
            let example = line.starts_with("# ") && line.matches(',').count() == 7;
            if example { &line[2..] } else { line }
        });
        let filled: String = examples.map(|line| format!("{line}\n")).collect();

        let sheet = parse(filled.as_bytes(), &Defaults::default());

        assert_eq!(sheet.judge(), Ok(()));
        assert_eq!(sheet.rows.len(), 3);
        for column in Column::ALL {
            assert!(TEMPLATE.contains(&format!("\n# {column} ")), "{column}");
        }
    }

    #[test]
    fn as_it_is_it_has_no_rows() {
        let faults = parse(TEMPLATE.as_bytes(), &Defaults::default()).faults;

        assert_eq!(faults.len(), 1);
        assert!(faults[0].text.contains("no rows"), "{}", faults[0]);
    }
}
