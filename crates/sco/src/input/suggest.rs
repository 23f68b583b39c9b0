//! What somebody may have meant.

/// The one of `names` that is nearest to `text`, when it is near enough and no other is as near.
pub(super) fn nearest<'a>(text: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    let mut tied = false;
    for name in names {
        let distance = strsim::damerau_levenshtein(&text, &name.to_lowercase());
        match best {
            Some((least, _)) if distance > least => {}
            Some((least, known)) if distance == least => tied |= known != name,
            _ => (best, tied) = (Some((distance, name)), false),
        }
    }
    let (distance, name) = best?;
    let near = distance <= 2 && distance * 2 <= name.chars().count().max(2);
    let begins = name.to_lowercase().starts_with(&text) || text.starts_with(&name.to_lowercase());
    (!tied && (near || begins && !text.is_empty())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_told_and_a_guess_is_not() {
        let names = ["ATL-01", "ATL-12", "BOS-01", "conductor_hosts"];
        for (text, expect) in [
            ("ATL-1", None),
            ("atl-02", None),
            ("BOS01", Some("BOS-01")),
            ("BSO-01", Some("BOS-01")),
            ("conductor_host", Some("conductor_hosts")),
            ("conductor_ip", None),
            ("NYC-77", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, names), expect, "{text}");
        }
        assert_eq!(nearest("ATL-1", ["ATL-01", "DFW-02"]), Some("ATL-01"));
    }
}
