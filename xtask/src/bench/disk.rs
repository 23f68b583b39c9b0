//! What the disk itself takes to keep something.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

/// Appends a kilobyte to a new file at `path` and syncs it (`fdatasync`), so many times; each in milliseconds.
///
/// # Errors
///
/// When the file cannot be written or synced.
pub(crate) fn syncs(path: &Path, times: usize) -> Result<Vec<f64>> {
    let measure = || -> std::io::Result<Vec<f64>> {
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        let bytes = [b'x'; 1024];
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            let start = Instant::now();
            file.write_all(&bytes)?;
            file.sync_data()?;
            took.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(took)
    };
    measure().with_context(|| format!("cannot write and sync `{}`", path.display()))
}
