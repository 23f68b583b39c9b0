//! The header.

use std::fmt;

use csv::ByteRecord;

use super::suggest::nearest;
use super::{Fault, is_blank};

/// A column of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Column {
    /// The router's name.
    Name,
    /// Its node.
    Node,
    /// The device's address.
    Mac,
    /// The device's serial number or name, in place of its address.
    Device,
    /// The asset id.
    AssetId,
    /// The site's name or id.
    Site,
    /// The mode.
    Mode,
    /// The conductor's addresses.
    ConductorHosts,
    /// The endorsement key as somebody else read it.
    Ek,
    /// A file with the device ID certificate.
    DeviceId,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Node,
        Self::Mac,
        Self::Device,
        Self::AssetId,
        Self::Site,
        Self::Mode,
        Self::ConductorHosts,
        Self::Ek,
        Self::DeviceId,
    ];

    /// As it is written in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Node => "node",
            Self::Mac => "mac",
            Self::Device => "device",
            Self::AssetId => "asset_id",
            Self::Site => "site",
            Self::Mode => "mode",
            Self::ConductorHosts => "conductor_hosts",
            Self::Ek => "ek",
            Self::DeviceId => "device_id",
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where each column stands.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Option<Column>>,
}

impl Columns {
    pub(super) fn read(header: &ByteRecord, line: u64, faults: &mut Vec<Fault>) -> Self {
        let mut columns: Vec<Option<Column>> = Vec::new();
        for (place, field) in header.iter().enumerate() {
            // a spreadsheet leaves empty columns at the end
            if is_blank(field) {
                columns.push(None);
                continue;
            }
            let text = normal(field);
            let column = Column::ALL.into_iter().find(|column| column.as_str() == text);
            if column.is_none() {
                let hint = nearest(&text, Column::ALL.map(Column::as_str));
                let hint = hint.map(|name| format!("did you mean `{name}`?"));
                let hint = hint
                    .unwrap_or_else(|| format!("there are {}", Column::ALL.map(Column::as_str).join(", ")));
                let shown = crate::names::shown(&text);
                faults.push(Fault::at(line, place + 1, format!("there is no column `{shown}`; {hint}")));
            }
            if column.is_some() && columns.contains(&column) {
                faults.push(Fault::at(
                    line,
                    place + 1,
                    format!("the column `{text}` is there twice; leave one out"),
                ));
            }
            columns.push(column);
        }
        let read = Self { columns };
        let has = |column| read.place(column).is_some();
        for column in [Column::Name, Column::Site].into_iter().filter(|column| !has(*column)) {
            faults.push(Fault::line(line, format!("there is no column `{column}`")));
        }
        if !has(Column::Mac) && !has(Column::Device) {
            faults.push(Fault::line(line, "there is no column `mac`"));
        }
        read
    }

    /// The place of `column`, the first one 0.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|found| *found == Some(column))
    }

    pub(super) const fn len(&self) -> usize {
        self.columns.len()
    }
}

/// What separates the header's columns: whichever makes most known ones of it, comma before the others.
pub(super) fn delimiter(bytes: &[u8]) -> u8 {
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r'));
    let header =
        lines.filter(|line| !is_blank(line) && !line.trim_ascii_start().starts_with(b"#")).find(|line| {
            // a row of separators alone is empty
            line.iter().any(|byte| !matches!(byte, b',' | b';' | b'\t' | b' ' | b'"'))
        });
    let header = header.unwrap_or_default();
    let known = |delimiter: &u8| {
        let names = header.split(|byte| byte == delimiter).map(normal);
        names.filter(|name| Column::ALL.iter().any(|column| column.as_str() == name)).count()
    };
    // the first of those that are equal
    let best = [b',', b';', b'\t'].into_iter().rev().max_by_key(known);
    best.unwrap_or(b',')
}

/// A header as it is compared: `Conductor Hosts` is `conductor_hosts`.
fn normal(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let text = text.trim().trim_matches('"').trim().to_lowercase();
    text.chars().map(|c| if c == ' ' || c == '-' { '_' } else { c }).collect()
}
