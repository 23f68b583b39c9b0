//! What a request is about, in words that may be logged.

use std::borrow::Cow;
use std::fmt;

use http::Method;

/// Method and path template of a request: `GET /api/v1/orgs/{org_id}/sites`.
///
/// It stands for the request in errors and logs: it has no ids and no query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    method: Method,
    template: Cow<'static, str>,
}

impl Endpoint {
    pub(crate) const fn new(method: Method, template: &'static str) -> Self {
        Self { method, template: Cow::Borrowed(template) }
    }

    /// The endpoint of a path that has no template: what looks like an id becomes `{id}`.
    pub(crate) fn of_path(method: Method, path: &str) -> Self {
        let segments = path.split('/').map(|segment| {
            let digits = segment.bytes().filter(u8::is_ascii_digit).count();
            let hexadecimal = segment.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            if digits > 2 || segment.len() >= 12 && hexadecimal { "{id}" } else { segment }
        });
        Self { method, template: Cow::Owned(segments.collect::<Vec<_>>().join("/")) }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The path with `{org_id}` for the organisation and so on.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_get_into_a_template() {
        for (path, template) in [
            ("/api/v1/self", "/api/v1/self"),
            ("/api/v1/const/otherdevice_events", "/api/v1/const/otherdevice_events"),
            ("/api/v1/orgs/a40f5d1f-d889-42e9-94ea-b9b33585fc6b/networks", "/api/v1/orgs/{id}/networks"),
            ("/api/v1/orgs/x/devices/aabbccddeeff", "/api/v1/orgs/x/devices/{id}"),
        ] {
            assert_eq!(Endpoint::of_path(Method::GET, path).template(), template);
        }
    }
}
