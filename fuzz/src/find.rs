//! Tokens, and states, in any text.

use sco::AssetId;
use sco::observe::find_auth_states;
use sco::token::{OnboardingToken, find_tokens};

use crate::source::Source;

/// Whatever is found is a token that stands in the text but for spaces between; wrapped once more, at any width, it is
/// found as it was.
pub fn find(data: &[u8]) {
    let mut source = Source::new(data);
    let width = usize::from(source.byte()).max(8);
    let text = String::from_utf8_lossy(source.rest()).into_owned();

    let found = find_tokens(&text);

    let ids: Vec<AssetId> = ["A1", "A2"].iter().filter_map(|id| id.parse().ok()).collect();
    for (asset_id, state) in find_auth_states(&text, &ids.iter().collect::<Vec<_>>()) {
        assert!(text.contains(asset_id.as_str()));
        // whose it is was named before it
        let alone = format!("{asset_id}\nAuth State: {}", state.to_string().trim_start_matches("auth "));
        let again = find_auth_states(&alone, &[&asset_id]);
        assert!(again.len() <= 1 && again.keys().all(|found| *found == asset_id));
    }

    let bare: String =
        text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '>' | '|' | '\\')).collect();
    let lines = text.lines().count();
    for token in &found.tokens {
        assert!(token.line >= 1 && token.line <= lines);
        assert!(bare.contains(token.token.expose()));
        assert!(OnboardingToken::parse(token.token.expose()).is_ok());
    }
    for rejected in &found.rejected {
        assert!(rejected.line >= 1 && rejected.line <= lines);
    }
    // of an algorithm that is not known the end is a guess
    for token in found.tokens.iter().filter(|token| KNOWN.contains(&token.token.algorithm())) {
        let characters: Vec<char> = token.token.expose().chars().collect();
        let wrapped: Vec<String> = characters.chunks(width).map(|line| line.iter().collect()).collect();
        let again = find_tokens(&format!("made:\r\n  {}\r\n\r\ndone", wrapped.join("\r\n  ")));
        let texts: Vec<&str> = again.tokens.iter().map(|found| found.token.expose()).collect();
        assert_eq!(texts, [token.token.expose()]);
    }
}

const KNOWN: [&str; 11] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512", "ES256", "ES384"];
