//! Receivers that are down for the whole run cost the others nothing, and get everything when they return.

use std::time::{Duration, Instant};

use e2e::{Config, DEADLINE, Fogbell, wait_until};

use super::load::{Target, Told, post};
use super::sinks::{Kind, Receivers};
use super::{DRAINED, admin, rounds};

#[test]
fn a_sink_that_is_down_costs_the_others_nothing_and_gets_everything_in_order_when_it_returns() {
    let count = rounds(100, 1000) as u64;
    let there = Receivers::start();
    let mut away = Receivers::start();
    let mut relay = Fogbell::start(&away.add_to(there.add_to(Config::new(), "there-"), "away-"));
    let target = Target::of(&relay);
    let mut told = Told::default();
    // From the first post until the receivers that are there have everything.
    let mut run = |first: u64| {
        let start = Instant::now();
        let posted = post(&target, first, 2, count);
        let posting = start.elapsed();
        there.judge_all(&posted_so_far(&mut told, posted), DRAINED);
        (posting, start.elapsed())
    };

    let with_all = run(0);
    admin::wait_drained(&mut relay, DRAINED);
    away.set_all(false);
    let without = run(2);
    // The figure is looked up once a second.
    let behind = || admin::metric(&relay, "fogbell_sink_behind_alerts", "sink=\"away-");
    let was_behind = wait_until(DEADLINE, || behind() > Some(0));
    away.set_all(true);
    admin::wait_drained(&mut relay, DRAINED);
    let figures = away.judge_all(&told, DRAINED);

    eprintln!(
        "away: posted and there after {with_all:?} with all up, {without:?} with three down; {figures:?}"
    );
    assert_eq!(told.acknowledged().count() as u64, 4 * count);
    assert!(was_behind, "nobody was behind");
    assert!(without.1 <= 2 * with_all.1 + SOME, "{without:?} after {with_all:?}");
    for kind in Kind::ALL {
        let arrivals = there.arrivals(kind);
        let sequence: Vec<u64> = arrivals.iter().map(|arrival| arrival.sequence).collect();
        assert!(sequence.is_sorted_by(|before, after| before < after), "{}: {sequence:?}", kind.name());
    }
}

/// What was posted up to now.
fn posted_so_far(told: &mut Told, posted: Told) -> Told {
    told.extend(posted);
    told.clone()
}

/// What a busy machine may add.
const SOME: Duration = Duration::from_secs(3);
