//! What one bench has to say.

use std::fmt::Write;

use serde_json::{Value, json};

use super::goal::{self, Judged};
use super::svg::Plot;
use super::table::{Table, list};

/// One bench's figures.
#[derive(Debug)]
pub(crate) struct Report {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// Each with a line above it.
    pub(crate) tables: Vec<(String, Table)>,
    /// What has to be known to read them.
    pub(crate) notes: Vec<String>,
    pub(crate) goals: Vec<Judged>,
    pub(crate) plots: Vec<(&'static str, Plot)>,
    /// The figures of every round.
    pub(crate) figures: Value,
    /// Requests that were not answered 200, in all rounds and by all servers.
    pub(crate) failed: u64,
}

impl Report {
    /// For people, as Markdown that reads well on a terminal.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (about, table) in &self.tables {
            let _ = writeln!(out, "{about}:\n\n{table}");
        }
        if self.failed > 0 {
            let _ = writeln!(
                out,
                "**{} requests were not answered 200: these figures do not count.**\n",
                self.failed
            );
        }
        out + &list(&self.notes)
    }

    /// The same for the documentation: with its plots and its goals.
    pub(crate) fn document(&self) -> String {
        let mut out = self.text();
        for (file, plot) in &self.plots {
            let _ = write!(out, "\n![{}](plots/{file}.svg)\n", plot.title);
        }
        let goals = goal::table(self.judged());
        if !goals.is_empty() {
            let _ = write!(out, "\n{goals}");
        }
        out
    }

    /// Its goals, each with how many requests failed.
    pub(crate) fn judged(&self) -> impl Iterator<Item = (&Judged, u64)> {
        self.goals.iter().map(|judged| (judged, self.failed))
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "goals": self.goals.iter().map(|judged| judged.json(self.failed)).collect::<Vec<_>>(),
            "failed": self.failed,
            "rounds": self.figures,
            "notes": self.notes,
        })
    }
}
