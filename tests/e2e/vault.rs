//! The vault: what is put into it by `fogbell secret` is in it, whatever happens meanwhile, and the relay takes its
//! secrets from it. What is in a vault is read by `open_vault.py`, which knows nothing but `docs/vault.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use e2e::{Answer, Config, fogbell_program};
use tempfile::TempDir;

mod check;
mod commands;
mod kills;
mod needs_root;
mod relay;
mod restore;
pub(crate) mod terminal;
mod writers;

/// A machine with a configuration and a vault that opens with a key file.
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    /// Where the vault and its key file are.
    state: PathBuf,
    _folder: Option<TempDir>,
}

impl Home {
    /// With an empty vault.
    fn with_vault() -> Self {
        let this = Self::without_vault();
        this.init();
        this
    }

    pub(crate) fn without_vault() -> Self {
        let folder = TempDir::new().unwrap();
        let this = Self {
            path: folder.path().to_owned(),
            state: folder.path().join("state"),
            _folder: Some(folder),
        };
        this.write(Config::new());
        this
    }

    /// The configuration in a folder, the vault in another one.
    pub(crate) fn in_folders(path: &Path, state: &Path) -> Self {
        let this = Self { path: path.to_owned(), state: state.to_owned(), _folder: None };
        this.write(Config::new().set("", "state", &quoted(state)));
        this
    }

    fn write(&self, config: Config) {
        config.set("vault", "key", &format!("{{ file = {} }}", quoted(&self.key_file()))).write(&self.path);
    }

    pub(crate) fn init(&self) {
        let recovery = self.recovery_file().display().to_string();
        let made = self.ask(&["init", "--recovery-key-to", &recovery], "");
        assert_eq!(made.code, 0, "{}", made.said);
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.state.join("vault")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.state.join("vault.key")
    }

    pub(crate) fn recovery_file(&self) -> PathBuf {
        self.path.join("recovery")
    }

    /// `fogbell secret` with `arguments`, not yet started.
    fn command(&self, arguments: &[&str]) -> Command {
        self.prepare(Command::new(fogbell_program()), arguments)
    }

    /// The same in a session of its own, which has no terminal.
    fn alone(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.arg(fogbell_program());
        self.prepare(command, arguments)
    }

    fn prepare(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.arg("secret").args(arguments).arg("--config").arg(self.path.join("fogbell.toml"));
        command.env("NO_COLOR", "1").env_remove("RUST_LOG").env_remove("CREDENTIALS_DIRECTORY");
        command
    }

    /// What `fogbell secret` with `arguments` says to somebody without a terminal.
    pub(crate) fn ask(&self, arguments: &[&str], input: &str) -> Answer {
        answer(start(&mut self.alone(arguments), input))
    }

    /// Puts a secret in.
    pub(crate) fn set(&self, name: &str, value: &str) {
        let set = self.ask(&["set", name], value);
        assert_eq!(set.code, 0, "{}", set.said);
    }

    /// What is in the vault, read by somebody else.
    fn secrets(&self) -> BTreeMap<String, String> {
        read_vault(&self.vault(), &self.key_file())
    }

    fn list(&self) -> serde_json::Value {
        let listed = self.ask(&["list", "--json"], "");
        assert_eq!(listed.code, 0, "{}", listed.said);
        serde_json::from_str(&listed.out).unwrap()
    }
}

/// Starts `command` and gives it `input`.
fn start(command: &mut Command, input: &str) -> Child {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // who has ended already has said why
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child
}

fn answer(child: Child) -> Answer {
    let output = child.wait_with_output().unwrap();
    Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The secrets of a vault by name, read by `open_vault.py`.
fn read_vault(vault: &Path, key: &Path) -> BTreeMap<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/vault/tests/open_vault.py");
    let output =
        Command::new("python3").arg(script).arg(vault).arg(key).output().expect("python3 is on PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |hex: &str| {
        let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
    };
    let secrets = read.as_object().unwrap();
    secrets.iter().map(|(name, it)| (name.clone(), text(it["hex"].as_str().unwrap()))).collect()
}

/// A path as a TOML string.
pub(crate) fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// What is in the folder of the vault beside what belongs there.
fn left_over(state: &Path) -> Vec<String> {
    let names = fs::read_dir(state).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".vault.") && name != ".vault.lock").collect()
}
