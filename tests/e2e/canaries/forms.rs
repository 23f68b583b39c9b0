//! A secret, and everything it may look like.

/// A secret that is looked for.
#[derive(Clone, Debug)]
pub(super) struct Canary {
    pub(super) name: &'static str,
    /// What it is, and pieces that alone would give it away: of a key in PEM its lines.
    values: Vec<Vec<u8>>,
}

impl Canary {
    pub(super) fn new(name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        Self { name, values: vec![value.into()] }
    }

    /// A key by the lines of its PEM and the number that is secret.
    pub(super) fn key(name: &'static str, pem: &str, number: Vec<u8>) -> Self {
        let lines = pem.lines().filter(|line| line.len() > 40 && !line.starts_with('-'));
        Self { name, values: lines.map(|line| line.as_bytes().to_vec()).chain([number]).collect() }
    }

    /// The same, given away by this as well.
    pub(super) fn or(mut self, value: impl Into<Vec<u8>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Whether it belongs at `place`: what Mist signed is kept as it came, in the journal alone, and shown to
    /// who asks what becomes of it; a community is in every datagram of SNMP v2c (RFC 1901), which its receiver shows.
    pub(super) fn may_be(&self, place: &str) -> bool {
        match self.name {
            super::AUDIT => {
                ["/state/journal.db", "signed bodies", "explain"].iter().any(|it| place.contains(it))
            }
            super::COMMUNITY => place.starts_with("snmptrapd, v2c"),
            _ => false,
        }
    }

    /// Each way to write it, with its bytes.
    pub(super) fn forms(&self) -> Vec<(&'static str, Vec<u8>)> {
        self.values.iter().flat_map(|value| forms(value)).collect()
    }
}

fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let url: String = value
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect();
    let mut forms = vec![
        ("itself", value.to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_ascii_uppercase().into_bytes()),
        ("URL", url.clone().into_bytes()),
        ("url", url.to_ascii_lowercase().into_bytes()),
        // as Rust's `{:?}` of bytes
        ("bytes", format!("{value:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
        ("escaped", value.escape_ascii().to_string().into_bytes()),
    ];
    // what is before it in a longer text moves it by one byte or two
    for before in 0..3 {
        forms.push(("base64", base64(value, before, false)));
        forms.push(("base64url", base64(value, before, true)));
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        let json = json.trim_matches('"');
        forms.push(("JSON", json.as_bytes().to_vec()));
        forms.push((
            "JSON twice",
            serde_json::Value::from(json).to_string().trim_matches('"').as_bytes().to_vec(),
        ));
        forms.push(("JSON with slashes", json.replace('/', "\\/").into_bytes()));
        let ascii =
            json.chars().map(|letter| if letter.is_ascii() { letter.to_string() } else { unicode(letter) });
        forms.push(("JSON in ASCII", ascii.collect::<String>().into_bytes()));
    }
    forms
}

fn unicode(letter: char) -> String {
    let mut units = [0; 2];
    letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// The letters of base64 (RFC 4648) that depend on nothing but `value` when `before` bytes stand in front of it.
fn base64(value: &[u8], before: usize, url: bool) -> Vec<u8> {
    let letters: &[u8; 64] = if url {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    } else {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    };
    let skip = (3 - before) % 3;
    let own = &value[skip..];
    let own = &own[..own.len() - own.len() % 3];
    own.chunks_exact(3)
        .flat_map(|three| {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            [18, 12, 6, 0].map(|shift| letters[(bits >> shift & 63) as usize])
        })
        .collect()
}

#[test]
fn a_secret_is_known_in_any_form() {
    let forms = Canary::new("x", "a\"b/é").forms();
    let has = |name: &str, bytes: &str| {
        forms.contains(&(forms.iter().find(|form| form.0 == name).unwrap().0, bytes.into()))
    };

    assert!(
        has("hex", "6122622fc3a9") && has("URL", "a%22b%2F%C3%A9") && has("escaped", "a\\\"b/\\xc3\\xa9")
    );
    assert!(
        has("JSON", "a\\\"b/é")
            && has("JSON with slashes", "a\\\"b\\/é")
            && has("JSON in ASCII", "a\\\"b/\\u00e9")
    );
    // as `printf 'a"b/é' | base64`, and with one byte and two in front of it
    assert!(has("base64", "YSJiL8Op") && has("base64", "Yi/D") && has("base64", "ImIv"));
}
