use std::collections::BTreeSet;

use fogbell_mist::alarms::{self, AlarmFilter};
use fogbell_mist::{Cursor, Listing, Pages, Problem, Retry, Scope, events, sites};
use ids::{OrgId, SiteId};
use serde_json::{Value, json};
use testkit::Rng;

use super::server::{Asked, Reply, Server};

fn org() -> OrgId {
    "a40f5d1f-d889-42e9-94ea-b9b33585fc6b".parse().unwrap()
}

fn alarms() -> Listing<alarms::Alarm> {
    let filter = AlarmFilter { severity: Some("critical".to_owned()), ..AlarmFilter::default() };
    alarms::search(Scope::Org(org()), &filter).limit(2)
}

/// The rows of a page by its number, of which there are `rows` and never more than `most` on one.
fn numbered(rows: u64, most: u64, asked: &Asked) -> Value {
    let number = |name: &str| asked.parameter(name).unwrap().parse::<u64>().unwrap();
    let limit = number("limit").min(most);
    let first = (number("page") - 1) * limit;
    (first..(first + limit).min(rows)).map(|row| json!({"name": row.to_string()})).collect()
}

/// The rows of a page of a chain of `rows`, two on each.
fn chained(rows: u64, asked: &Asked) -> Value {
    let first = asked.parameter("search_after").map_or(0, |after| after.parse::<u64>().unwrap());
    let results: Value = (first..(first + 2).min(rows)).map(|row| json!({"id": row.to_string()})).collect();
    let mut page = json!({"results": results, "total": rows, "limit": 2});
    if first + 2 < rows {
        page["next"] = format!("{}?search_after={}&limit=2", asked.path, first + 2).into();
    }
    page
}

/// What there is until the end, or until a problem.
async fn ids(pages: &mut Pages<alarms::Alarm>) -> (Vec<String>, Option<Problem>) {
    let mut ids = Vec::new();
    while let Some(page) = pages.next_page().await {
        match page {
            Ok(rows) => ids.extend(rows.into_iter().map(|alarm| alarm.id.unwrap().to_string())),
            Err(problem) => return (ids, Some(problem)),
        }
    }
    (ids, None)
}

#[tokio::test]
async fn every_row_comes_once_whatever_the_server_gives_on_a_page() {
    // rows, the most the server gives on a page, what is asked for, calls
    for (rows, most, limit, calls) in [
        (0, 1_000, 1_000, 1),
        (1, 1_000, 1_000, 1),
        (250, 1_000, 1_000, 2),
        (250, 100, 1_000, 3),
        (200, 100, 1_000, 3),
        (250, 1_000, 50, 6),
        (40, 1_000, 50, 1),
        (50, 1_000, 50, 2),
        (2_500, 1_000, 1_000, 4),
    ] {
        let server = Server::start(move |_, asked| Reply::json(200, &numbered(rows, most, asked))).await;

        let sites = server.client().pages(sites::list(org()).limit(limit)).all().await.unwrap();

        let names: Vec<String> = sites.into_iter().map(|site| site.name.unwrap()).collect();
        assert_eq!(names, (0..rows).map(|row| row.to_string()).collect::<Vec<_>>(), "{rows} {most} {limit}");
        assert_eq!(server.asked().len(), calls, "{rows} {most} {limit}");
    }
}

#[tokio::test]
async fn a_chain_is_followed_with_all_parameters_and_to_its_end() {
    let server = Server::start(|_, asked| Reply::json(200, &chained(5, asked))).await;
    let mut pages = server.client().pages(alarms());

    let (rows, problem) = ids(&mut pages).await;

    assert!(problem.is_none(), "{problem:?}");
    assert_eq!(rows, ["0", "1", "2", "3", "4"]);
    assert_eq!((pages.total(), pages.cursor()), (Some(5), None));
    assert!(pages.next_page().await.is_none() && pages.next().await.is_none(), "the end stays the end");
    assert_eq!(server.asked().len(), 3);
    for asked in server.asked() {
        assert_eq!((asked.parameter("severity"), asked.parameter("limit")), (Some("critical"), Some("2")));
    }
}

