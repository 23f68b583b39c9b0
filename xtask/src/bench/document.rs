//! The places in `performance.md` that the bench fills in.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `figures` between the marks of `name` in `file`.
///
/// # Errors
///
/// When the file cannot be read or written, or has no such marks.
pub(crate) fn fill(file: &Path, name: &str, figures: &str) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let filled = filled(&text, name, figures).with_context(|| {
        format!("`{}` has no `{}` and `{}` behind it", file.display(), begin(name), end(name))
    })?;
    fs::write(file, filled).with_context(|| format!("cannot write `{}`", file.display()))
}

fn filled(text: &str, name: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(&begin(name))?;
    let (_, after) = rest.split_once(&end(name))?;
    Some(format!("{before}{}\n\n{}\n\n{}{after}", begin(name), figures.trim(), end(name)))
}

fn begin(name: &str) -> String {
    format!("<!-- figures: {name} -->")
}

fn end(name: &str) -> String {
    format!("<!-- end of figures: {name} -->")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "a\n<!-- figures: burst -->\nold\n<!-- end of figures: burst -->\nb\n";
        let new = "a\n<!-- figures: burst -->\n\nnew\n\n<!-- end of figures: burst -->\nb\n";

        assert_eq!(filled(text, "burst", "new\n").as_deref(), Some(new));
        assert_eq!(filled(new, "burst", "new").as_deref(), Some(new));
        assert_eq!(filled(text, "start", "new"), None);
        assert_eq!(filled("<!-- figures: burst -->", "burst", "new"), None);
    }

    #[test]
    fn the_documentation_has_a_place_for_every_bench() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
        let text = fs::read_to_string(file).unwrap();
        let names = super::super::Name::ALL.map(super::super::Name::text);

        for name in names.into_iter().chain(["goals"]) {
            assert!(filled(&text, name, "").is_some(), "{name}");
        }
    }
}
