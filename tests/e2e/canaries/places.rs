//! Where a secret could be: files, and what was said.

use std::fs;
use std::path::{Path, PathBuf};

use super::forms::Canary;

/// Everything that is looked at, each by a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    /// Something that was said.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        self.0.push((name.to_owned(), text.as_bytes().to_vec()));
    }

    /// What Linux shows of a process. What it shows to nobody is nowhere.
    pub(super) fn process(&mut self, pid: u32) {
        for name in ["cmdline", "environ", "comm", "status", "maps", "limits"] {
            let bytes = fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            self.0.push((format!("/proc/PID/{name}"), bytes));
        }
    }

    /// Every file under `folder` but those in `homes`, and every file's name.
    pub(super) fn folder(&mut self, folder: &Path, homes: &[PathBuf]) {
        for file in files(folder) {
            if homes.iter().any(|home| file.starts_with(home)) {
                continue;
            }
            let name = file.display().to_string();
            self.0.push((format!("the name of {name}"), name.clone().into_bytes()));
            self.0.push((name, fs::read(&file).unwrap_or_default()));
        }
    }

    /// The places that have it in any form.
    pub(super) fn with(&self, canary: &Canary) -> Vec<String> {
        let forms = canary.forms();
        let found = self.0.iter().filter_map(|(name, bytes)| {
            let (form, _) = forms.iter().find(|(_, form)| contains(bytes, form))?;
            Some(format!("{name} (as {form})"))
        });
        found.collect()
    }
}

/// Every file under `folder`.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}
