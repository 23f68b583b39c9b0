//! Times as Mist writes them and as they leave.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A moment, to the microsecond.
///
/// Mist sends seconds since 1970 as an integer, a float, or either inside a string; this reads all of
/// them. It prints RFC 3339 in UTC with milliseconds, `2026-11-22T14:07:31.002Z`.
/// Range: the years 1 to 9999; what lies outside does not parse.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970, cut to the range of the type.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MIN_MICROS, MAX_MICROS))
    }

    /// Microseconds since 1970, UTC.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The moment `seconds` after 1970; `None` when it is no number or out of range.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> Option<Self> {
        let micros = seconds * 1e6;
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "the range is checked first"
        )]
        (micros >= MIN_MICROS as f64 && micros <= MAX_MICROS as f64).then(|| Self(micros.round() as i64))
    }

    /// What the machine's clock says now.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let micros = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Self::from_micros(micros)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Reads seconds since 1970 (`1695170741.8`) or RFC 3339.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseTimestampError { text: text.into() };
        if let Ok(seconds) = text.parse::<f64>() {
            return Self::from_secs_f64(seconds).ok_or_else(error);
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| error())?;
        let micros = time.as_microsecond();
        (MIN_MICROS..=MAX_MICROS).contains(&micros).then_some(Self(micros)).ok_or_else(error)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    /// Reads what [`Serialize`] writes: microseconds as an integer.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let micros = i64::deserialize(deserializer)?;
        (MIN_MICROS..=MAX_MICROS)
            .contains(&micros)
            .then_some(Self(micros))
            .ok_or_else(|| de::Error::custom("time out of range"))
    }
}

/// A text that is not a time.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not a time; expected seconds since 1970 or RFC 3339, as in 2026-11-22T14:07:31Z")]
pub struct ParseTimestampError {
    text: Box<str>,
}

const MIN_MICROS: i64 = -62_135_596_800_000_000; // 0001-01-01T00:00:00Z
const MAX_MICROS: i64 = 253_402_207_200_000_000; // 9999-12-30T22:00:00Z, the last second that can be shown

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_mist_sends_is_read() {
        for (text, shown) in [
            ("1695170741", "2023-09-20T00:45:41.000Z"),
            ("1695170741.805999", "2023-09-20T00:45:41.805Z"),
            ("2023-09-20T00:45:41Z", "2023-09-20T00:45:41.000Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "yesterday", "NaN", "inf", "1e300", "-1e300"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_out_of_range_is_cut_and_can_be_shown() {
        assert_eq!(Timestamp::from_micros(i64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
        assert_eq!(Timestamp::from_micros(i64::MIN).to_string(), "0001-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn every_time_prints_and_reads_back(
            micros in prop_oneof![8 => MIN_MICROS..=MAX_MICROS, 1 => Just(MIN_MICROS), 1 => Just(MAX_MICROS)]
        ) {
            let time = Timestamp::from_micros(micros);
            let read: Timestamp = time.to_string().parse().unwrap();
            prop_assert!((read.micros() - micros).abs() < 1000);
        }
    }
}
