//! `fogpilot`: what it says of keys, tokens and lists of routers, and what it asks of Mist.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use e2e::{Answer, fogpilot_program};

mod capture;
mod crashes;
mod export;
mod first_mode;
mod help;
mod inspect;
mod list;
mod many;
mod needs_root;
mod readings;
mod rollout;
mod safety;
mod spoilt;
mod stage;
mod store_by_store;

/// Runs `fogpilot` in `folder` to its end; nothing is a terminal.
fn ask(folder: &Path, arguments: &[&str], input: &[u8]) -> Answer {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built fogpilot can be run");
    // who does not read its input may be gone already
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    // a session of its own has no terminal
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(fogpilot_program()).args(arguments).current_dir(folder);
    command.env_remove("RUST_LOG").env_remove("COLUMNS");
    command
}

/// Compares `text` with a file beside this one; `UPDATE_GOLDEN=1` writes it.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/fogpilot/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}: UPDATE_GOLDEN=1 writes it");
}

/// Runs OpenSSL and answers what it printed.
fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A sample of the crate that judges: keys of a TPM, of OpenSSL, and weak ones.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/sco/tests/fixtures").join(name)
}
