//! The key of the vault as a credential of systemd: sealed for this machine, by its TPM where there is one.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use relay::Cause;
use zeroize::Zeroizing;

/// The credential that the unit asks for.
pub(super) const NAME: &str = "fogbell-vault";

/// Where the unit finds it.
pub(super) fn file() -> PathBuf {
    Path::new("/etc/credstore.encrypted").join(NAME)
}

/// The key, when it is there.
pub(super) fn read() -> Result<Option<Zeroizing<Vec<u8>>>, Cause> {
    let file = file();
    match fs::symlink_metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => piped(&["decrypt", &format!("--name={NAME}"), &file.display().to_string(), "-"], &[]).map(Some),
    }
}

/// Seals `key`, which is never in an argument, and writes what came of it.
pub(super) fn write(key: &[u8]) -> Result<(), Cause> {
    let name = format!("--name={NAME}");
    let sealed = piped(&["encrypt", &name, "--with-key=auto", "-", "-"], key)?;
    let file = file();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(pki::write_durably(&file, &sealed, 0o600)?)
}

/// What `systemd-creds` makes of `input`.
fn piped(arguments: &[&str], input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Cause> {
    let mut command = Command::new("systemd-creds");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run systemd-creds: {error}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input)?;
    }
    // of its full size from the start: a buffer that grows leaves copies behind
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    if let Some(pipe) = child.stdout.take() {
        pipe.take(MAX_BYTES as u64).read_to_end(&mut output)?;
    }
    let ended = child.wait_with_output()?;
    match ended.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&ended.stderr);
            Err(format!("systemd-creds {} fails: {}", arguments[0], said.trim()).into())
        }
    }
}

/// Most that a key or what it is sealed in takes.
const MAX_BYTES: usize = 64 << 10;
