//! What Mist answered to an export of ID tokens, each router accounted for.

use std::collections::BTreeMap;
use std::fmt;

use ids::Mac;
use mist::ssr::{IdToken, IdTokens};
use zeroize::Zeroizing;

/// The text of an ID token.
///
/// It is expected to be a public key; since what it is is not documented, it is kept from being printed until
/// [`EndorsementKey::read`](super::EndorsementKey::read) has said so.
#[derive(Clone, Eq, PartialEq)]
pub struct IdTokenText(Zeroizing<String>);

impl IdTokenText {
    /// The text itself, to be read as a key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for IdTokenText {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for IdTokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenText")
    }
}

/// What came back for one router that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exported {
    /// Exactly one token.
    Token(IdTokenText),
    /// Nothing, or an entry without a token.
    Missing,
    /// Two entries, or two fields of one, that differ: no one can say which is right.
    Ambiguous,
}

/// An export, each router accounted for.
///
/// Source: operation `exportOrgSsrIdTokens`; its items have `mac` and `token`, none required, and had `idtoken` instead of
/// `token` in version 2511.1.0 of the vendor's document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Export {
    /// What came back, by the address that was asked for.
    pub routers: BTreeMap<Mac, Exported>,
    /// Addresses that were answered and not asked for; what is said of them is not used.
    pub unasked: Vec<Mac>,
    /// Entries without an address that can be read.
    pub nameless: usize,
}

impl Export {
    /// Takes `answer` to the question for `asked`.
    pub fn account(asked: &[Mac], answer: &IdTokens) -> Self {
        let mut export = Self::default();
        for mac in asked {
            export.routers.insert(*mac, Exported::Missing);
        }
        for entry in &answer.tokens {
            let Some(mac) = entry.mac else {
                export.nameless += 1;
                continue;
            };
            match export.routers.get_mut(&mac) {
                Some(known) => *known = merge(known, of(entry)),
                None => export.unasked.push(mac),
            }
        }
        export
    }
}

fn of(entry: &IdToken) -> Exported {
    let Some(token) = entry.token.as_ref().map(mist::SecretText::expose).filter(|token| !token.is_empty())
    else {
        return Exported::Missing;
    };
    // `token` was read; what stands in the other field must not contradict it
    match entry.extra.get("idtoken") {
        None | Some(serde_json::Value::Null) => Exported::Token(token.into()),
        Some(other) if other.as_str() == Some(token) => Exported::Token(token.into()),
        Some(_) => Exported::Ambiguous,
    }
}

fn merge(known: &Exported, new: Exported) -> Exported {
    match (known, new) {
        (Exported::Missing, new) => new,
        (known, Exported::Missing) => known.clone(),
        (known, new) if *known == new => new,
        _ => Exported::Ambiguous,
    }
}

#[cfg(test)]
mod tests {
    use mist::Answer as _;
    use serde_json::{Value, json};

    use super::*;

    fn account(asked: &[&str], answer: Value) -> Export {
        let asked: Vec<Mac> = asked.iter().map(|mac| mac.parse().unwrap()).collect();
        Export::account(&asked, &IdTokens::from_json(answer).unwrap())
    }

    fn outcome(entries: Value) -> Exported {
        let export = account(&["020000000001"], json!({ "results": entries }));
        export.routers.into_values().next().unwrap()
    }

    #[test]
    fn each_router_that_was_asked_for_is_accounted_for() {
        let token = || Exported::Token("A".into());
        for (entries, expect) in [
            (json!([{"mac": "02:00:00:00:00:01", "token": "A"}]), token()),
            (json!([{"mac": "020000000001", "idtoken": "A"}]), token()),
            (json!([{"mac": "020000000001", "token": "A", "idtoken": "A"}]), token()),
            (json!([{"mac": "020000000001", "token": "A", "idtoken": null}]), token()),
            (json!([{"mac": "020000000001", "token": "A", "idtoken": "B"}]), Exported::Ambiguous),
            (json!([{"mac": "020000000001", "token": "A", "idtoken": 7}]), Exported::Ambiguous),
            (json!([{"mac": "020000000001", "token": "A"}, {"mac": "020000000001", "token": "A"}]), token()),
            (json!([{"mac": "020000000001", "token": "A"}, {"mac": "020000000001"}]), token()),
            (
                json!([{"mac": "020000000001", "token": "A"}, {"mac": "020000000001", "token": "B"},
                       {"mac": "020000000001", "token": "A"}]),
                Exported::Ambiguous,
            ),
            (json!([{"mac": "020000000001"}]), Exported::Missing),
            (json!([{"mac": "020000000001", "token": ""}]), Exported::Missing),
            (json!([{"mac": "020000000001", "id_token": "A"}]), Exported::Missing),
            (json!([]), Exported::Missing),
        ] {
            assert_eq!(outcome(entries.clone()), expect, "{entries}");
        }
    }

    #[test]
    fn a_router_that_was_not_asked_for_is_told_and_not_used() {
        let entries = json!({"results": [{"mac": "020000000002", "token": "A"}, {"token": "B"}]});

        let export = account(&["020000000001"], entries);

        assert_eq!(export.routers.into_values().collect::<Vec<_>>(), [Exported::Missing]);
        assert_eq!(export.unasked, ["020000000002".parse().unwrap()]);
        assert_eq!(export.nameless, 1);
    }

    #[test]
    fn the_vendors_example_has_one_token() {
        let answer = include_str!("../../tests/fixtures/exportOrgSsrIdTokens--response200.json");
        let answer: Value = serde_json::from_str(answer).unwrap();
        let mac = answer["results"][0]["mac"].as_str().unwrap().to_owned();

        let export = account(&[&mac], answer);

        assert_eq!(export.routers.into_values().collect::<Vec<_>>(), [Exported::Token("string".into())]);
    }

    #[test]
    fn an_id_token_does_not_print_itself() {
        assert_eq!(format!("{:?}", IdTokenText::from("MIIB")), "IdTokenText");
    }
}
