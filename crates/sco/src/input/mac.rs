//! MAC addresses as spreadsheets spell and spoil them.

use ids::Mac;

/// Reads an address in any spelling that has all its digits.
///
/// # Errors
///
/// What happened to it, and what it was where that can be told.
pub(super) fn parse(text: &str) -> Result<Mac, String> {
    let bare: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '"' | '\u{a0}')).collect();
    let shown = crate::names::shown(text);
    if let Ok(mac) = bare.parse::<Mac>() {
        let first = mac.bytes()[0];
        if mac.is_zero() || first & 1 == 1 {
            return Err(format!("`{shown}` is no address of a device (all zeros, or of a group)"));
        }
        return Ok(mac);
    }
    if looks_like_number(&bare) {
        return Err(format!(
            "`{shown}` is not a MAC: a spreadsheet turned it into a number; format the column as text and enter it again"
        ));
    }
    if let Some(mac) = with_lost_zeros(&bare) {
        let digits = mac.to_string();
        return Err(format!(
            "`{shown}` lost leading zeros; did you mean `{digits}`? Format the column as text"
        ));
    }
    Err(format!("`{shown}` is not a MAC: 12 hexadecimal digits, as in 5c5b351e13b5"))
}

/// Whether it is a number in scientific notation.
fn looks_like_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or_default();
    let digits =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or_default();
    digits(mantissa) && !exponent.is_empty() && exponent.chars().all(|c| c.is_ascii_digit())
}

/// The address when zeros are put back: before a number that is too short, or before single digits between separators.
fn with_lost_zeros(text: &str) -> Option<Mac> {
    if (6..12).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit()) {
        return format!("{text:0>12}").parse().ok();
    }
    let parts: Vec<&str> = text.split([':', '-']).collect();
    let short = parts.iter().all(|part| (1..=2).contains(&part.len()));
    let padded: String = parts.iter().map(|part| format!("{part:0>2}")).collect();
    (parts.len() == 6 && short).then(|| padded.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for text in [
            "02005eaa0001",
            "02:00:5E:AA:00:01",
            "02-00-5e-aa-00-01",
            "0200.5eaa.0001",
            "02 00 5e aa 00 01",
            "'02005eaa0001",
            "\u{a0}02:00:5e:aa:00:01 ",
            "020 05e:aa00-01",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), "02005eaa0001", "{text}");
        }
    }

    #[test]
    fn what_a_spreadsheet_did_to_it_is_told() {
        for (text, expect) in [
            ("2.00E+05", "turned it into a number"),
            ("2,00E+11", "turned it into a number"),
            ("2E+11", "turned it into a number"),
            ("20000000001", "did you mean `020000000001`?"),
            ("2:0:5e:aa:0:1", "did you mean `02005eaa0001`?"),
            ("02:00:5e:aa:00", "12 hexadecimal digits"),
            ("000000000000", "no address of a device"),
            ("ffffffffffff", "no address of a device"),
            ("router-1", "12 hexadecimal digits"),
            ("02005eaa000g", "12 hexadecimal digits"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expect), "{text}: {error}");
        }
    }
}
