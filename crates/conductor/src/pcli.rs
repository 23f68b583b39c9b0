//! The conductor's command line (PCLI) over the operator's own `ssh`.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{debug, info};
use zeroize::Zeroizing;

mod line;
mod problem;
mod said;

use crate::{Commit, Finding};

pub use line::{Lifetime, LifetimeError, Line};
pub use problem::PcliProblem;
pub use said::Said;

/// How a command gets to the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// As the command that `ssh` asks the server to run.
    Argument,
    /// As a line of standard input of a session, which ends with the input.
    Input,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argument => "argument",
            Self::Input => "standard input",
        })
    }
}

/// How the command line is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PcliSettings {
    /// The operator's `ssh`: a name on `PATH`, or a file.
    pub program: PathBuf,
    /// A host of its configuration, or `user@host`.
    pub destination: String,
    /// Its configuration, in place of the operator's own (`-F`).
    pub config: Option<PathBuf>,
    /// The hosts on the way, with commas between (`-J`), in place of those of its configuration. What `ssh` does to
    /// reach them is for its configuration to say.
    pub jump: Option<String>,
    /// How commands get there; none finds it out with `show system version`, by argument first.
    pub way: Option<Way>,
    /// How long a command may take, connecting included.
    pub timeout: Duration,
    /// How long `validate` and `commit` may take.
    pub commit_timeout: Duration,
    /// The longest output that is read.
    pub max_output_bytes: usize,
}

impl PcliSettings {
    /// `ssh DESTINATION` with a minute for a command, five for a commit, and 4 MiB of output.
    #[must_use]
    pub fn new(destination: impl Into<String>) -> Self {
        Self {
            program: "ssh".into(),
            destination: destination.into(),
            config: None,
            jump: None,
            way: None,
            timeout: Duration::from_secs(60),
            commit_timeout: Duration::from_secs(300),
            max_output_bytes: 4 << 20,
        }
    }
}

/// The command line of one conductor node.
///
/// Every command is an `ssh` of its own, a child that is ended with its deadline. Host keys, agent, user and jump hosts
/// are the operator's configuration; a host key that is not known is refused, whatever that configuration says, and
/// nothing is asked: there is no password here. A command is never sent twice.
#[derive(Debug)]
pub struct Pcli {
    settings: PcliSettings,
    way: OnceCell<Way>,
}

