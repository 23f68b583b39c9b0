//! The readings by name.

use super::readings::{Derived, EmptyToken, NoIdToken, Readings, SsrPut, TokenShown, TooManyMacs};
use crate::switch::{Switch, UnknownSwitch};

impl Readings {
    /// Every switch with its values, the usual one first.
    pub const SWITCHES: &[Switch] = &[
        ("ssr-put", &["replaces", "merges"]),
        ("empty-token", &["kept", "removes", "refused", "ignored"]),
        ("token-shown", &["plain", "masked", "absent"]),
        ("derived", &["site-alone", "field-by-field", "whole-object"]),
        ("id-token-field", &["token", "idtoken", "both", "id_token"]),
        ("no-id-token", &["no-row", "no-field", "null", "empty"]),
        ("most-macs", &["any", "20-refused", "20-cut"]),
        ("modified-time", &["told", "absent"]),
    ];

    /// Sets a switch by name.
    ///
    /// # Errors
    ///
    /// [`UnknownSwitch`] for what is not among the [`SWITCHES`](Self::SWITCHES).
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), UnknownSwitch> {
        let known = Self::SWITCHES.iter().any(|(known, values)| *known == name && values.contains(&value));
        if !known {
            return Err(UnknownSwitch::new(name, value));
        }
        match (name, value) {
            ("ssr-put", "replaces") => self.ssr_put = SsrPut::Replaces,
            ("ssr-put", "merges") => self.ssr_put = SsrPut::Merges,
            ("empty-token", "kept") => self.empty_token = EmptyToken::Kept,
            ("empty-token", "removes") => self.empty_token = EmptyToken::Removes,
            ("empty-token", "refused") => self.empty_token = EmptyToken::Refused,
            ("empty-token", "ignored") => self.empty_token = EmptyToken::Ignored,
            ("token-shown", "plain") => self.token_shown = TokenShown::Plain,
            ("token-shown", "masked") => self.token_shown = TokenShown::Masked,
            ("token-shown", "absent") => self.token_shown = TokenShown::Absent,
            ("derived", "site-alone") => self.derived = Derived::SiteAlone,
            ("derived", "field-by-field") => self.derived = Derived::FieldByField,
            ("derived", "whole-object") => self.derived = Derived::WholeObject,
            ("id-token-field", "both") => {
                self.id_token_fields = vec!["token".to_owned(), "idtoken".to_owned()];
            }
            ("id-token-field", field) => self.id_token_fields = vec![field.to_owned()],
            ("no-id-token", "no-row") => self.no_id_token = NoIdToken::NoRow,
            ("no-id-token", "no-field") => self.no_id_token = NoIdToken::NoField,
            ("no-id-token", "null") => self.no_id_token = NoIdToken::Null,
            ("no-id-token", "empty") => self.no_id_token = NoIdToken::Empty,
            ("modified-time", value) => self.modified_time = value == "told",
            ("most-macs", "any") => self.most_macs = None,
            ("most-macs", "20-refused") => self.most_macs = Some((20, TooManyMacs::Refused)),
            ("most-macs", "20-cut") => self.most_macs = Some((20, TooManyMacs::Cut)),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_switch_is_another_reading_and_the_first_the_usual_one() {
        let show = |readings: &Readings| format!("{readings:?}");
        for (name, values) in Readings::SWITCHES {
            let seen: Vec<String> = values
                .iter()
                .map(|value| {
                    let mut readings = Readings::default();
                    readings.set(name, value).unwrap();
                    show(&readings)
                })
                .collect();
            assert_eq!(seen[0], show(&Readings::default()), "{name}");
            let different: std::collections::BTreeSet<&String> = seen.iter().collect();
            assert_eq!(different.len(), values.len(), "{name}");
        }
        let error = Readings::default().set("derived", "else").unwrap_err();
        assert_eq!(error.to_string(), "no switch `derived` with `else`");
    }
}
