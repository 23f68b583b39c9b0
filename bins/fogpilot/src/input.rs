//! Files that are named on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::Failure;

/// A file, or standard input for `-`.
pub(crate) struct Input {
    /// What it holds; wiped when dropped.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether others than its user may read it.
    pub(crate) exposed: bool,
}

impl Input {
    /// Reads the file at `path`, or standard input when that is `-`; at most `limit` bytes.
    pub(crate) fn read(path: &Path, limit: usize) -> Result<Self, Failure> {
        let (source, exposed): (Box<dyn Read>, bool) = if path == Path::new("-") {
            (Box::new(io::stdin().lock()), false)
        } else {
            let failed = |error| Failure::from(format!("cannot read `{}`: {error}", path.display()));
            let file = File::open(path).map_err(failed)?;
            let exposed = file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0;
            (Box::new(file), exposed)
        };
        // room for everything from the start: a vector that grows leaves copies behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 64));
        source
            .take(limit as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
        if bytes.len() > limit {
            return Err(
                format!("`{}` is longer than {limit} bytes; is it the right file?", path.display()).into()
            );
        }
        Ok(Self { bytes, exposed })
    }
}