impl Pcli {
    /// A command line with these settings; nothing is started.
    ///
    /// # Errors
    ///
    /// [`PcliProblem::Destination`] when `ssh` would read the destination as something else.
    pub fn new(settings: PcliSettings) -> Result<Self, PcliProblem> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | ':');
        let jumps = settings.jump.iter().flat_map(|jump| jump.split(','));
        for host in jumps.chain([settings.destination.as_str()]) {
            if host.is_empty() || host.starts_with('-') || !host.chars().all(good) {
                return Err(PcliProblem::Destination { text: crate::name::shown(host) });
            }
        }
        let way = settings.way.map_or_else(OnceCell::new, |way| OnceCell::new_with(Some(way)));
        Ok(Self { settings, way })
    }

    /// Runs one command, and judges how it ended: by the status, and where it changes something by what it says.
    ///
    /// # Errors
    ///
    /// [`PcliProblem`]; where [`outcome_unknown`](PcliProblem::outcome_unknown), read.
    pub async fn run(&self, line: &Line) -> Result<Said, PcliProblem> {
        let way = self.way().await?;
        let said = self.ask(line, way).await?;
        said.judged(line, way)
    }

    /// Runs `validate`: what it finds, one finding for each line that it says; none is good.
    ///
    /// # Errors
    ///
    /// [`PcliProblem`] when it did not end, or ended badly without a word.
    pub async fn validate(&self) -> Result<Vec<Finding>, PcliProblem> {
        let (line, way) = (Line::validate(), self.way().await?);
        let said = self.ask(&line, way).await?;
        if said.complaint().is_some() {
            Ok(said.findings())
        } else {
            said.judged(&line, way).map(|_| Vec::new())
        }
    }

    /// Runs `commit`, once. What it says when it complains is what it refused for, one finding for each line; since its
    /// words are not documented, reading tells whether nothing was done.
    ///
    /// # Errors
    ///
    /// [`PcliProblem`]; where [`outcome_unknown`](PcliProblem::outcome_unknown), read.
    pub async fn commit(&self) -> Result<Commit, PcliProblem> {
        let (line, way) = (Line::commit(), self.way().await?);
        let said = self.ask(&line, way).await?;
        if said.is_refusal() {
            return Ok(Commit::Refused(said.findings()));
        }
        said.judged(&line, way).map(|_| Commit::Done)
    }

    /// How commands get there, found out once with a command that changes nothing.
    ///
    /// # Errors
    ///
    /// [`PcliProblem`] of `ssh`, or [`PcliProblem::NoWay`].
    pub async fn way(&self) -> Result<Way, PcliProblem> {
        self.way.get_or_try_init(|| self.find_way()).await.copied()
    }

    async fn find_way(&self) -> Result<Way, PcliProblem> {
        let line = Line::show_version();
        let mut said = Vec::new();
        for way in [Way::Argument, Way::Input] {
            match self.ask(&line, way).await.and_then(|said| said.judged(&line, way)) {
                Ok(answer) if answer.has_version() => {
                    info!(%way, "the conductor's command line takes commands");
                    return Ok(way);
                }
                Ok(answer) => said.push(answer.first_line()),
                // what keeps one way from working keeps the other too
                Err(problem) if problem.is_of_ssh() => return Err(problem),
                Err(problem) => said.push(problem.to_string()),
            }
        }
        let input = said.pop().unwrap_or_default().into();
        Err(PcliProblem::NoWay { argument: said.pop().unwrap_or_default().into(), input })
    }

    /// One child from beginning to end.
    async fn ask(&self, line: &Line, way: Way) -> Result<Said, PcliProblem> {
        let after = if line.is_slow() { self.settings.commit_timeout } else { self.settings.timeout };
        let mut child = self.command(line, way).spawn().map_err(|source| PcliProblem::Start {
            program: self.settings.program.display().to_string(),
            source,
        })?;
        let talked = timeout(after, self.talk(&mut child, line, way)).await;
        let result = talked.unwrap_or_else(|_| {
            Err(PcliProblem::Timeout { command: line.label(), after, changes: line.changes() })
        });
        if result.is_err() {
            let _ = child.kill().await; // also waits; one that has ended already is no harm
        }
        debug!(command = %line.label(), %way, problem = result.as_ref().err().map(tracing::field::display), "ran");
        result
    }

    fn command(&self, line: &Line, way: Way) -> Command {
        let mut command = Command::new(&self.settings.program);
        if let Some(config) = &self.settings.config {
            command.arg("-F").arg(config);
        }
        if let Some(jump) = &self.settings.jump {
            command.arg("-J").arg(jump);
        }
        command.args(["-T", "-a", "-x"]);
        for option in
            ["BatchMode=yes", "StrictHostKeyChecking=yes", "PermitLocalCommand=no", "ClearAllForwardings=yes"]
        {
            command.args(["-o", option]);
        }
        command.arg("--").arg(&self.settings.destination);
        if way == Way::Argument {
            command.arg(line.text());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn talk(&self, child: &mut Child, line: &Line, way: Way) -> Result<Said, PcliProblem> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let most = self.settings.max_output_bytes;
        let broken = |source| PcliProblem::Broken { command: line.label(), source, changes: line.changes() };
        let (out, err) = tokio::join!(converse(stdin, stdout, line, way, most), bounded(stderr, MOST_ERROR));
        let (out, err) = (out.map_err(broken)?, err.map_err(broken)?);
        if out.len() > most {
            return Err(PcliProblem::TooLong {
                command: line.label(),
                limit_bytes: most,
                changes: line.changes(),
            });
        }
        let status = child.wait().await.map_err(broken)?;
        if status.code() == Some(SSH_FAILED) {
            return Err(PcliProblem::of_ssh(line, &String::from_utf8_lossy(&err)));
        }
        Ok(Said::new(&out, &err, status.code(), line.text()))
    }
}

/// Gives the command where it goes in as input, answers its question with yes where it has one, and reads to the end, or
/// one byte more than `most`.
///
/// The input ends as soon as nothing more is to be said: a question that comes after that is answered with no.
async fn converse(
    mut stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    line: &Line,
    way: Way,
    most: usize,
) -> io::Result<Zeroizing<Vec<u8>>> {
    if way == Way::Input {
        say(&mut stdin, line.text()).await;
    }
    if !line.confirms() {
        stdin = None;
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let Some(mut stdout) = stdout else { return Ok(bytes) };
    while bytes.len() <= most {
        if stdin.is_none() {
            let left = (most + 1 - bytes.len()) as u64;
            stdout.take(left).read_to_end(&mut bytes).await?;
            break;
        }
        let mut chunk = Zeroizing::new([0; 4_096]);
        match timeout(QUIET, stdout.read(&mut chunk[..])).await {
            Err(_) => stdin = None,
            Ok(read) => {
                let read = read?;
                if read == 0 {
                    break;
                }
                bytes.extend_from_slice(&chunk[..read]);
                if said::asks(&bytes) {
                    say(&mut stdin, "y").await;
                    stdin = None;
                } else if way == Way::Input && said::is_over(&bytes) {
                    stdin = None;
                }
            }
        }
    }
    Ok(bytes)
}

/// Says a line; who does not listen any more says why on its own.
async fn say(stdin: &mut Option<ChildStdin>, line: &str) {
    if let Some(stdin) = stdin {
        let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
        let _ = stdin.flush().await;
    }
}

/// Reads to the end, and one byte more than `most` at the most.
async fn bounded(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    if let Some(pipe) = pipe {
        pipe.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// What `ssh` ends with when it is itself that failed.
const SSH_FAILED: i32 = 255;
const MOST_ERROR: usize = 64 << 10;

/// How long a command may say nothing before it is taken to have no question.
const QUIET: Duration = Duration::from_secs(20);
