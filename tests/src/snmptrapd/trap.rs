//! A notification as `snmptrapd` logs it in [`format()`].

/// One notification.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trap {
    /// Where it came from and went to, in net-snmp's words: `UDP: [127.0.0.1]:4711->[127.0.0.1]:162`.
    pub path: String,
    /// What kind it was and who sent it, in net-snmp's words: `TRAP2, SNMP v3, user fogbell, context `, or `INFORM,
    /// SNMP v2c, community public`.
    pub sender: String,
    /// The value of `snmpTrapOID.0`: a name or a numeric OID, by the reading asked for.
    pub name: String,
    /// The variable bindings behind `sysUpTime.0` and `snmpTrapOID.0`, in their order.
    pub varbinds: Vec<Varbind>,
    /// `sysUpTime.0` in hundredths of a second.
    pub uptime: u64,
}

/// One variable binding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Varbind {
    /// Its name, or numeric OID with a leading dot.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A value as net-snmp shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Value {
    /// The exact bytes of an octet string.
    Octets(Vec<u8>),
    /// An integer, counter, gauge or time, in its unit.
    Number(i128),
    /// An object identifier, numeric or by name.
    Oid(String),
    /// Anything else as it was shown, such as `raised(1)` or an address; with MIBs also strings.
    Text(String),
}

impl Trap {
    /// The value of the varbind with this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.varbinds.iter().find(|varbind| varbind.name == name).map(|varbind| &varbind.value)
    }

    /// The text of the varbind with this name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(Value::text)
    }
}

impl Value {
    /// The value as text, bytes that are no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Octets(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Oid(text) | Self::Text(text) => text.clone(),
        }
    }

    /// Reads `TYPE: value`; what has no type is a time in hundredths (`-Ot`) or an empty string (`""`).
    fn parse(text: &str) -> Result<Self, String> {
        let bare = text.trim_end();
        if bare == "\"\"" {
            return Ok(Self::Octets(Vec::new()));
        }
        if let Ok(number) = bare.parse() {
            return Ok(Self::Number(number));
        }
        let (kind, value) = text.split_once(": ").ok_or_else(|| format!("no type in `{text}`"))?;
        Ok(match kind {
            "Hex-STRING" => Self::Octets(bytes(value)?),
            "STRING" => Self::Text(unquoted(value)),
            "OID" => Self::Oid(value.trim().to_owned()),
            "INTEGER" | "Gauge32" | "Counter32" | "Counter64" | "Timeticks" => {
                // A unit from the MIB may stand behind the number.
                let number = value.trim().split(' ').next().unwrap_or_default();
                number.parse().map_or_else(|_| Self::Text(value.trim().to_owned()), Self::Number)
            }
            _ => Self::Text(value.trim().to_owned()),
        })
    }
}

/// The argument of `-F` that this module reads.
pub(crate) fn format() -> String {
    format!("{START_OF_TRAP}%b{BETWEEN}%P{BETWEEN}%V{BETWEEN}%v{END_OF_TRAP}\\n")
}

/// The complete notifications in a log, oldest first.
///
/// # Errors
///
/// The text that is not as [`format()`] makes it.
pub(crate) fn parse(log: &str) -> Result<Vec<Trap>, String> {
    let mut traps = Vec::new();
    for part in log.split(START_OF_TRAP).skip(1) {
        // The last one may still be on its way.
        let Some((record, _)) = part.split_once(END_OF_TRAP) else { continue };
        let mut fields = record.split(BETWEEN);
        let path = fields.next().unwrap_or_default().to_owned();
        let sender = fields.next().unwrap_or_default().trim_end().to_owned();
        let mut varbinds = Vec::new();
        for field in fields {
            let (name, value) = field.split_once(" = ").ok_or_else(|| format!("no value in `{field}`"))?;
            varbinds.push(Varbind { name: name.to_owned(), value: Value::parse(value)? });
        }
        traps.push(build(path, sender, varbinds)?);
    }
    Ok(traps)
}

/// Takes the first two varbinds, which every v2 notification has (RFC 3416, 4.2.6).
fn build(path: String, sender: String, mut varbinds: Vec<Varbind>) -> Result<Trap, String> {
    let rest = varbinds.split_off(varbinds.len().min(2));
    let mut head = varbinds.into_iter().map(|varbind| varbind.value);
    match (head.next(), head.next()) {
        (Some(Value::Number(uptime)), Some(Value::Oid(name))) => {
            let uptime = u64::try_from(uptime).map_err(|_| format!("an uptime of {uptime}"))?;
            Ok(Trap { path, sender, name, varbinds: rest, uptime })
        }
        other => Err(format!("a notification that begins with {other:?}")),
    }
}

/// Bytes written as `68 65 20`, over several lines.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let byte = |digits: &str| u8::from_str_radix(digits, 16).map_err(|_| format!("no byte: `{digits}`"));
    text.split_ascii_whitespace().map(byte).collect()
}

/// Without the quotes and backslashes that net-snmp puts around strings that have no display hint.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or(character) } else { character });
    }
    plain
}

/// Control characters that no value carries: without MIBs values are hexadecimal, and the relay sends no control
/// characters.
const START_OF_TRAP: char = '\u{1e}';
const BETWEEN: char = '\u{1f}';
pub(crate) const END_OF_TRAP: char = '\u{1d}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_value_is_read() {
        let check = |text: &str, expect: Value| assert_eq!(Value::parse(text), Ok(expect), "{text}");
        check("148686", Value::Number(148_686));
        check("\"\"", Value::Octets(Vec::new()));
        check("Hex-STRING: 68 65 \nC3 AF 0A ", Value::Octets(b"he\xc3\xaf\n".to_vec()));
        check("OID: .1.3.6.1", Value::Oid(".1.3.6.1".to_owned()));
        check("INTEGER: -1", Value::Number(-1));
        check("INTEGER: 3600 seconds", Value::Number(3600));
        check("INTEGER: raised(1)", Value::Text("raised(1)".to_owned()));
        check("Counter64: 12345678901234", Value::Number(12_345_678_901_234));
        check("IpAddress: 10.1.2.3", Value::Text("10.1.2.3".to_owned()));
        check(r#"STRING: "a \"q\" b\\c""#, Value::Text(r#"a "q" b\c"#.to_owned()));
        check("STRING: AP 7: down", Value::Text("AP 7: down".to_owned()));
    }

    #[test]
    fn only_complete_notifications_count() {
        let one = "\u{1e}UDP: x\u{1f}TRAP2, SNMP v3, user u, context \u{1f}.1.3 = 5\u{1f}.1.4 = OID: .1.9\u{1f}.1.5 = INTEGER: 7\u{1d}\n";
        let log = format!("NET-SNMP version 5.9.3\n{one}{}", &one[..20]);

        let traps = parse(&log).unwrap();

        assert_eq!(traps.len(), 1);
        assert_eq!((traps[0].name.as_str(), traps[0].uptime), (".1.9", 5));
        assert_eq!(traps[0].sender, "TRAP2, SNMP v3, user u, context");
        assert_eq!(traps[0].value(".1.5"), Some(&Value::Number(7)));
        assert!(parse("\u{1e}UDP: x\u{1f}y\u{1f}.1.3 = INTEGER: 5\u{1d}").is_err());
    }
}
