//! Calls the operator's command that sets a record in DNS.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;
use tracing::debug;

use crate::Hook;

/// What the hook is called for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    Present,
    Cleanup,
}

impl Hook {
    /// Calls it for the record `name` with `value`, and waits for its end.
    pub(crate) async fn call(&self, call: Call, name: &str, value: &str) -> Result<(), HookError> {
        let [program, arguments @ ..] = self.command.as_slice() else { return Err(HookError::NoCommand) };
        let word = match call {
            Call::Present => "present",
            Call::Cleanup => "cleanup",
        };
        let mut command = Command::new(program);
        command.args(arguments).args([word, name, value]).env_clear();
        // nothing of the relay's own environment but what a script needs to find its way, and its own secrets
        for variable in PASSED_ON {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // a group of its own, so that what it started ends with it
        let mut child = command
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| HookError::Start { program: program.clone(), source })?;
        let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        let work = async {
            let (output, errors, status) = tokio::join!(start_of(output), start_of(errors), child.wait());
            (output + &errors, status)
        };
        let ended = timeout(self.timeout, work).await;
        drop(group);
        let (said, status) = ended
            .map_err(|_| HookError::TooLong { program: program.clone(), seconds: self.timeout.as_secs() })?;
        let status = status.map_err(|source| HookError::Start { program: program.clone(), source })?;
        debug!(program, word, name, %status, said, "called the hook");
        if status.success() {
            Ok(())
        } else {
            Err(HookError::Failed { program: program.clone(), status, said })
        }
    }
}

/// Ends what the hook started and did not wait for.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // there is nobody left in it when all went well
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The first bytes of what comes, printable and on one line; the rest is read and dropped.
async fn start_of(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let room = KEPT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
    let text = String::from_utf8_lossy(&kept);
    let one_line = text.split(char::is_control).map(str::trim).filter(|part| !part.is_empty());
    one_line.collect::<Vec<_>>().join("; ")
}

/// Why a record was not set.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HookError {
    /// There is nothing to call.
    #[error("no command is configured")]
    NoCommand,
    /// It could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program.
        program: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It did not end in time, and was killed.
    #[error("`{program}` did not end within {seconds} s and was killed")]
    TooLong {
        /// The program.
        program: String,
        /// How long it was given.
        seconds: u64,
    },
    /// It says that it failed.
    #[error("`{program}` failed ({status}){}{said}", if .said.is_empty() { "" } else { ": " })]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The beginning of what it said, on one line.
        said: String,
    },
}

/// Variables that a hook is given.
const PASSED_ON: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "CREDENTIALS_DIRECTORY"];

/// How much of what a hook says is kept, of each of its pipes.
const KEPT_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    fn hook(folder: &Path, script: &str, seconds: u64) -> Hook {
        let file = folder.join("hook");
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
        Hook {
            command: vec![file.display().to_string(), "an argument".to_owned()],
            timeout: Duration::from_secs(seconds),
            propagation: Duration::ZERO,
        }
    }

    #[tokio::test]
    async fn a_hook_gets_its_words_whole_and_nothing_of_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let script = format!("for word; do echo \"[$word]\"; done > {0}; env >> {0}", out.display());

        let hook = hook(dir.path(), &script, 20);
        hook.call(Call::Present, "_acme-challenge.a.test", "v; $(x)").await.unwrap();

        let said = fs::read_to_string(out).unwrap();
        assert!(
            said.starts_with("[an argument]\n[present]\n[_acme-challenge.a.test]\n[v; $(x)]\n"),
            "{said}"
        );
        assert!(!said.contains("CARGO"), "{said}");
    }

    #[tokio::test]
    async fn what_a_hook_says_when_it_fails_is_bounded_and_printable() {
        let dir = tempfile::tempdir().unwrap();
        let script = "printf 'no\\033[2J such zone\\n'; head -c 100000 /dev/zero | tr '\\0' x >&2; exit 3";

        let error = hook(dir.path(), script, 20).call(Call::Cleanup, "a", "b").await.unwrap_err().to_string();

        assert!(error.contains("exit status: 3") && error.contains("no; [2J such zone"), "{error}");
        assert!(error.len() < 3 * KEPT_BYTES && !error.contains('\x1b'));
        let missing = Hook { command: vec!["/nowhere/hook".to_owned()], ..hook(dir.path(), "", 1) };
        let error = missing.call(Call::Present, "a", "b").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot run `/nowhere/hook`");
    }

    #[tokio::test]
    async fn a_hook_that_does_not_end_is_killed_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("child");
        let script = format!("(echo $$ > {}; exec sleep 600) & wait", mark.display());
        let started = Instant::now();

        let error = hook(dir.path(), &script, 1).call(Call::Present, "a", "b").await.unwrap_err();

        assert!(matches!(error, HookError::TooLong { seconds: 1, .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(60));
        assert!(mark.exists());
    }
}
