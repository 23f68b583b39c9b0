//! Programs: finding them, running them, asking them to end.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

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
    if !output.status.success() {
        bail!("{} failed ({}):\n{}", name(command), output.status, end_of(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The same for a program that may wait for something that never comes: after so long it is ended, with all that it started.
///
/// # Errors
///
/// As [`must_succeed`]; of one that was ended the error says so.
pub(crate) fn must_end(command: &Command, within: Duration) -> Result<String> {
    let mut timeout = Command::new("timeout");
    timeout.args(["--kill-after=10", &within.as_secs_f64().to_string()]);
    timeout.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => timeout.env(key, value),
            None => timeout.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        timeout.current_dir(folder);
    }
    let output =
        timeout.stdin(Stdio::null()).output().with_context(|| format!("cannot run {}", name(command)))?;
    match output.status.code() {
        Some(0) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        // as timeout(1) has it: it was ended, or had to be killed
        Some(124 | 137) => Err(anyhow!(
            "{} did not end within {} s and was ended; it last said:\n{}",
            name(command),
            within.as_secs(),
            end_of(&output)
        )),
        _ => Err(anyhow!("{} failed ({}):\n{}", name(command), output.status, end_of(&output))),
    }
}

/// The last lines that a program printed.
fn end_of(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_ended_with_what_it_started() {
        let mut command = Command::new("sh");
        // the child holds the pipes: were it left, nobody would see their end
        command.args(["-c", "echo \"$WORD, waiting\"; sleep 600 & sleep 600"]).env("WORD", "connected");

        let error = must_end(&command, Duration::from_millis(200)).unwrap_err().to_string();

        assert!(
            error.contains("`sh` did not end within") && error.ends_with("connected, waiting"),
            "{error}"
        );
        assert_eq!(must_end(Command::new("echo").arg("a b"), Duration::from_secs(60)).unwrap(), "a b\n");
        let failed =
            must_end(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), Duration::from_secs(60));
        assert!(failed.unwrap_err().to_string().ends_with("why"));
    }
}
