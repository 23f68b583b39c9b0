//! axe-core, which finds what keeps people from using a page.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::npm;

/// The npm package that carries it as one script.
pub(crate) const NPM_PACKAGE: &str = "axe-core@4.10.3";

/// Sees to it that `axe.min.js` is in `bin`; it is run inside of pages, by the stories.
///
/// # Errors
///
/// When npm has it not.
pub(crate) fn provide(home: &Path, bin: &Path) -> Result<()> {
    let kept = home.join("axe.min.js");
    if !kept.is_file() {
        println!("peers: unpacking the npm package {NPM_PACKAGE}");
        let package = npm::unpack(home, NPM_PACKAGE)?;
        let script = package.join("axe.min.js");
        fs::rename(&script, &kept).with_context(|| format!("there is no `{}`", script.display()))?;
    }
    let place = bin.join("axe.min.js");
    fs::copy(&kept, &place).with_context(|| format!("cannot write `{}`", place.display()))?;
    Ok(())
}
