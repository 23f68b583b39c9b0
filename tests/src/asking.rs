//! Asking the relay: posts that are signed, pages of its admin listener, subcommands.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::curl::{Curl, Response};
use crate::fogbell::Fogbell;
use crate::fogbell::config::Config;
use crate::programs::fogbell_program;
use crate::signature::sign;

/// What a subcommand of `fogbell` said, and how it ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub said: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Runs `fogbell` with `arguments` to its end, neither input nor output being a terminal.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn ask_fogbell(arguments: &[&str]) -> Answer {
    ask_fogbell_under(&[], arguments)
}

/// The same under another program, such as `env` with its arguments, which must end with it.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn ask_fogbell_under(wrapper: &[&str], arguments: &[&str]) -> Answer {
    let program = fogbell_program();
    let mut words: Vec<&OsStr> = wrapper.iter().map(OsStr::new).collect();
    words.push(program.as_ref());
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments);
    command.env("NO_COLOR", "1").env_remove("RUST_LOG").stdin(Stdio::null());
    command.output().expect("the built fogbell can be run").into()
}

/// The same with the configuration in `home` as its last argument.
///
/// # Panics
///
/// When it cannot be started.
#[must_use]
pub fn ask_fogbell_in(home: &Path, arguments: &[&str]) -> Answer {
    let file = home.join("fogbell.toml").display().to_string();
    ask_fogbell(&[arguments, &["--config", &file]].concat())
}

/// The same with `input` as standard input.
///
/// # Panics
///
/// When it cannot be started, or does not take the input.
#[must_use]
pub fn ask_fogbell_with(home: &Path, arguments: &[&str], input: &[u8]) -> Answer {
    let mut command = Command::new(fogbell_program());
    command.args(arguments).arg("--config").arg(home.join("fogbell.toml"));
    command.env("NO_COLOR", "1").env_remove("RUST_LOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the built fogbell can be run");
    let mut pipe = child.stdin.take().expect("it is a pipe");
    pipe.write_all(input).expect("fogbell reads its input");
    drop(pipe);
    child.wait_with_output().expect("fogbell ends").into()
}

impl Fogbell {
    /// Posts `body` by curl where the one organisation's webhooks go, signed with `secret`.
    #[must_use]
    pub fn post(&self, secret: &str, body: &str) -> Response {
        let request = Curl::new(&self.url(Config::PATH)).ca(self.ca()).body(body);
        request.header("X-Mist-Signature-v2", &sign(secret, body.as_bytes())).run()
    }

    /// Posts `body` signed with the one organisation's secret.
    ///
    /// # Panics
    ///
    /// When the answer is not an empty 200.
    pub fn deliver(&self, body: &str) {
        let answer = self.post(Config::SECRET, body);
        let start: String = body.chars().take(80).collect();
        assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{start}: {}", answer.said);
    }

    /// The sum of every sample of the metric `name` (as exposed, `fogbell_alerts_total`) whose labels hold
    /// `label`, as in `sink="noc"`.
    ///
    /// # Panics
    ///
    /// When there is no such page, or a sample is no number.
    #[must_use]
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let page = Curl::new(&self.admin_url("/metrics")).run();
        assert_eq!(page.status, 200, "{}", page.said);
        let samples = page.text();
        let samples = samples.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.split_once('{').unwrap_or((series, ""));
            (found == name && labels.contains(label)).then(|| value.to_owned())
        });
        samples.map(|value| value.parse::<f64>().expect("a sample is a number")).sum()
    }
}
