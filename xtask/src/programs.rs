//! Programs: finding them, running them, asking them to end.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// The first file of this name on `PATH` that may be executed.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// The same in the folders for administrators, which are not on everybody's `PATH`.
pub(crate) fn in_sbin(name: &str) -> Option<PathBuf> {
    ["/usr/local/sbin", "/usr/sbin", "/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|f| is_program(f))
}

/// Whether this is a file that somebody may execute.
pub(crate) fn is_program(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Runs to the end with the terminal as it is; whether it succeeded.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot run {}", name(command)))?;
    Ok(status.success())
}

/// Runs to the end and keeps what it prints.
///
/// # Errors
///
/// When it cannot be started or fails; the error carries the end of what it printed.
pub(crate) fn must_succeed(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", name(command)))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = printed + &String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().collect();
        let end = lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n");
        bail!("{} failed ({}):\n{end}", name(command), output.status);
    }
    Ok(printed)
}

/// How a child is asked to end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// As Ctrl-C does: SIGINT.
    Interrupt,
    /// As a service manager does: SIGTERM.
    Terminate,
}

/// Asks a child to end; one that has ended already is left alone.
///
/// # Errors
///
/// When there is no shell to do it.
pub(crate) fn ask(child: &Child, how: Ask) -> Result<()> {
    let signal = match how {
        Ask::Interrupt => "INT",
        Ask::Terminate => "TERM",
    };
    // The child is not reaped before it is waited for, so its id is still its own.
    let script = "kill -s \"$1\" \"$2\" 2>/dev/null || true";
    succeeds(Command::new("sh").args(["-c", script, "sh", signal, &child.id().to_string()])).map(|_| ())
}

/// The program's name without its folder, in quotes.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    format!("`{}`", program.file_name().unwrap_or_else(|| OsStr::new("?")).display())
}

/// Lines of a failed program's output that its error carries.
const TAIL: usize = 20;
