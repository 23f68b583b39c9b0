//! The operator's list of routers: a CSV file, judged whole before anything is done.
//!
//! [`parse`] reads the file by itself; [`Sheet::resolve`] finds sites and devices by their names. Each tells every fault of
//! the whole file at once, with its line and column; only a file without any goes on.

mod columns;
mod fault;
mod mac;
mod resolve;
mod suggest;

use std::borrow::Cow;
use std::path::PathBuf;

use csv::{ByteRecord, ReaderBuilder, Trim};
use ids::Mac;

pub use columns::Column;
pub use fault::{Fault, Faults};
pub use resolve::{Names, NodeRequest, RouterRequest};

use crate::ek::{AllowFormats, EndorsementKey};
use crate::{AssetId, ConductorHost, Mode, NodeName, RouterName};
use columns::Columns;
use suggest::nearest;

/// What holds where the file says nothing, and how it is read.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// The addresses of the conductor, from the profile.
    pub conductor_hosts: Vec<ConductorHost>,
    /// Formats of endorsement keys that are converted.
    pub allow: AllowFormats,
}

/// A line of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The line it begins in, the first one 1.
    pub line: u64,
    /// The router.
    pub name: RouterName,
    /// The node, where it is named.
    pub node: Option<NodeName>,
    /// The device in Mist.
    pub device: DeviceName,
    /// The asset id, where it is named.
    pub asset_id: Option<AssetId>,
    /// The site, by its name or id.
    pub site: Box<str>,
    /// The mode; `strong` where none is named.
    pub mode: Mode,
    /// The addresses of the conductor.
    pub conductor_hosts: Vec<ConductorHost>,
    /// The endorsement key as somebody else read it, to be compared with Mist's.
    pub ek: Option<EndorsementKey>,
    /// A file with the device ID certificate.
    pub device_id: Option<PathBuf>,
}

/// How a row names its device.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum DeviceName {
    /// By its address: column `mac`.
    Mac(Mac),
    /// By its serial number or its name: column `device`.
    Other(Box<str>),
}

/// A file that was read: its rows, or what is wrong with it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Sheet {
    /// The rows without a fault, in their order.
    pub rows: Vec<Row>,
    /// What is wrong, in the order of lines and columns.
    pub faults: Vec<Fault>,
}

/// Reads a CSV file.
///
/// Comma, semicolon or tab, whichever its header has; UTF-8 with or without a byte order mark; any line end; rows that are
/// empty or begin with `#` are passed over. At most [`MAX_ROWS`] rows and [`MAX_BYTES`].
#[must_use]
pub fn parse(bytes: &[u8], defaults: &Defaults) -> Sheet {
    let mut sheet = Sheet::default();
    if bytes.len() > MAX_BYTES {
        sheet.faults.push(Fault::whole("the file is larger than 16 MiB; split it"));
        return sheet;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        sheet.faults.push(Fault::whole("the file is UTF-16; save it as \"CSV UTF-8\""));
        return sheet;
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    let bytes = line_ends(bytes);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(Trim::All)
        .delimiter(columns::delimiter(&bytes))
        .from_reader(&*bytes);
    let mut lines = Lines { bytes: &bytes, at: 0, line: 1 };
    let mut columns = None;
    let mut record = ByteRecord::new();
    while let Ok(true) = reader.read_byte_record(&mut record) {
        let line = lines.at(record.position().map_or(0, csv::Position::byte));
        if record.iter().all(is_blank) {
            continue;
        }
        let Some(columns) = &columns else {
            columns = Some(Columns::read(&record, line, &mut sheet.faults));
            continue;
        };
        if sheet.rows.len() >= MAX_ROWS || sheet.faults.len() >= MAX_FAULTS {
            sheet.faults.push(Fault::line(
                line,
                "the rest is not read: it is too long, or too much is wrong; split it",
            ));
            break;
        }
        let mut reading = Reading { columns, record: &record, line, faults: &mut sheet.faults };
        if let Some(row) = reading.row(defaults) {
            sheet.rows.push(row);
        }
    }
    match columns {
        None => sheet.faults.push(Fault::whole("the file has no header; `fogpilot template` writes one")),
        Some(_) if sheet.rows.is_empty() && sheet.faults.is_empty() => {
            sheet.faults.push(Fault::whole("the file has no rows below its header"));
        }
        Some(_) => {}
    }
    fault::sort(&mut sheet.faults);
    sheet
}

fn is_blank(field: &[u8]) -> bool {
    std::str::from_utf8(field).is_ok_and(|text| text.trim().is_empty())
}

/// `bytes` with `\n` for a `\r` that stands alone: such a line end would end no comment and count as no line.
fn line_ends(bytes: &[u8]) -> Cow<'_, [u8]> {
    let alone = |at: usize| bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
    if !(0..bytes.len()).any(alone) {
        return bytes.into();
    }
    (0..bytes.len()).map(|at| if alone(at) { b'\n' } else { bytes[at] }).collect::<Vec<_>>().into()
}

