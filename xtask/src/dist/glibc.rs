//! Which glibc the programs need.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The newest version of glibc that a program under `root` names, as `2.34`.
///
/// # Errors
///
/// When a program cannot be read or names none, as a static one does.
pub(super) fn needed(root: &Path) -> Result<String> {
    let mut newest = None;
    for program in super::PROGRAMS {
        let file = root.join("usr/bin").join(program);
        let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let of_program = newest_in(&bytes);
        newest =
            newest.max(Some(of_program.with_context(|| format!("`{program}` names no version of glibc"))?));
    }
    let (major, minor) = newest.context("there is no program")?;
    Ok(format!("{major}.{minor}"))
}

/// The newest `GLIBC_MAJOR.MINOR` in the table of strings of a program.
fn newest_in(bytes: &[u8]) -> Option<(u32, u32)> {
    let name = b"GLIBC_";
    let places = bytes.windows(name.len()).enumerate().filter(|(_, window)| window == name);
    let version = |(place, _): (usize, &[u8])| {
        let rest = bytes.get(place + name.len()..)?;
        // a whole string of the table ends with a zero
        let text =
            std::str::from_utf8(rest.get(..rest.iter().take(12).position(|byte| *byte == 0)?)?).ok()?;
        let mut parts = text.split('.');
        let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some((major, minor))
    };
    places.filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_as_a_number() {
        let check = |bytes: &[u8], expect| assert_eq!(newest_in(bytes), expect);
        check(b"", None);
        check(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0x", Some((2, 34)));
        check(b"GLIBC_PRIVATE\0GLIBC_2.36 is new", None);
    }
}
