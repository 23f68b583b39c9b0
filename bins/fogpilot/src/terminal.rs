//! Asking the person at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure};

/// The terminal that the program was started from, wherever its input and output go.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal, if there is one.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().filter(File::is_terminal).map(Self)
    }

    /// The terminal, or that there is none, and which flag is in place of the answer.
    pub(crate) fn or(flag: &str) -> Result<Self, Failure> {
        Self::open().ok_or_else(|| Failure::usage(format!("there is no terminal to ask at; give {flag}")))
    }

    /// Asks for one line that is not shown while it is typed, nor when the terminal is ended meanwhile; nothing when it
    /// was given up.
    pub(crate) fn ask_hidden(&self, question: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let before = tcgetattr(&self.0)?;
        let hidden = Hidden { terminal: &self.0, before };
        let mut modes = hidden.before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        // an interrupt ends the line, so that it ends the program with the terminal as it was
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&self.0, OptionalActions::Flush, &modes)?;
        (&self.0).write_all(question.as_bytes())?;
        self.line()
    }

    /// Asks for one line; nothing when it was given up.
    pub(crate) fn ask(&self, question: &str) -> io::Result<Option<String>> {
        (&self.0).write_all(question.as_bytes())?;
        let line = self.line()?;
        Ok(line.map(|line| String::from_utf8_lossy(&line).trim().to_owned()))
    }

    /// Asks a question that only `y` or `yes` affirms.
    pub(crate) fn confirm(&self, question: &str) -> io::Result<bool> {
        let line = self.ask(&format!("{question} [y/N] "))?;
        Ok(line.is_some_and(|line| ["y", "yes"].contains(&&*line.to_lowercase())))
    }

    /// One line, as the terminal hands it over: whole.
    fn line(&self) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(vec![0; LONGEST_LINE]);
        let bytes = (&self.0).read(&mut line)?;
        match line[..bytes].last() {
            Some(&b'\n') => line.truncate(bytes - 1),
            Some(&INTERRUPT) => return Ok(None),
            _ => return Err(io::Error::other("the terminal gave no whole line")),
        }
        Ok(Some(line))
    }
}

/// Asks whether something is to be done, where `--yes` was not given.
pub(crate) fn agree(question: &str) -> Result<(), Failure> {
    match Terminal::or("--yes")?.confirm(question)? {
        true => Ok(()),
        false => Err(Failure::of(Exit::Interrupted, "nothing was done")),
    }
}

/// The terminal as it was, put back when dropped.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // nothing else is left to do about a terminal that is gone
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
        let mut terminal = self.terminal;
        let _ = terminal.write_all(b"\n");
    }
}

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// What Linux holds of a line.
const LONGEST_LINE: usize = 4096;
