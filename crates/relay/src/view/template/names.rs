//! The names in a template, each with its place: also those in a branch that no trial takes.

use super::{FILTERS, Fault, is_known, known};

/// Refuses what a template asks for and does not exist. `declares` says whether the template itself makes a name.
pub(super) fn check(source: &str, declares: &dyn Fn(&str) -> bool) -> Result<(), Fault> {
    let mut names = Names { source, at: 0, code: None, before: Before::Start, base: "" };
    while let Some((offset, name, before)) = names.next() {
        let fault = |what: String| Err(Fault { offset, what });
        match before {
            Before::Bar if !FILTERS.contains(&name) => {
                return fault(format!("there is no filter `{name}`; there are {}", FILTERS.join(", ")));
            }
            Before::Is => {
                return fault(
                    "`is` asks nothing here: an absent text is \"\", an absent count 0, an absent \
                              duration -1; compare with `==`"
                        .to_owned(),
                );
            }
            Before::Dot(base) if base != "loop" => {
                return fault(format!("there is no `{name}` in a text or number"));
            }
            Before::Other if !is_known(name) && !declares(name) => {
                return fault(format!("`{name}` is no field of an alert; there are {}", known()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What stands in front of a name.
#[derive(Clone, Copy)]
enum Before<'a> {
    /// The beginning of a statement or expression.
    Start,
    /// `|`, or the word `filter` at the beginning.
    Bar,
    /// The word `is`.
    Is,
    /// A dot behind this name.
    Dot(&'a str),
    Other,
}

/// Goes through the names in `{{ … }}` and `{% … %}`.
struct Names<'a> {
    source: &'a str,
    at: usize,
    /// The end of the code that this is in.
    code: Option<&'static str>,
    before: Before<'a>,
    /// The last name.
    base: &'a str,
}

impl<'a> Names<'a> {
    fn next(&mut self) -> Option<(usize, &'a str, Before<'a>)> {
        loop {
            let rest = &self.source[self.at..];
            let c = rest.chars().next()?;
            let Some(end) = self.code else {
                self.text(rest, c);
                continue;
            };
            if rest.starts_with(end) {
                (self.at, self.code) = (self.at + end.len(), None);
            } else if matches!(c, '"' | '\'') {
                self.at += quoted(rest, c);
                self.before = Before::Other;
            } else if c.is_ascii_digit() {
                self.at += rest
                    .find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_'))
                    .unwrap_or(rest.len());
                self.before = Before::Other;
            } else if c.is_alphabetic() || c == '_' {
                let name =
                    &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
                let (offset, before) = (self.at, self.before);
                self.at += name.len();
                let behind = rest[name.len()..].trim_start();
                // `join(d=", ")`: the name of an argument, or a name that `set` makes
                let named = behind.starts_with('=') && !behind.starts_with("==");
                self.base = name;
                self.before = match (before, name) {
                    (Before::Start, "filter") if end == "%}" => Before::Bar,
                    (_, "is") => Before::Is,
                    (Before::Is, "not") => Before::Is,
                    _ => Before::Other,
                };
                let word = matches!(before, Before::Start) && end == "%}" || is_word(name);
                let asked = matches!(before, Before::Bar | Before::Dot(_)) || !word;
                if asked && !named {
                    let before = if matches!(before, Before::Start) { Before::Other } else { before };
                    return Some((offset, name, before));
                }
            } else {
                self.at += c.len_utf8();
                match c {
                    '|' => self.before = Before::Bar,
                    '.' => self.before = Before::Dot(self.base),
                    '-' if matches!(self.before, Before::Start) => {}
                    c if c.is_whitespace() => {}
                    _ => self.before = Before::Other,
                }
            }
        }
    }

    /// Goes on in the text between the code.
    fn text(&mut self, rest: &str, c: char) {
        self.before = Before::Start;
        for (start, end) in [("{{", "}}"), ("{%", "%}")] {
            if rest.starts_with(start) {
                (self.at, self.code) = (self.at + 2, Some(end));
                let inside = rest[2..].trim_start_matches(['-', '+']).trim_start();
                if end == "%}" && inside.starts_with("raw") {
                    self.at += rest.find("endraw").map_or(rest.len(), |at| at + "endraw".len()) - 2;
                }
                return;
            }
        }
        self.at += match rest.starts_with("{#") {
            true => rest.find("#}").map_or(rest.len(), |end| end + 2),
            false => c.len_utf8(),
        };
    }
}

/// How long a text in quotes is.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether it is a word of the language and no name.
fn is_word(name: &str) -> bool {
    matches!(
        name,
        "and"
            | "or"
            | "not"
            | "in"
            | "is"
            | "if"
            | "else"
            | "elif"
            | "true"
            | "false"
            | "True"
            | "False"
            | "none"
            | "None"
            | "recursive"
            | "loop"
    )
}
