//! RFC 5424 read to the letter.

/// A message, its escapes undone.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Message<'a> {
    pub(crate) priority: u8,
    pub(crate) time: &'a str,
    pub(crate) host: &'a str,
    pub(crate) app: &'a str,
    pub(crate) process: &'a str,
    pub(crate) id: &'a str,
    pub(crate) element: &'a str,
    pub(crate) params: Vec<(&'a str, String)>,
    pub(crate) text: &'a str,
}

impl<'a> Message<'a> {
    /// Reads the grammar of section 6 with one structured data element; what is off it.
    pub(crate) fn read(line: &'a str) -> Result<Self, &'static str> {
        let rest = line.strip_prefix('<').ok_or("no PRI")?;
        let (digits, rest) = rest.split_once('>').ok_or("no PRI")?;
        let priority: u8 = digits.parse().map_err(|_| "PRI is no number")?;
        if digits != priority.to_string() || priority > 191 {
            return Err("PRI is not 0 to 191 without leading zeros");
        }
        let rest = rest.strip_prefix("1 ").ok_or("VERSION is not 1")?;
        let (time, rest) = field(rest, 32)?;
        let (host, rest) = field(rest, 255)?;
        let (app, rest) = field(rest, 48)?;
        let (process, rest) = field(rest, 128)?;
        let (id, rest) = field(rest, 32)?;
        let rest = rest.strip_prefix('[').ok_or("no structured data")?;
        let end = rest.find([' ', ']']).ok_or("SD-ELEMENT does not end")?;
        let (element, mut rest) = rest.split_at(end);
        name(element)?;
        let mut params = Vec::new();
        while let Some(param) = rest.strip_prefix(' ') {
            let (key, value) = param.split_once("=\"").ok_or("PARAM-NAME without a value")?;
            name(key)?;
            let (value, behind) = unescaped(value)?;
            params.push((key, value));
            rest = behind;
        }
        let rest = rest.strip_prefix(']').ok_or("SD-ELEMENT does not end")?;
        let text = if rest.is_empty() { "" } else { rest.strip_prefix(' ').ok_or("no space before MSG")? };
        Ok(Self { priority, time, host, app, process, id, element, params, text })
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// A header field, `-` when absent, of printable ASCII, and what is behind the space that ends it.
fn field(text: &str, most: usize) -> Result<(&str, &str), &'static str> {
    let (field, rest) = text.split_once(' ').ok_or("the header ends early")?;
    if field.is_empty() || field.len() > most || !field.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a header field is empty, too long or not printable ASCII");
    }
    Ok((field, rest))
}

/// SD-NAME.
fn name(text: &str) -> Result<(), &'static str> {
    let good = |byte: u8| byte.is_ascii_graphic() && !b"=]\"".contains(&byte);
    if (1..=32).contains(&text.len()) && text.bytes().all(good) { Ok(()) } else { Err("no SD-NAME") }
}

/// PARAM-VALUE up to its closing quote, and what is behind that.
fn unescaped(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            ']' => return Err("a bracket in PARAM-VALUE that is not escaped"),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\' | ']'))) => value.push(escaped),
                _ => return Err("an escape that the RFC does not know"),
            },
            plain => value.push(plain),
        }
    }
    Err("PARAM-VALUE does not end")
}
