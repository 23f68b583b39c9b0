//! Whether static programs are: what they say of themselves to the loader, as `readelf` of binutils reads it.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::programs::must_succeed;

/// Looks at the programs in a folder.
///
/// # Errors
///
/// When one needs a loader or a library of the system.
pub(super) fn check(programs: &Path) -> Result<()> {
    for program in super::PROGRAMS {
        let mut readelf = Command::new("readelf");
        readelf.args(["--program-headers", "--dynamic", "--wide"]).arg(programs.join(program));
        let headers = must_succeed(readelf.env("LC_ALL", "C"))?;
        let needed = needed(&headers);
        if !needed.is_empty() {
            bail!("`{program}` is not static: {}", needed.join(", "));
        }
    }
    Ok(())
}

/// What the headers ask the system for.
fn needed(headers: &str) -> Vec<&str> {
    let asks = |line: &&str| line.starts_with("INTERP ") || line.contains("(NEEDED)");
    headers.lines().map(str::trim).filter(asks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_and_a_library_are_seen() {
        let asks = "Program Headers:\n  INTERP         0x0003b8 0x00000000000003b8 0x1c R   0x1\n\
                    Dynamic section at offset 0x1:\n 0x0000000000000001 (NEEDED) Shared library: [libc.so.6]\n";
        assert_eq!(needed(asks).len(), 2);
        let alone = "Program Headers:\n  LOAD           0x000000 0x0000000000000000 R E 0x1000\n\
                     Dynamic section at offset 0x1:\n 0x0000000000000018 (BIND_NOW)\n";
        assert!(needed(alone).is_empty());
    }
}
