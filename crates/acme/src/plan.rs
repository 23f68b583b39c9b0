//! What to do when: pure decisions about renewal, on a clock that is handed in.

use std::time::{Duration, SystemTime};

/// A certificate as far as its renewal is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Life {
    /// From when it may be used.
    pub not_before: SystemTime,
    /// Until when it may be used.
    pub not_after: SystemTime,
}

/// When the authority wants it renewed (RFC 9773 4.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// Not before this.
    pub start: SystemTime,
    /// Best before this.
    pub end: SystemTime,
}

/// What is known of attempts that failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Failures {
    /// How many there were since the last one that did not.
    pub count: u32,
    /// No attempt is made before this.
    pub not_before: Option<SystemTime>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Ask for a certificate.
    Renew,
    /// Nothing until this time, as far as is known now.
    Wait(SystemTime),
}

/// When a certificate is due: when a third of its life is left, earlier by up to a twentieth of that third, or
/// somewhere in the authority's window. `fraction` is from 0 to 1 and should be another one for every certificate, so
/// that not everybody asks at once.
///
/// Whatever the window says, it is due when a sixth of its life is left: an authority may err.
#[must_use]
pub fn due(life: Life, window: Option<Window>, fraction: f64) -> SystemTime {
    let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
    let whole = life.not_after.duration_since(life.not_before).unwrap_or_default();
    let before_end = |part: Duration| life.not_after.checked_sub(part).unwrap_or(life.not_before);
    match window.and_then(|window| Some((window, window.end.duration_since(window.start).ok()?))) {
        Some((window, length)) => (window.start + length.mul_f64(fraction)).min(before_end(whole / 6)),
        None => {
            let third = whole / 3;
            before_end(third + (third / 20).mul_f64(fraction))
        }
    }
}

/// What to do at `now` about a certificate that is due at `due`, if there is one.
///
/// A time that was written down by a clock that was far ahead does not hold renewal up for longer than a day.
#[must_use]
pub fn next(due: Option<SystemTime>, failures: Failures, now: SystemTime) -> Next {
    let due = due.unwrap_or(now);
    let held = failures.not_before.filter(|until| *until <= now + LONGEST_PAUSE);
    let at = held.map_or(due, |held| due.max(held));
    if at <= now { Next::Renew } else { Next::Wait(at) }
}

/// How long to wait behind the `count`th attempt that failed in a row: a minute, four times as long each time, at most
/// six hours, a quarter more or less by `fraction`. Never shorter than the authority asked for in `retry_after`, at most a
/// day, and at least an hour when it said that it was asked too often.
///
/// Let's Encrypt allows five failed validations an hour for a name; this makes four.
#[must_use]
pub fn pause(count: u32, retry_after: Option<Duration>, limited: bool, fraction: f64) -> Duration {
    let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.5 };
    let steps = count.saturating_sub(1).min(10);
    let pause = (FIRST_PAUSE * 4_u32.saturating_pow(steps)).min(MOST_PAUSE).mul_f64(0.75 + fraction / 2.0);
    let asked = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
    let limited = if limited && retry_after.is_none() { LIMITED_PAUSE } else { Duration::ZERO };
    pause.max(asked).max(limited)
}

/// How long a certificate that was just issued is left alone, whatever is due: a twelfth of its life, at most six hours.
/// Where clocks differ a new one may be due at once.
#[must_use]
pub fn rest(life: Life) -> Duration {
    (life.not_after.duration_since(life.not_before).unwrap_or_default() / 12).min(MOST_PAUSE)
}

/// A number from 0 to 1 that is the same for the same bytes, and another one for others.
#[must_use]
pub fn fraction(bytes: &[u8]) -> f64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let [a, b, c, d, ..] = digest.as_ref() else { return 0.0 };
    f64::from(u32::from_be_bytes([*a, *b, *c, *d])) / f64::from(u32::MAX)
}

