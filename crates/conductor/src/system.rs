//! What a conductor says of itself.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::answer::json;
use crate::{Misfit, Version};

/// One node of a conductor, or of a router that was taken for one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct System {
    /// Its software.
    pub version: Version,
    /// Whether it says that it is a conductor; `None` when it does not say.
    pub is_conductor: Option<bool>,
    /// The conductor's name as a router.
    pub router: Option<String>,
    /// The name of the node that answered.
    pub node: Option<String>,
    /// Its clock, to the second, when the answer was made.
    pub clock: Option<SystemTime>,
}

impl System {
    /// How far its clock is from `now`, and whether it is ahead of it.
    #[must_use]
    pub fn skew(&self, now: SystemTime) -> Option<(Duration, bool)> {
        let clock = self.clock?;
        Some(match clock.duration_since(now) {
            Ok(ahead) => (ahead, true),
            Err(behind) => (behind.duration(), false),
        })
    }
}

/// Reads the answer of `/api/v1/system`, and the `Date` that came with it.
///
/// # Errors
///
/// [`Misfit`] when there is no version in it.
pub fn read_system(body: &[u8], date: Option<&str>) -> Result<System, Misfit> {
    let value = json(body)?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let version = text("softwareVersion").and_then(|text| text.parse().ok()).ok_or_else(|| {
        Misfit::shape(".softwareVersion", "a version such as 7.2.3-8r2", value.get("softwareVersion"))
    })?;
    Ok(System {
        version,
        is_conductor: value.get("isConductor").and_then(Value::as_bool),
        router: text("router"),
        node: text("node"),
        clock: date.and_then(time),
    })
}

/// A time as HTTP has it, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
fn time(text: &str) -> Option<SystemTime> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(SystemTime::from(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_has_at_least_a_version() {
        let system = read_system(
            br#"{"softwareVersion": "7.2.3-8r2", "isConductor": true, "router": "c", "node": 7}"#,
            Some("Sun, 06 Nov 1994 08:49:37 GMT"),
        )
        .unwrap();

        assert_eq!(
            (system.is_conductor, system.router.as_deref(), system.node),
            (Some(true), Some("c"), None)
        );
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(system.clock, Some(clock));
        let later = clock + Duration::from_secs(90);
        let system = read_system(br#"{"softwareVersion": "7.1.3"}"#, Some("yesterday")).unwrap();
        assert_eq!((system.clock, system.skew(later)), (None, None));
        let system = System { clock: Some(clock), ..system };
        assert_eq!(system.skew(later), Some((Duration::from_secs(90), false)));
        for body in ["", "{}", r#"{"softwareVersion": "unknown"}"#, "[]"] {
            assert!(read_system(body.as_bytes(), None).is_err(), "{body}");
        }
    }
}
