//! The journal has no room: what cannot be promised is answered 503, and what was promised is kept.

use e2e::{Config, DEADLINE, Fogbell, wait_until};

use super::load::{Load, Size, Target, Until, post};
use super::sinks::Receivers;
use super::{DRAINED, admin};

#[test]
fn a_full_journal_answers_503_and_keeps_what_it_promised() {
    let mut receivers = Receivers::start();
    receivers.set_all(false);
    let config =
        Config::new().set("journal", "max_bytes", "4194304").set("journal", "sink_max_bytes", "1073741824");
    let mut relay = Fogbell::start(&receivers.add_to(config, ""));
    let target = Target::of(&relay);

    // What is under way at once is several times the room, and little of it becomes part of alerts: however fast
    // it is interpreted, some is refused.
    let load = Load::start(&target, 0, 32, Size::Padded(1_000_000), Until::Finished);
    let unready =
        wait_until(DEADLINE, || admin::get(&relay, "/readyz").is_some_and(|(status, _)| status == 503));
    assert!(unready, "/readyz was never 503");
    assert!(wait_until(DEADLINE, || load.refused(503) > 0), "nothing was refused");
    let told = load.finish(Until::Finished);

    let acknowledged = told.acknowledged().count();
    eprintln!("full: {acknowledged} acknowledged, {:?} refused", told.refusals);
    let kinds: Vec<(u16, bool)> = told.refusals.keys().copied().collect();
    assert_eq!(kinds, [(503, true)], "a refusal says when to come again, and no other is given");
    assert!(acknowledged > 0);
    assert!(wait_until(DEADLINE, || admin::is_ready(&relay)), "there is no room again");
    let mut all = told;
    let later = post(&target, 1_000, 1, 5);
    assert!(later.refusals.is_empty(), "{:?}", later.refusals);
    all.extend(later);
    receivers.set_all(true);
    admin::wait_drained(&mut relay, DRAINED);
    let figures = receivers.judge_all(&all, DRAINED);
    eprintln!("full: {figures:?}");
    assert_eq!(admin::metric(&relay, "fogbell_given_up_total", "").unwrap_or(0), 0);
}
