//! Manual pages.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

/// A manual page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Its file, such as `fogbell-journal-status.1`.
    pub name: String,
    /// Its text, as troff with the macros of `man` reads it.
    pub text: String,
}

/// A page for `program` and for each of its commands that is not hidden, the program's own first.
///
/// # Errors
///
/// When a page is no UTF-8: never, unless the library that writes them fails.
pub fn pages(program: Command) -> io::Result<Vec<Page>> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let source = format!("{} {}", program.get_name(), program.get_version().unwrap_or_default());
    let mut pages = Vec::new();
    add(&program, None, &source, &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, parent: Option<&str>, source: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    pages.push(page(command, parent, source)?);
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    command
        .get_subcommands()
        .filter(|it| !it.is_hide_set())
        .try_for_each(|it| add(it, Some(name), source, pages))
}

fn page(command: &Command, parent: Option<&str>, source: &str) -> io::Result<Page> {
    let man = Man::new(command.clone());
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    // by hand: the library leaves an empty date out, and the program would stand in its place
    let mut text = format!(".TH \"{name}\" 1 \"\" \"{}\"\n", source.trim_end()).into_bytes();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.get_arguments().any(|it| !it.is_hide_set()) {
        man.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|it| !it.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let mut text = String::from_utf8(text).map_err(io::Error::other)?;
    if let Some(behind) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        text += &sections(&behind.to_string());
    }
    if let Some(parent) = parent {
        let mut see = Roff::new();
        see.control("SH", ["SEE ALSO"]).text([roman(format!("{parent}(1)"))]);
        text += &see.to_roff();
    }
    Ok(Page { name: man.get_filename(), text })
}

/// What is behind the help, as sections.
fn sections(text: &str) -> String {
    let mut out = String::new();
    let mut block = Vec::new();
    for line in text.lines() {
        match line.strip_suffix(':') {
            Some(heading) if !line.starts_with(' ') => {
                out += &shown(&mut block);
                out += &Roff::new().control("SH", [heading.to_uppercase().as_str()]).to_roff();
            }
            _ => block.push(line),
        }
    }
    out += &shown(&mut block);
    out
}

/// Lines as they stand, without their indentation and the empty ones around them; leaves none.
fn shown(block: &mut Vec<&str>) -> String {
    let is_empty = |line: &&str| line.trim().is_empty();
    let (Some(first), Some(last)) =
        (block.iter().position(|it| !is_empty(it)), block.iter().rposition(|it| !is_empty(it)))
    else {
        block.clear();
        return String::new();
    };
    let lines: Vec<&str> = block.drain(..).take(last + 1).skip(first).collect();
    let margin = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines.iter().filter(|line| !is_empty(line)).map(margin).min().unwrap_or_default();
    let mut roff = Roff::new();
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line.get(margin..).unwrap_or_default())]);
    }
    roff.control("fi", []).to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_not_hidden_has_a_page_that_names_its_parent() {
        let inner = Command::new("show").about("Show it");
        let program = Command::new("tool")
            .version("1.2")
            .about("Do it")
            .subcommand(Command::new("key").about("Keys").subcommand(inner))
            .subcommand(Command::new("secret").hide(true));

        let pages = pages(program).unwrap();

        let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        assert_eq!(names, ["tool.1", "tool-key.1", "tool-key-show.1"]);
        assert!(pages[2].text.contains("\n.SH \"SEE ALSO\"\ntool\\-key(1)\n"), "{}", pages[2].text);
        assert!(pages[2].text.contains("\ntool\\-key\\-show \\- Show it\n"), "{}", pages[2].text);
        assert!(
            pages[2].text.starts_with(".TH \"tool-key-show\" 1 \"\" \"tool 1.2\"\n"),
            "{}",
            pages[2].text
        );
        assert!(
            !pages[0].text.contains("SEE ALSO") && !pages[0].text.contains("secret"),
            "{}",
            pages[0].text
        );
    }

    #[test]
    fn what_is_behind_the_help_is_shown_as_it_stands_under_its_headings() {
        let check = |text: &str, expect: &str| assert_eq!(sections(text), expect, "{text}");
        check("", "");
        check("Example:\n  a -b > c", ".SH EXAMPLE\n.nf\na \\-b > c\n.fi\n");
        check(
            "Exit codes:\n  0  done\n  1  not\n\nExample:\n  a\n    .b\n",
            ".SH \"EXIT CODES\"\n.nf\n0  done\n1  not\n.fi\n.SH EXAMPLE\n.nf\na\n  .b\n.fi\n",
        );
        check("no heading", ".nf\nno heading\n.fi\n");
    }
}
