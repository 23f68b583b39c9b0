//! How long a wrong signature takes tells nothing of how wrong it is.
//!
//! The method is that of Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (DATE 2017): two classes
//! of input in random order, each call timed alone, and Welch's t-test over the times, as they are and without their
//! slowest part. `cargo xtask faults timing` runs it with a million calls.

#![allow(clippy::unwrap_used, reason = "a test, its own functions too")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::hint::black_box;
use std::time::Instant;

use fogbell_webhook::{Signature, SigningSecret};
use ring::hmac;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const SECRET: &[u8] = b"example-secret";
const BODY: &[u8] = br#"{"topic":"ping","events":[]}"#;

#[test]
fn a_wrong_signature_takes_as_long_whichever_of_its_bytes_is_wrong() {
    let calls =
        if std::env::var_os("FOGBELL_LONG").is_some_and(|value| value == "1") { 1_000_000 } else { 30_000 };
    let core = pin();
    let mut random = Random::new();
    eprintln!("timing: FOGBELL_SEED={}, core {core}", random.0);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    let right: [u8; 32] = hmac::sign(&key, BODY).as_ref().try_into().unwrap();
    // all but the last byte right, and not even the first
    let classes = [wrong_at(right, 31), wrong_at(right, 0)];

    let secret = SigningSecret::new(SECRET).unwrap();
    let signatures = classes.map(Signature::V2);
    assert!(
        secret.signed(BODY, &Signature::V2(right)) && !signatures.iter().any(|it| secret.signed(BODY, it))
    );
    let signed = judge(
        &mut random,
        calls,
        |class| signatures[class],
        |signature| assert!(!black_box(&secret).signed(black_box(BODY), black_box(signature))),
    );

    // The harness finds a comparison that stops at the first byte that differs.
    let leaky = judge(
        &mut random,
        calls,
        |class| classes[class],
        |signature| {
            let made = hmac::sign(&key, black_box(BODY));
            let mut pairs = made.as_ref().iter().zip(black_box(signature));
            assert!(!pairs.all(|(a, b)| black_box(a) == black_box(b)));
        },
    );

    eprintln!("figures: {{\"calls\": {calls}, \"t_signed\": {signed:.2}, \"t_leaky\": {leaky:.1}}}");
    assert!(leaky > THRESHOLD, "the leaky comparison was not found: t = {leaky}");
    assert!(signed < THRESHOLD, "verifying a signature tells how much of it is right: t = {signed}");
}

/// The smallest |t| of some rounds: a leak is in every round, what the machine does beside is not. What `prepare` makes
/// of a class is not timed and is always at the same place in memory.
fn judge<T>(
    random: &mut Random,
    calls: usize,
    prepare: impl Fn(usize) -> T,
    mut call: impl FnMut(&T),
) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        least = least.min(Times::measure(random, calls, &prepare, &mut call).t());
        if least < THRESHOLD {
            break;
        }
    }
    least
}

/// What the calls of each class took, in nanoseconds.
struct Times([Vec<f64>; 2]);

impl Times {
    fn measure<T>(
        random: &mut Random,
        calls: usize,
        prepare: &impl Fn(usize) -> T,
        call: &mut impl FnMut(&T),
    ) -> Self {
        let classes: Vec<usize> = (0..calls + WARM).map(|_| usize::from(random.next() & 1 == 1)).collect();
        let mut took = vec![0_u64; classes.len()];
        for (class, took) in classes.iter().zip(&mut took) {
            let input = black_box(prepare(black_box(*class)));
            let start = Instant::now();
            call(&input);
            *took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        }
        let mut this = Self([Vec::new(), Vec::new()]);
        for (class, took) in classes.iter().zip(&took).skip(WARM) {
            #[expect(clippy::cast_precision_loss, reason = "a call takes far less than 2^52 ns")]
            this.0[*class].push(*took as f64);
        }
        this
    }

    /// The largest |t| over all times and over those without the slowest.
    fn t(&self) -> f64 {
        let mut all = self.0.concat();
        all.sort_by(f64::total_cmp);
        let bounds = KEPT.map(|kept| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place among at most 2^52"
            )]
            let place = ((all.len() - 1) as f64 * kept) as usize;
            all[place]
        });
        bounds.iter().map(|bound| self.t_up_to(*bound).abs()).fold(0.0, f64::max)
    }

    /// Welch's t over the times up to `bound`.
    fn t_up_to(&self, bound: f64) -> f64 {
        let [a, b] =
            [&self.0[0], &self.0[1]].map(|times| Moments::of(times.iter().filter(|time| **time <= bound)));
        let error = (a.variance / a.count + b.variance / b.count).sqrt();
        // times that are all the same
        if error == 0.0 {
            if a.mean == b.mean { 0.0 } else { f64::INFINITY }
        } else {
            (a.mean - b.mean) / error
        }
    }
}

/// Of a sample.
struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    /// By Welford's algorithm.
    fn of<'a>(times: impl Iterator<Item = &'a f64>) -> Self {
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for time in times {
            count += 1.0;
            let from = time - mean;
            mean += from / count;
            squares += from * (time - mean);
        }
        Self { count, mean, variance: squares / (count - 1.0).max(1.0) }
    }
}

#[test]
fn the_test_is_welchs() {
    let times = Times([vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![2.0, 4.0, 6.0, 8.0, 10.0, 100.0]]);

    // by hand: means 3 and 6, variances 2.5 and 10, five of each
    let expect = -3.0 / (2.5_f64 / 5.0 + 10.0 / 5.0).sqrt();
    assert!((times.t_up_to(10.0) - expect).abs() < 1e-12, "{}", times.t_up_to(10.0));
}

/// Binds this thread to one core and says which.
fn pin() -> usize {
    let allowed = sched_getaffinity(None).unwrap();
    let core = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core)).unwrap();
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one).unwrap();
    core
}

fn wrong_at(mut signature: [u8; 32], place: usize) -> [u8; 32] {
    signature[place] ^= 1;
    signature
}

/// SplitMix64, from `FOGBELL_SEED` or at random.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("FOGBELL_SEED").ok().and_then(|seed| seed.parse().ok());
        Self(given.unwrap_or_else(|| RandomState::new().build_hasher().finish()))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Above it, times differ (the same as of the method's authors).
const THRESHOLD: f64 = 4.5;

/// Rounds that must all find a leak.
const ROUNDS: usize = 5;

/// Which parts of the times are looked at.
const KEPT: [f64; 5] = [1.0, 0.99, 0.95, 0.75, 0.5];

/// Calls before it counts.
const WARM: usize = 2_000;
