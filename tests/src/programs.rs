//! Where the programs are; `cargo xtask test` says so in the environment.

use std::path::PathBuf;

/// The built `fogbell`: `FOGBELL_BIN`.
///
/// # Panics
///
/// When the variable is missing.
#[must_use]
pub fn fogbell_program() -> PathBuf {
    from_environment("FOGBELL_BIN")
}

/// The built `fogpilot`: `FOGPILOT_BIN`.
///
/// # Panics
///
/// When the variable is missing.
#[must_use]
pub fn fogpilot_program() -> PathBuf {
    from_environment("FOGPILOT_BIN")
}

/// A built program of the test kit: `name` in `FOGBELL_TESTKIT_BIN_DIR`.
///
/// # Panics
///
/// When the variable is missing.
#[must_use]
pub fn testkit_program(name: &str) -> PathBuf {
    from_environment("FOGBELL_TESTKIT_BIN_DIR").join(name)
}

/// The folder of base MIBs, one file a module, named as the module: `FOGBELL_MIBS`.
///
/// # Panics
///
/// When the variable is missing.
#[must_use]
pub fn base_mibs() -> PathBuf {
    from_environment("FOGBELL_MIBS")
}

fn from_environment(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: these tests are run by `cargo xtask test`")).into()
}
