use super::*;

/// Longer than any wait here.
const PATIENT: Duration = Duration::from_secs(100_000);

async fn spend(budget: &Budget, share: Option<&Share>, calls: u32) {
    for _ in 0..calls {
        budget.take(share, Duration::ZERO).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn no_hour_has_more_calls_than_the_budget() {
    let budget = Budget::new(100);
    let mut times = Vec::new();
    for call in 0_u64..450 {
        budget.take(None, PATIENT).await.unwrap();
        times.push(Instant::now());
        tokio::time::advance(Duration::from_millis(call * 7_919 % 45_000)).await;
    }

    let hour = Duration::from_secs(3_600);
    for (index, time) in times.iter().enumerate() {
        let within = times[index..].iter().take_while(|later| **later - *time < hour).count();
        assert!(within <= 100, "{within} calls in an hour");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_says_when_the_next_call_is_free() {
    let budget = Budget::new(3);
    spend(&budget, None, 3).await;

    assert_eq!(budget.left(), 0);
    assert_eq!(budget.take(None, Duration::from_secs(59)).await, Err(Duration::from_secs(61 * 60)));
    let begun = Instant::now();
    budget.take(None, PATIENT).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 61 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_share_is_bounded_and_counts_in_the_whole() {
    let budget = Budget::new(10);
    let share = budget.share(20);
    spend(&budget, Some(&share), 2).await;

    assert!(budget.take(Some(&share.clone()), Duration::ZERO).await.is_err(), "a clone is the same share");
    assert_eq!(budget.left(), 8);
    spend(&budget, Some(&budget.share(20)), 2).await;
    spend(&budget, None, 6).await;
    assert!(budget.take(None, Duration::ZERO).await.is_err());
    assert!(budget.take(Some(&budget.share(0)), Duration::ZERO).await.is_err(), "the whole is spent");
}

#[tokio::test(start_paused = true)]
async fn a_hold_stops_everybody_until_it_ends_or_is_shortened() {
    let budget = Budget::default();
    budget.hold(Duration::from_secs(600));
    budget.hold(Duration::from_secs(60));

    assert_eq!((budget.left(), budget.held().as_secs()), (0, 600));
    assert_eq!(budget.take(None, Duration::from_secs(599)).await, Err(Duration::from_secs(600)));

    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move {
            let begun = Instant::now();
            budget.take(None, PATIENT).await.unwrap();
            begun.elapsed().as_secs()
        }
    });
    tokio::task::yield_now().await;
    budget.hold_exactly(Duration::from_secs(30));
    assert_eq!(waiting.await.unwrap(), 30);
    assert_eq!(budget.held(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_others_spent_counts_until_mist_forgets_it() {
    let budget = Budget::new(5_000);
    spend(&budget, None, 10).await;
    budget.learn(4_000, Some(4_100), Duration::from_secs(900));

    assert_eq!(budget.left(), 100);
    spend(&budget, None, 100).await;
    assert_eq!(budget.take(None, Duration::ZERO).await, Err(Duration::from_secs(900)));
    tokio::time::advance(Duration::from_secs(900)).await;
    assert_eq!(budget.left(), 4_100 - 110);
}

#[tokio::test(start_paused = true)]
async fn the_budget_remembers_a_bounded_number_of_minutes() {
    let budget = Budget::default();
    for _ in 0..1_000 {
        budget.note();
        tokio::time::advance(MINUTE).await;
    }

    assert!(budget.state().spent.minutes.len() <= 61);
    assert_eq!(budget.left(), 5_000 - 60);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_while_somebody_is_in_a_hurry_and_everybody_does_afterwards() {
    let budget = Budget::new(1);
    spend(&budget, None, 1).await;
    let begun = Instant::now();
    let waiting = tokio::spawn({
        let budget = budget.clone();
        async move { budget.take(None, PATIENT).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;

    let hurry = budget.hurry();

    assert!(waiting.await.unwrap().is_err(), "it waited before");
    assert!(budget.take(None, PATIENT).await.is_err(), "it comes later");
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    drop(hurry);
    budget.take(None, PATIENT).await.unwrap();
    let free = Budget::new(1);
    let _hurry = free.hurry();
    free.take(None, PATIENT).await.unwrap();
}
