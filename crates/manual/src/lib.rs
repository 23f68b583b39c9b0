//! Manual pages and completions of a program, from the tree of commands that it parses its arguments with.
//!
//! - [`pages`]: a manual page for the program and for each of its commands.
//! - [`completion`]: what a shell completes with.
//! - [`write()`]: all of them, where a package puts them.
//! - [`examples`]: what the helps show, to be tried against the parser in a test.
//! - [`quoted`]: what pages of Markdown show, for the same.
//!
//! What a command says behind its help becomes sections of its page: a line that begins at the margin and ends with a
//! colon is a heading, and what is indented under it is shown as it stands.
//!
//! ```
//! use clap::Command;
//!
//! let program = Command::new("greet").about("Say hello").after_help("Example:\n  greet world");
//! let pages = fogbell_manual::pages(program).unwrap();
//!
//! assert_eq!(pages[0].name, "greet.1");
//! assert!(pages[0].text.contains(".SH EXAMPLE\n.nf\ngreet world\n.fi\n"), "{}", pages[0].text);
//! ```

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate};

mod example;
mod page;

pub use example::{Example, Quoted, examples, quoted, quoted_at, refusal};
pub use page::{Page, pages};

/// The completions of `program` for a shell.
#[must_use]
pub fn completion(mut program: Command, shell: Shell) -> Vec<u8> {
    let (mut text, name) = (Vec::new(), program.get_name().to_owned());
    generate(shell, &mut program, name, &mut text);
    text
}

/// Writes pages and completions under `folder`, where they are under `/usr/share`: `man/man1`,
/// `bash-completion/completions`, `zsh/vendor-completions`, `fish/vendor_completions.d`.
///
/// # Errors
///
/// When a folder or a file cannot be written; the error names it.
pub fn write(program: &Command, folder: &Path) -> io::Result<()> {
    for page in pages(program.clone())? {
        put(folder, "man/man1", &page.name, page.text.as_bytes())?;
    }
    let name = program.get_name();
    for (shell, place, file) in [
        (Shell::Bash, "bash-completion/completions", name.to_owned()),
        (Shell::Zsh, "zsh/vendor-completions", format!("_{name}")),
        (Shell::Fish, "fish/vendor_completions.d", format!("{name}.fish")),
    ] {
        put(folder, place, &file, &completion(program.clone(), shell))?;
    }
    Ok(())
}

fn put(folder: &Path, place: &str, name: &str, text: &[u8]) -> io::Result<()> {
    let folder = folder.join(place);
    let file = folder.join(name);
    let write = || fs::File::create(&file)?.write_all(text);
    fs::create_dir_all(&folder)
        .and_then(|()| write())
        .map_err(|error| io::Error::new(error.kind(), format!("cannot write `{}`: {error}", file.display())))
}
