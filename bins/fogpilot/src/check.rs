//! `fogpilot check`: the whole list of routers judged, before anything is asked or changed.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use sco::input::{Faults, Row};
use serde::Serialize;

use crate::exit::{Done, Exit};
use crate::output::{self, Format, VERSION};
use crate::routers::List;

#[derive(clap::Args)]
#[command(after_help = "Example:
  fogpilot check --conductor-host 203.0.113.10 routers.csv")]
pub(crate) struct Args {
    #[command(flatten)]
    list: List,
    /// How to write the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Tells everything that is wrong with the list.
pub(crate) fn check(args: &Args) -> Done {
    let judged = args.list.read()?;
    let answer = Answer::of(&judged);
    match args.output {
        Format::Table => io::stdout().write_all(text(&args.list, &judged).as_bytes())?,
        format => output::rows(format, &answer, "faults", &["line", "column", "text"], &answer.cells())?,
    }
    Ok(if judged.is_ok() { Exit::Ok } else { Exit::Usage })
}

fn text(list: &List, judged: &Result<Vec<Row>, Faults>) -> String {
    match judged {
        Ok(rows) => {
            let (rows, routers) = (rows.len(), routers(rows));
            format!("{}: nothing is wrong by itself: {rows} rows, {routers} routers\n", list.file.display())
        }
        Err(faults) => format!("{}{faults}\n", list.places(faults)),
    }
}

fn routers(rows: &[Row]) -> usize {
    rows.iter().map(|row| &row.name).collect::<BTreeSet<_>>().len()
}

#[derive(Serialize)]
struct Answer {
    version: u32,
    good: bool,
    /// Rows and routers of a list without faults.
    rows: Option<usize>,
    routers: Option<usize>,
    faults: Vec<Fault>,
}

/// Something that is wrong; the first line and the first column are 1, and null is the whole of it.
#[derive(Serialize)]
struct Fault {
    line: Option<u64>,
    column: Option<usize>,
    text: String,
}

impl Answer {
    fn of(judged: &Result<Vec<Row>, Faults>) -> Self {
        let rows = judged.as_ref().ok();
        let faults = judged.as_ref().err().map(|faults| &*faults.0).unwrap_or_default();
        let fault = |fault: &sco::input::Fault| Fault {
            line: Some(fault.line).filter(|line| *line > 0),
            column: Some(fault.column).filter(|column| *column > 0),
            text: fault.text.clone(),
        };
        Self {
            version: VERSION,
            good: faults.is_empty(),
            rows: rows.map(Vec::len),
            routers: rows.map(|rows| routers(rows)),
            faults: faults.iter().map(fault).collect(),
        }
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let place = |place: Option<String>| place.unwrap_or_else(|| "-".to_owned());
        let cells = |fault: &Fault| {
            let (line, column) = (fault.line.map(|n| n.to_string()), fault.column.map(|n| n.to_string()));
            vec![place(line), place(column), fault.text.clone()]
        };
        self.faults.iter().map(cells).collect()
    }
}