const FIRST_PAUSE: Duration = Duration::from_secs(60);
const MOST_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);
const LIMITED_PAUSE: Duration = Duration::from_secs(60 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn day(days: f64) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY.mul_f64(20_000.0 + days)
    }

    fn life(days: f64) -> Life {
        Life { not_before: day(0.0), not_after: day(days) }
    }

    fn near(a: SystemTime, b: SystemTime) -> bool {
        let apart = a.duration_since(b).unwrap_or_else(|before| before.duration());
        apart < Duration::from_secs(1)
    }

    #[test]
    fn a_certificate_is_due_when_a_third_is_left_or_when_its_authority_says() {
        let window = |start, end| Some(Window { start: day(start), end: day(end) });
        for (life, window, fraction, expect) in [
            (life(90.0), None, 0.0, 60.0),
            (life(90.0), None, 1.0, 58.5),
            (life(90.0), None, f64::NAN, 60.0),
            (life(6.0), None, 0.0, 4.0),
            (life(90.0), window(20.0, 22.0), 0.0, 20.0),
            (life(90.0), window(20.0, 22.0), 0.5, 21.0),
            // too late, and the wrong way round
            (life(90.0), window(88.0, 89.0), 0.0, 75.0),
            (life(90.0), window(22.0, 20.0), 0.0, 60.0),
            // an authority that wants it at once
            (life(90.0), window(-5.0, -4.0), 0.0, -5.0),
        ] {
            let due = due(life, window, fraction);
            assert!(near(due, day(expect)), "{life:?} {window:?} {fraction}: {due:?}");
        }
        let backwards = Life { not_before: day(9.0), not_after: day(1.0) };
        assert!(near(due(backwards, None, 1.0), day(1.0)));
    }

    #[test]
    fn what_is_due_is_renewed_unless_it_failed_a_moment_ago() {
        let held = |count, until| Failures { count, not_before: Some(day(until)) };
        let none = Failures::default();
        for (due, failures, now, expect) in [
            (None, none, 0.0, Next::Renew),
            (Some(60.0), none, 59.0, Next::Wait(day(60.0))),
            (Some(60.0), none, 60.0, Next::Renew),
            (Some(60.0), held(3, 60.5), 60.2, Next::Wait(day(60.5))),
            (Some(60.0), held(3, 60.5), 60.6, Next::Renew),
            (Some(60.0), held(3, 10.0), 20.0, Next::Wait(day(60.0))),
            (None, held(1, 0.1), 0.0, Next::Wait(day(0.1))),
            // written down by a clock that was sixty days ahead
            (None, held(1, 60.0), 0.0, Next::Renew),
        ] {
            let next = next(due.map(day), failures, day(now));
            assert_eq!(next, expect, "{due:?} {failures:?} {now}");
        }
    }

    #[test]
    fn pauses_grow_and_what_the_authority_asks_for_is_honoured() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        for (count, retry_after, limited, fraction, expect) in [
            (1, None, false, 0.5, 60),
            (1, None, false, 0.0, 45),
            (1, None, false, 1.0, 75),
            (2, None, false, 0.5, 240),
            (3, None, false, 0.5, 960),
            (5, None, false, 0.5, 15_360),
            (6, None, false, 0.5, 21_600),
            (u32::MAX, None, false, 1.0, 27_000),
            (0, None, false, 0.5, 60),
            (1, minutes(20), false, 0.5, 1_200),
            (1, minutes(20), true, 0.5, 1_200),
            (1, None, true, 0.5, 3_600),
            (6, minutes(1), true, 0.5, 21_600),
            (1, minutes(1_000_000), true, 0.5, 86_400),
        ] {
            let pause = pause(count, retry_after, limited, fraction);
            assert_eq!(pause, Duration::from_secs(expect), "{count} {retry_after:?} {limited} {fraction}");
        }
    }

    #[test]
    fn a_new_certificate_is_left_alone_for_a_while() {
        for (days, hours) in [(90.0, 6.0), (6.0, 6.0), (1.0, 2.0), (0.0, 0.0)] {
            assert_eq!(rest(life(days)), Duration::from_secs(60 * 60).mul_f64(hours), "{days}");
        }
    }

    #[test]
    fn fractions_are_spread_and_stay() {
        let fractions: Vec<f64> = (0..100_u8).map(|n| fraction(&[n])).collect();

        assert!(fractions.iter().all(|fraction| (0.0..=1.0).contains(fraction)));
        let below = fractions.iter().filter(|fraction| **fraction < 0.5).count();
        assert!((30..=70).contains(&below), "{below}");
        assert!((fraction(b"x") - fraction(b"x")).abs() < f64::EPSILON);
    }
}
