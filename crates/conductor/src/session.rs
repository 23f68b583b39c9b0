//! The session that a login gives.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::Misfit;
use crate::answer::json;

/// What calls carry after a login. It does not print itself.
#[derive(Clone)]
pub(crate) struct Session {
    token: Arc<Zeroizing<String>>,
    /// Which login of this client gave it.
    pub(crate) number: u64,
}

impl Session {
    /// Reads the answer to a login.
    pub(crate) fn read(body: &[u8], number: u64) -> Result<Self, Misfit> {
        let mut value = json(body)?;
        match value.get_mut("token").map(Value::take) {
            Some(Value::String(text)) => {
                let token = Zeroizing::new(text);
                let good = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
                if good {
                    return Ok(Self { token: Arc::new(token), number });
                }
                Err(Misfit::shape(".token", "a token", Some(&Value::String(String::new()))))
            }
            other => Err(Misfit::shape(".token", "a token", other.as_ref())),
        }
    }

    /// The value of `Authorization`.
    pub(crate) fn header(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", self.token.as_str()));
        let mut value = HeaderValue::from_str(&text).expect("visible ASCII is a header's value");
        value.set_sensitive(true);
        value
    }

    /// `text` without the token, which an answer may repeat.
    pub(crate) fn masked(&self, text: &str) -> String {
        text.replace(self.token.as_str(), "[token]")
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_token_that_is_never_printed() {
        let session = Session::read(br#"{"token": "FAKE.TO.KEN"}"#, 1).unwrap();

        assert_eq!(format!("{session:?} {:?}", session.header()), "Session { number: 1, .. } Sensitive");
        for body in ["", "{}", "[]", r#"{"token": 7}"#, r#"{"token": ""}"#, r#"{"token": "a b"}"#, "<html>"] {
            assert!(Session::read(body.as_bytes(), 1).is_err(), "{body}");
        }
    }
}
