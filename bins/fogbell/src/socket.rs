//! The Unix socket between the running relay and the subcommands.

use std::env;
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use relay::{Config, Error, JOURNAL_STATUS};
use serde_json::Value;
use tokio::net::UnixListener;

/// Where the relay listens: as configured, else in the directory systemd made, else beside its state.
fn served(config: &Config) -> PathBuf {
    let runtime = || env::var_os("RUNTIME_DIRECTORY").map(|directory| Path::new(&directory).join(NAME));
    config.admin.socket.clone().or_else(runtime).unwrap_or_else(|| config.state.join(NAME))
}

/// Binds the socket, for the owner and group only.
///
/// Call it with the journal open: its lock proves that whoever left a socket there is gone.
pub(crate) fn bind(config: &Config) -> Result<UnixListener, Error> {
    let path = served(config);
    let bind = || {
        match fs::symlink_metadata(&path) {
            Ok(there) if there.file_type().is_socket() => fs::remove_file(&path)?,
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something else than a socket is there",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o660))?;
        Ok(listener)
    };
    bind().map_err(|source| Error::Keep { action: "listen on", path, source })
}

/// Asks the running relay; `None` when none runs.
pub(crate) fn ask(config: &Config, command: &str) -> io::Result<Option<Value>> {
    request(config, &serde_json::json!({ "command": command }))
}

/// Whether a relay runs.
pub(crate) fn is_running(config: &Config) -> io::Result<bool> {
    ask(config, JOURNAL_STATUS).map(|answer| answer.is_some())
}

/// [`ask`] with more than the name of a command.
pub(crate) fn request(config: &Config, request: &Value) -> io::Result<Option<Value>> {
    let fixed = config.admin.socket.clone().map(|path| vec![path]);
    let usual = || vec![served(config), Path::new("/run/fogbell").join(NAME), config.state.join(NAME)];
    for path in fixed.unwrap_or_else(usual) {
        let mut stream = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            Err(error)
                if [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind()) =>
            {
                continue;
            }
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("cannot ask the relay at `{}`: {error}", path.display()),
                ));
            }
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        writeln!(stream, "{request}")?;
        let mut line = String::new();
        BufReader::new(stream.take(MAX_ANSWER_BYTES)).read_line(&mut line)?;
        let mut answer: Value = serde_json::from_str(&line)?;
        return match answer.get_mut("ok") {
            Some(ok) => Ok(Some(ok.take())),
            None => Err(io::Error::other(format!(
                "the relay answers: {}",
                answer["error"].as_str().unwrap_or(&line)
            ))),
        };
    }
    Ok(None)
}

const NAME: &str = "admin.sock";
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_ANSWER_BYTES: u64 = 16 << 20;
