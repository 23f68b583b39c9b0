//! What must not be printed.

use std::fmt;

use http::HeaderValue;
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

/// A token of the Mist API, of a user or of an organisation.
///
/// Shape: visible ASCII. It has no `Clone` and no `Display`, its `Debug` is its name, and its memory is cleared when it
/// is dropped; what is written to the connection is a copy that is not.
/// Source: Mist OpenAPI, security scheme `apiToken`.
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// The token of this text, exactly; trim a file's line end before.
    ///
    /// # Errors
    ///
    /// [`TokenError`]: what is empty or has other characters cannot be sent.
    pub fn new(text: impl Into<String>) -> Result<Self, TokenError> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError);
        }
        Ok(Self(text))
    }

    /// The value of `Authorization`.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Token {}", self.0.as_str()));
        let mut value = HeaderValue::from_str(&text).expect("visible ASCII is a header's value");
        value.set_sensitive(true);
        value
    }

    /// `text` without the token, which a proxy may repeat in its answer.
    pub(crate) fn masked(&self, text: &str) -> String {
        text.replace(self.0.as_str(), "[token]")
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken")
    }
}

/// A text that cannot be a token.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the API token is empty or has spaces, line ends or other characters that no token has")]
pub struct TokenError;

/// A secret that Mist stores or answers: of a webhook, a claim code, an ID token.
///
/// Shape: any text. It has no `Clone` and no `Display`, its `Debug` is its name, and its memory is cleared when it is
/// dropped.
#[derive(Eq, PartialEq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The secret of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself; for sending it and storing it, never for showing it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::String(self.expose().to_owned())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_prints_itself() {
        let token = ApiToken::new("FAKE-TOKEN").unwrap();

        assert_eq!(format!("{token:?} {:?}", SecretText::new("FAKE-SECRET")), "ApiToken SecretText");
        assert_eq!(format!("{:?}", token.header()), "Sensitive");
        assert_eq!(token.masked("Authorization: Token FAKE-TOKEN"), "Authorization: Token [token]");
    }

    #[test]
    fn what_no_header_can_carry_is_no_token() {
        for text in ["", "a b", "a\n", "ä", "a\r\nX-Other: b"] {
            assert_eq!(ApiToken::new(text).unwrap_err(), TokenError, "{text:?}");
        }
    }
}