/// Counts lines as an editor does. The reader's own place of a record is before the line ends, empty lines and comments
/// in front of it.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that the reader found from `byte` on.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        self.pass(byte);
        loop {
            match self.bytes.get(self.at) {
                Some(b'\r' | b'\n') => self.pass(self.at + 1),
                Some(b'#') => {
                    let rest = &self.bytes[self.at..];
                    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    self.pass(self.at + end);
                }
                _ => return self.line,
            }
        }
    }

    fn pass(&mut self, to: usize) {
        let passed = self.bytes.get(self.at..to).unwrap_or_default();
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = self.at.max(to);
    }
}

/// One line while it is read.
struct Reading<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
    line: u64,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Reading<'a> {
    fn row(&mut self, defaults: &Defaults) -> Option<Row> {
        let before = self.faults.len();
        if self.record.len() > self.columns.len() {
            let text =
                "there is more in this row than columns in the header; put a value with separators in quotes";
            self.faults.push(Fault::at(self.line, self.columns.len() + 1, text));
        }
        let name = self.required::<RouterName>(Column::Name);
        let node = self.optional::<NodeName>(Column::Node);
        let device = self.device();
        let asset_id = self.optional::<AssetId>(Column::AssetId);
        let site = self.text(Column::Site).map(Box::<str>::from);
        if site.is_none() {
            self.fault(Column::Site, "there is no site; give its name or its id");
        }
        let mode = match self.text(Column::Mode).map(str::to_ascii_lowercase) {
            None => Some(Mode::Strong),
            Some(text) => self.mode(&text),
        };
        let conductor_hosts = self.hosts(defaults);
        let ek = self.ek(defaults);
        let device_id = self.text(Column::DeviceId).map(PathBuf::from);
        if self.faults.len() > before {
            return None;
        }
        Some(Row {
            line: self.line,
            name: name?,
            node,
            device: device?,
            asset_id,
            site: site?,
            mode: mode?,
            conductor_hosts,
            ek,
            device_id,
        })
    }

    /// What stands in `column`; a fault when it is no UTF-8.
    fn text(&mut self, column: Column) -> Option<&'a str> {
        let place = self.columns.place(column)?;
        let field = self.record.get(place)?;
        match std::str::from_utf8(field) {
            Ok(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Err(_) => {
                let text = "this is no UTF-8; save the file as \"CSV UTF-8\"";
                if !self.is_told(place + 1) {
                    self.faults.push(Fault::at(self.line, place + 1, text));
                }
                None
            }
        }
    }

    /// Whether something is said of this place already.
    fn is_told(&self, column: usize) -> bool {
        let of_line = self.faults.iter().rev().take_while(|fault| fault.line == self.line);
        of_line.into_iter().any(|fault| fault.is_at(self.line, column))
    }

    fn fault(&mut self, column: Column, text: impl Into<String>) {
        let place = self.columns.place(column).map_or(0, |place| place + 1);
        if !self.is_told(place) {
            self.faults.push(Fault::at(self.line, place, text));
        }
    }

    fn required<T: std::str::FromStr>(&mut self, column: Column) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let value = self.optional(column);
        if value.is_none() {
            self.fault(column, format!("there is no {column}"));
        }
        value
    }

    fn optional<T: std::str::FromStr>(&mut self, column: Column) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let parsed = self.text(column)?.parse::<T>();
        parsed.map_err(|error| self.fault(column, error.to_string())).ok()
    }

    fn device(&mut self) -> Option<DeviceName> {
        let mac = self.text(Column::Mac).map(str::to_owned);
        let device = self.text(Column::Device).map(str::to_owned);
        match (mac, device) {
            (Some(text), None) => match mac::parse(&text) {
                Ok(mac) => Some(DeviceName::Mac(mac)),
                Err(what) => {
                    self.fault(Column::Mac, what);
                    None
                }
            },
            (None, Some(text)) => Some(match mac::parse(&text) {
                Ok(mac) => DeviceName::Mac(mac),
                Err(_) => DeviceName::Other(text.into()),
            }),
            (Some(_), Some(_)) => {
                self.fault(Column::Device, "both `mac` and `device` name a device; leave one empty");
                None
            }
            (None, None) => {
                let column =
                    if self.columns.place(Column::Mac).is_some() { Column::Mac } else { Column::Device };
                self.fault(
                    column,
                    "there is no MAC address of the device (or a serial number or name in `device`)",
                );
                None
            }
        }
    }

    fn mode(&mut self, text: &str) -> Option<Mode> {
        let parsed = text.parse::<Mode>();
        if parsed == Ok(Mode::Disabled) {
            self.fault(Column::Mode, "mode `disabled` onboards nothing; use strong");
            return None;
        }
        parsed
            .map_err(|error| {
                let modes = [Mode::Weak, Mode::Strong].map(Mode::as_str);
                let hint = nearest(text, modes).map(|mode| format!("; did you mean `{mode}`?"));
                self.fault(Column::Mode, format!("{error}{}", hint.unwrap_or_default()));
            })
            .ok()
    }

    fn hosts(&mut self, defaults: &Defaults) -> Vec<ConductorHost> {
        let Some(text) = self.text(Column::ConductorHosts).map(str::to_owned) else {
            if defaults.conductor_hosts.is_empty() {
                self.fault(
                    Column::ConductorHosts,
                    "there is no address of the conductor; name it here, or for all rows with `--conductor-host`",
                );
            }
            return defaults.conductor_hosts.clone();
        };
        let mut hosts: Vec<ConductorHost> = Vec::new();
        for word in text.split([',', ';', '|', ' ', '"']).filter(|word| !word.is_empty()) {
            match word.parse() {
                Ok(host) if hosts.contains(&host) => {
                    self.fault(Column::ConductorHosts, format!("`{host}` stands here twice"));
                }
                Ok(host) => hosts.push(host),
                Err(error) => self.fault(Column::ConductorHosts, format!("{error}")),
            }
        }
        if hosts.len() > MAX_HOSTS {
            self.fault(Column::ConductorHosts, "a conductor has two nodes at most");
        }
        hosts
    }

    fn ek(&mut self, defaults: &Defaults) -> Option<EndorsementKey> {
        let text = self.text(Column::Ek)?.to_owned();
        match EndorsementKey::read(text.as_bytes(), &defaults.allow) {
            Ok(reading) => Some(reading.key),
            Err(error) => {
                self.fault(Column::Ek, error.to_string());
                None
            }
        }
    }
}

/// The longest file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most rows.
pub const MAX_ROWS: usize = 20_000;
/// No one mends more at a time.
const MAX_FAULTS: usize = 50_000;
const MAX_HOSTS: usize = 2;

#[cfg(test)]
mod tests;
