//! What became of each row, for people and for programs.

use std::io;
use std::path::{Path, PathBuf};

use ids::Mac;
use sco::ek::SpkiFingerprint;
use sco::{NodeName, RouterName};
use serde::Serialize;

use super::judge::{Outcome, Router};
use crate::output::{self, Format, VERSION};

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    version: u32,
    /// The file with the keys, when there is one.
    written: Option<PathBuf>,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    line: u64,
    name: &'a RouterName,
    node: &'a NodeName,
    mac: Option<Mac>,
    exported: bool,
    bits: Option<usize>,
    spki_sha256: Option<SpkiFingerprint>,
    /// `confirmed` when the list has the same key, else `Mist only`.
    evidence: Option<&'static str>,
    warnings: &'a [String],
    /// What happened instead, and what to do.
    reason: Option<&'a str>,
}

impl<'a> Answer<'a> {
    pub(super) fn of(routers: &'a [Router], out: &Path) -> Self {
        let rows: Vec<Row<'_>> = routers.iter().map(Row::of).collect();
        let written = rows.iter().any(|row| row.exported).then(|| out.to_owned());
        Self { version: VERSION, written, rows }
    }

    pub(super) fn print(&self, format: Format) -> io::Result<()> {
        let head = ["line", "router", "node", "mac", "key", "what"];
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.cells().into()).collect();
        output::rows(format, self, "rows", &head, &cells)
    }
}

impl<'a> Row<'a> {
    fn of(router: &'a Router) -> Self {
        let mut row = Self {
            line: router.line,
            name: &router.holder.router,
            node: &router.holder.node,
            mac: router.mac,
            exported: false,
            bits: None,
            spki_sha256: None,
            evidence: None,
            warnings: &[],
            reason: None,
        };
        match &router.outcome {
            Outcome::Failed(reason) => row.reason = Some(reason),
            Outcome::Exported { key, confirmed, warnings } => {
                row.exported = true;
                row.bits = Some(key.bits());
                row.spki_sha256 = Some(key.fingerprint());
                row.evidence = Some(if *confirmed { "confirmed" } else { "Mist only" });
                row.warnings = warnings;
            }
        }
        row
    }

    fn cells(&self) -> [String; 6] {
        let mac = self.mac.map_or_else(|| "-".to_owned(), |mac| mac.to_string());
        let key = self.spki_sha256.map_or_else(|| "-".to_owned(), |key| format!("{key:.16}"));
        let what: Vec<&str> = self
            .evidence
            .iter()
            .copied()
            .chain(self.reason)
            .chain(self.warnings.iter().map(|text| &**text))
            .collect();
        [self.line.to_string(), self.name.to_string(), self.node.to_string(), mac, key, what.join("; ")]
    }
}
