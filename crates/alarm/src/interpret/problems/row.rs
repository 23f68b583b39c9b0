//! A problem as a row of the state.
//!
//! Nearly every event of a problem writes its row, and the journal writes whole pages: the fewer bytes a row has, the
//! fewer pages a storm writes. So what every problem has stands in its place, and only what few have is JSON behind it.
//! The forms in which its raise was told seldom change: they are a row of their own.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the format, 1 |
//! | 16 | the alarm key |
//! | 8 × 5 | changed, heard, repeated, first and last seen; microseconds since 1970, the first byte first |
//! | 8 | count |
//! | 1 | severity: 0 unknown, 1 info, 2 warning, 3 critical |
//! | rest | everything else as an object of JSON, or nothing when that says nothing |

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Phase, Problem};
use crate::{AlarmKey, Severity};

/// What few problems have.
#[derive(Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "Phase::is_open")]
    phase: Phase,
    #[serde(skip_serializing_if = "Option::is_none")]
    muted: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "<[i64]>::is_empty")]
    raises: Cow<'a, [i64]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    expiring: bool,
    #[serde(skip_serializing_if = "is_zero")]
    flap_micros: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    untold: bool,
}

impl Problem {
    /// Appends its row, but for its forms.
    pub(in super::super) fn put(&self, out: &mut Vec<u8>) {
        out.push(FORMAT);
        out.extend_from_slice(self.key.bytes());
        for time in [self.changed, self.heard, self.repeated, self.first_seen, self.last_seen] {
            out.extend_from_slice(&time.to_be_bytes());
        }
        out.extend_from_slice(&self.count.to_be_bytes());
        out.push(match self.severity {
            Severity::Unknown => 0,
            Severity::Info => 1,
            Severity::Warning => 2,
            Severity::Critical => 3,
        });
        let rest = Rest {
            phase: self.phase,
            muted: self.muted.as_deref().map(Cow::Borrowed),
            raises: Cow::Borrowed(&self.raises),
            expiring: self.expiring,
            flap_micros: self.flap_micros,
            untold: self.untold,
        };
        if rest != Rest::default() {
            serde_json::to_writer(out, &rest).expect("texts and numbers are JSON");
        }
    }

    /// The problem of a row, without forms; `None` when it is none of this format.
    pub(in super::super) fn read(row: &[u8]) -> Option<Self> {
        let (&[FORMAT], row) = row.split_first_chunk()? else { return None };
        let (key, row) = row.split_first_chunk()?;
        let (times, row) = row.split_first_chunk::<40>()?;
        let (count, row) = row.split_first_chunk()?;
        let (severity, rest) = row.split_first()?;
        let [changed, heard, repeated, first_seen, last_seen] = times.as_chunks().0 else { return None };
        let severity = match severity {
            0 => Severity::Unknown,
            1 => Severity::Info,
            2 => Severity::Warning,
            3 => Severity::Critical,
            _ => return None,
        };
        let rest: Rest<'_> =
            if rest.is_empty() { Rest::default() } else { serde_json::from_slice(rest).ok()? };
        Some(Self {
            key: AlarmKey::new(*key),
            phase: rest.phase,
            changed: i64::from_be_bytes(*changed),
            heard: i64::from_be_bytes(*heard),
            repeated: i64::from_be_bytes(*repeated),
            first_seen: i64::from_be_bytes(*first_seen),
            last_seen: i64::from_be_bytes(*last_seen),
            count: u64::from_be_bytes(*count),
            severity,
            forms: Arc::default(),
            muted: rest.muted.map(|window| window.into()),
            raises: rest.raises.into_owned(),
            expiring: rest.expiring,
            flap_micros: rest.flap_micros,
            untold: rest.untold,
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn problem()(
            key: [u8; 16],
            phase in super::super::tests::phase(),
            times: [i64; 5],
            count: u64,
            severity in prop::sample::select(vec![Severity::Unknown, Severity::Info, Severity::Warning, Severity::Critical]),
            muted: Option<String>,
            raises in prop::collection::vec(any::<i64>(), 0..3),
            flags: (bool, bool),
            flap_micros in prop_oneof![Just(0), any::<i64>()],
        ) -> Problem {
            let [changed, heard, repeated, first_seen, last_seen] = times;
            let ((expiring, untold), key) = (flags, AlarmKey::new(key));
            let muted = muted.map(String::into_boxed_str);
            Problem {
                key, phase, changed, heard, repeated, first_seen, last_seen, count, severity,
                forms: Arc::default(), muted, raises, expiring, flap_micros, untold,
            }
        }
    }

    proptest! {
        #[test]
        fn a_problem_survives_being_stored(problem in problem(), cut: prop::sample::Index) {
            let mut row = Vec::new();
            problem.put(&mut row);
            prop_assert_eq!(Problem::read(&row), Some(problem));
            // what is cut short is either none or says less
            let _none_or_less = Problem::read(&row[..cut.index(row.len())]);
            prop_assert_eq!(Problem::read(&row[..65]), None);
        }
    }

    #[test]
    fn what_most_problems_have_is_66_bytes() {
        let mut row = Vec::new();
        super::super::tests::problem(1, Phase::Open, 7).put(&mut row);
        assert_eq!(row.len(), 66);
        row[0] = b'{';
        assert_eq!(Problem::read(&row), None, "it is a row of another format");
    }
}
