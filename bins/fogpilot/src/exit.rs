//! How a command ends.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a command ended that has printed all there is to say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// All that was asked.
    Ok,
    /// Failed, or what was judged is refused.
    Failed,
    /// The arguments or the list of routers are at fault.
    Usage,
    /// Some of it and not all.
    Partial,
    /// Mist or the conductor did not accept who asked.
    Auth,
    /// What stands in the way was found before anything was written.
    Preflight,
    /// There is nothing to do, where `--detailed-exitcode` asks for that.
    Nothing,
    /// A person has something to do on the conductor first: it was said what.
    Person,
    /// Given up by the person who started it.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Partial => 3,
            Exit::Auth => 4,
            Exit::Preflight => 5,
            Exit::Nothing => 6,
            Exit::Person => 7,
            Exit::Interrupted => 130,
        })
    }
}

/// What a command answers.
pub(crate) type Done = Result<Exit, Failure>;

/// Why a command could not go on; it was not printed yet.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    cause: Box<dyn Error>,
}

impl Failure {
    /// What was given cannot be used.
    pub(crate) fn usage(cause: impl Into<Box<dyn Error>>) -> Self {
        Self::of(Exit::Usage, cause)
    }

    /// Ends with `exit`.
    pub(crate) fn of(exit: Exit, cause: impl Into<Box<dyn Error>>) -> Self {
        Self { exit, cause: cause.into() }
    }

    /// How it ends.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// It with everything it came from, in one line.
    pub(crate) fn text(&self) -> String {
        chain(&*self.cause)
    }

    /// Prints it with everything it came from, in one line.
    pub(crate) fn told(self) -> Exit {
        // a reader that has gone (`fogpilot template | head -1`) is no fault
        let broken_pipe =
            self.cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        if !broken_pipe {
            let _ = writeln!(io::stderr(), "fogpilot: {}", chain(&*self.cause));
        }
        self.exit
    }
}

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(cause: E) -> Self {
        let cause = cause.into();
        Self { exit: exit_of(&*cause), cause }
    }
}

/// How a program ends that could not go on for this.
pub(crate) fn exit_of(cause: &(dyn Error + 'static)) -> Exit {
    if is_unaccepted(cause) { Exit::Auth } else { Exit::Failed }
}

/// Whether Mist or the conductor does not accept who asks.
fn is_unaccepted(mut error: &(dyn Error + 'static)) -> bool {
    loop {
        let status = error
            .downcast_ref::<mist::Problem>()
            .and_then(mist::Problem::status)
            .or_else(|| error.downcast_ref::<conductor::Problem>().and_then(conductor::Problem::status));
        if status.is_some_and(|status| matches!(status.as_u16(), 401 | 403)) {
            return true;
        }
        match error.source() {
            Some(source) => error = source,
            None => return false,
        }
    }
}

/// An error and what it came from, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