#[tokio::test]
async fn audits_have_numbers_and_results() {
    let server = Server::start(|_, asked| {
        Reply::json(200, &json!({"results": numbered(230, 100, asked), "total": 230, "limit": 100}))
    })
    .await;
    let mut audits = server.client().pages(events::audits(org(), &events::AuditFilter::default()).limit(100));

    let mut rows = 0;
    while let Some(audit) = audits.next().await {
        audit.unwrap();
        rows += 1;
    }

    assert_eq!((rows, audits.total(), server.asked().len()), (230, Some(230), 3));
}

#[tokio::test]
async fn a_page_that_breaks_is_read_whole_by_the_next_try() {
    let server = Server::start(|number, asked| {
        let page = Reply::json(200, &chained(6, asked));
        match number {
            1 => page.cut(),
            2 => page.reset(),
            3 => Reply::of(502, "", "<html>"),
            _ => page,
        }
    })
    .await;

    let (rows, problem) = ids(&mut server.client().pages(alarms())).await;

    assert!(problem.is_none(), "{problem:?}");
    assert_eq!(rows, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn a_page_that_fails_takes_nothing_away_and_can_be_asked_for_again() {
    let server = Server::start(|number, asked| match number {
        1 => Reply::json(500, &json!({})),
        2 => Reply::json(400, &json!({"detail": "no"})),
        3 => Reply::json(200, &json!({"results": [7]})),
        _ => Reply::json(200, &chained(6, asked)),
    })
    .await;
    let client = server.client_with(|settings| settings.retry = Retry { tries: 1, ..settings.retry });
    let mut pages = client.pages(alarms());

    let mut rows = Vec::new();
    let mut problems = Vec::new();
    loop {
        let (more, problem) = ids(&mut pages).await;
        rows.extend(more);
        let Some(problem) = problem else { break };
        problems.push(problem.to_string());
    }

    assert_eq!(rows, ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[2].contains("expected an object at `.results[0]`"), "{problems:?}");
}

#[tokio::test]
async fn a_listing_goes_on_from_where_its_cursor_was_taken() {
    let server = Server::start(|_, asked| Reply::json(200, &chained(7, asked))).await;
    let mut pages = server.client().pages(alarms());
    let mut before = Vec::new();
    for _ in 0..2 {
        before.extend(
            pages.next_page().await.unwrap().unwrap().into_iter().map(|alarm| alarm.id.unwrap().to_string()),
        );
    }
    let stored = pages.cursor().unwrap().to_string();
    drop(pages);

    let cursor: Cursor = stored.parse().unwrap();
    let mut resumed = server.client().resume(alarms(), &cursor).unwrap();
    let (after, problem) = ids(&mut resumed).await;

    assert!(problem.is_none(), "{problem:?}");
    assert_eq!([before, after].concat(), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(server.asked().len(), 4, "no page was asked for twice");
    assert!(matches!(
        server.client().resume(sites::list(org()), &"first".parse().unwrap()),
        Err(Problem::BadCursor { .. })
    ));
    assert!(matches!(
        server.client().resume(alarms(), &"page 2".parse().unwrap()),
        Err(Problem::BadCursor { .. })
    ));
}

#[tokio::test]
async fn a_cursor_never_passes_a_row_that_was_not_given_out() {
    let server = Server::start(|_, asked| Reply::json(200, &chained(4, asked))).await;
    let mut pages = server.client().pages(alarms());
    let start = pages.cursor();

    pages.next().await.unwrap().unwrap();
    assert_eq!(pages.cursor(), start, "the first page has a row left");
    assert_eq!(pages.buffered().count(), 1);
    pages.next().await.unwrap().unwrap();
    assert_ne!(pages.cursor(), start);

    let mut resumed = server.client().resume(alarms(), &pages.cursor().unwrap()).unwrap();
    assert_eq!(ids(&mut resumed).await.0, ["2", "3"]);
}

#[tokio::test]
async fn a_listing_can_be_resumed_after_any_row() {
    let seed = std::env::var("FOGBELL_SEED").map_or(7, |seed| seed.parse().unwrap());
    let mut rng = Rng::new(seed);
    for _ in 0..20 {
        let rows = u64::try_from(rng.below(12)).unwrap();
        let server = Server::start(move |_, asked| Reply::json(200, &chained(rows, asked))).await;
        let mut pages = server.client().pages(alarms());
        let mut seen = BTreeSet::new();
        for _ in 0..rng.below(12) {
            let Some(alarm) = pages.next().await else { break };
            seen.insert(alarm.unwrap().id.unwrap().to_string());
        }
        if let Some(cursor) = pages.cursor() {
            let mut resumed = server.client().resume(alarms(), &cursor).unwrap();
            seen.extend(ids(&mut resumed).await.0);
        }

        let all: BTreeSet<String> = (0..rows).map(|row| row.to_string()).collect();
        assert_eq!(seen, all, "seed {seed}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_itself_is_left() {
    // numbers that are not looked at
    let server =
        Server::start(|_, _| Reply::json(200, &(0..100).map(|row| json!({"name": row})).collect())).await;
    let mut pages = server.client().pages(sites::list(org()).limit(100));
    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 100);
    assert!(matches!(pages.next_page().await, Some(Err(Problem::Endless { pages: 1, .. }))));
    assert_eq!(server.asked().len(), 2);

    // a chain that is a ring
    let server = Server::start(|number, asked| {
        let next = format!("{}?search_after={}", asked.path, number % 2);
        Reply::json(200, &json!({"results": [{"id": number.to_string()}], "next": next}))
    })
    .await;
    let (rows, problem) = ids(&mut server.client().pages(alarms())).await;
    assert!(matches!(problem, Some(Problem::Endless { pages: 3, .. })), "{problem:?}");
    assert_eq!(rows, ["0", "1", "2"]);

    // a chain of empty pages
    let server = Server::start(|number, asked| {
        let next = format!("{}?search_after={number}", asked.path);
        Reply::json(200, &json!({"results": [], "next": next}))
    })
    .await;
    assert!(server.client().pages(alarms()).next_page().await.is_none());
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_asked_for() {
    let server = Server::start(|_, _| {
        Reply::json(200, &json!({"results": [{"id": "0"}], "next": "/api/v1/self?search_after=1"}))
    })
    .await;
    let mut pages = server.client().pages(alarms());

    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 1, "the rows count");
    for _ in 0..2 {
        let problem = pages.next_page().await.unwrap().unwrap_err();
        assert!(problem.to_string().contains("`.next`"), "{problem}");
    }
    assert_eq!(server.asked().len(), 1);

    // another host gets nothing, and least of all the token
    let server = Server::start(|number, asked| {
        let next = format!("https://192.0.2.1{}?search_after=1", asked.path);
        Reply::json(
            200,
            &if number == 0 {
                json!({"results": [{"id": "0"}], "next": next})
            } else {
                json!({"results": []})
            },
        )
    })
    .await;
    assert_eq!(ids(&mut server.client().pages(alarms())).await.0, ["0"]);
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn maps_are_listed_by_site() {
    let site: SiteId = "4ac1dcf4-9d8b-7211-65c4-057819f0862b".parse().unwrap();
    let server = Server::start(|_, asked| Reply::json(200, &numbered(3, 100, asked))).await;

    let maps = server.client().pages(sites::maps(site)).all().await.unwrap();

    assert_eq!(maps.len(), 3);
    assert_eq!(server.paths(), ["/api/v1/sites/4ac1dcf4-9d8b-7211-65c4-057819f0862b/maps"]);
}
