//! Alerts as lines of a table, compared with a file.

use std::fs;
use std::path::Path;

use crate::alarm::{AlarmKey, Alert};

/// The lines so far.
pub(crate) struct Table {
    text: String,
    /// What the lines being added are of.
    of: String,
    /// Each key, and of what it was first.
    keys: Vec<(AlarmKey, String)>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { text: HEAD.to_owned(), of: String::new(), keys: Vec::new() }
    }

    /// What the lines behind are of.
    pub(crate) fn head(&mut self, name: &str) {
        self.text += &format!("\n{name}\n");
        name.clone_into(&mut self.of);
    }

    /// One alert, in two lines.
    pub(crate) fn add(&mut self, alert: &Alert) {
        let key = match self.keys.iter().find(|(key, _)| *key == alert.key) {
            Some((_, first)) => format!("key of {first}"),
            None => {
                self.keys.push((alert.key, self.of.clone()));
                "new key".to_owned()
            }
        };
        let severity = format!("{:?}", alert.severity).to_lowercase();
        let count = alert.count.to_string();
        let mac = alert.mac.map(|mac| mac.to_string()).unwrap_or_default();
        let columns = [
            alert.state.word(),
            &severity,
            &alert.group,
            &alert.kind,
            &alert.device_type,
            &alert.device,
            &mac,
            &alert.site,
            &alert.port,
            &alert.ip,
            &count,
            &key,
        ];
        let columns = columns.map(|text| if text.is_empty() { "-" } else { text });
        self.text += &format!("  {}\n    {}\n", columns.join(" | "), alert.summary);
    }

    /// Fails unless the file says the same; `UPDATE_GOLDEN=1` writes it.
    pub(crate) fn compare(&self, file: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &self.text).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        let difference = golden.lines().zip(self.text.lines()).find(|(golden, made)| golden != made);
        assert!(
            golden == self.text,
            "{} differs, first {difference:?}; UPDATE_GOLDEN=1 writes it",
            file.display()
        );
    }
}

const HEAD: &str = "\
# What becomes of a body: of each alert one line with its state, severity, group, type, kind of device, device, MAC,
# site, port, address, count and key (with one key it is the same problem), and its summary below.
# The directory names a device dev-MAC and a site site- with the first eight digits of its id.
";
