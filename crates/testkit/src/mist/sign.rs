//! The proof that a body is Mist's.

use http::HeaderValue;
use http::header::HeaderMap;
use ring::hmac;

/// The two signatures of a body, as the headers carry them: lower-case hexadecimal digits, no prefix.
///
/// Source: Mist OpenAPI, `webhook.secret`; Juniper, "Webhook Messages".
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Signatures {
    /// `X-Mist-Signature-v2`: HMAC-SHA256, 64 digits.
    pub v2: String,
    /// `X-Mist-Signature`: HMAC-SHA1, 40 digits.
    pub v1: String,
}

impl Signatures {
    /// Sets both headers.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let value =
            |digits: &str| HeaderValue::from_str(digits).expect("hexadecimal digits make a header value");
        headers.insert("x-mist-signature-v2", value(&self.v2));
        headers.insert("x-mist-signature", value(&self.v1));
    }
}

/// Signs `body`, byte for byte, with the bytes of `secret`.
#[must_use]
pub fn sign(secret: &[u8], body: &[u8]) -> Signatures {
    let digits = |algorithm| {
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret), body);
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    Signatures { v2: digits(hmac::HMAC_SHA256), v1: digits(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answer_is_given() {
        let body = concat!(
            r#"{"topic":"ping","events":[{"id":"00000000-0000-4000-8000-000000000001","name":"t","#,
            r#""site_id":"00000000-0000-4000-8000-000000000002","timestamp":1700000000}]}"#
        );
        assert_eq!(body.len(), 156);

        let signatures = sign(b"example-secret", body.as_bytes());

        assert_eq!(signatures.v2, "987682b19880b0ab9e3034b0173e53148c8a28561abaf45b143a876a153e7751");
        assert_eq!(signatures.v1, "0c6289388657bea87debe9197e1eff568d2a20ad");
    }
}
