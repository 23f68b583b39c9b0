//! Asking the person at the terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The terminal that the program was started from, wherever its input and output go.
pub(crate) struct Terminal(File);

impl Terminal {
    /// The terminal, if there is one.
    pub(crate) fn open() -> Option<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").ok().filter(File::is_terminal).map(Self)
    }

    /// Asks for one line that is not shown while it is typed, nor when the terminal is ended meanwhile.
    pub(crate) fn ask_hidden(&self, question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
        let before = tcgetattr(&self.0)?;
        let hidden = Hidden { terminal: &self.0, before };
        let mut modes = hidden.before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        // an interrupt ends the line, so that it ends the program with the terminal as it was
        modes.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(&self.0, OptionalActions::Flush, &modes)?;
        (&self.0).write_all(question.as_bytes())?;
        let line = self.line();
        drop(hidden);
        line
    }

    /// Asks for one line, without the spaces around it.
    pub(crate) fn ask(&self, question: &str) -> io::Result<String> {
        (&self.0).write_all(question.as_bytes())?;
        let line = self.line()?;
        let text = str::from_utf8(&line).map_err(|_| io::Error::other("what was typed is no text"))?;
        Ok(text.trim().to_owned())
    }

    /// Asks a question that only `y` or `yes` affirms.
    pub(crate) fn confirm(&self, question: &str) -> io::Result<bool> {
        (&self.0).write_all(format!("{question} [y/N] ").as_bytes())?;
        let line = self.line()?;
        Ok(line.eq_ignore_ascii_case(b"y") || line.eq_ignore_ascii_case(b"yes"))
    }

    /// One line, as the terminal hands it over: whole.
    fn line(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(vec![0; LONGEST_LINE]);
        let bytes = (&self.0).read(&mut line)?;
        match line[..bytes].last() {
            Some(&b'\n') => line.truncate(bytes - 1),
            Some(&INTERRUPT) => return Err(io::Error::other("given up at the terminal")),
            _ => return Err(io::Error::other("the terminal gave no whole line")),
        }
        Ok(line)
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
