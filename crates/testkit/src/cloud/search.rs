//! The three ways in which Mist hands out long lists.

use ids::Timestamp;
use serde_json::{Value, json};

use super::ask::{Ask, wrong};
use super::reply::Reply;
use super::rows::{Row, Rows};
use super::settings::{CloudSettings, PageHeaders};

/// A page of an answer that is an array; `members` of all `rows` are counted only by a total that lies.
pub(super) fn page<T>(
    ask: &Ask,
    settings: &CloudSettings,
    rows: &[T],
    members: usize,
    show: impl Fn(&T) -> Value,
) -> Result<Reply, Reply> {
    let (limit, page) = (ask.limit(settings.most_rows)?, ask.page()?);
    let from = (page - 1).saturating_mul(limit).min(rows.len());
    let shown: Vec<Value> = rows[from..rows.len().min(from.saturating_add(limit))].iter().map(show).collect();
    let mut reply = Reply::ok(&Value::Array(shown));
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let total = match settings.page_headers {
        PageHeaders::Omitted => return Ok(reply),
        PageHeaders::Sent => total,
        PageHeaders::CountingMembers => total.saturating_add(i64::try_from(members).unwrap_or(i64::MAX)),
        PageHeaders::Off(by) => total.saturating_add(by),
    };
    reply.headers = vec![
        ("x-page-limit", limit.to_string()),
        ("x-page-page", page.to_string()),
        ("x-page-total", total.to_string()),
    ];
    Ok(reply)
}

/// From when to when a search looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Seconds since 1970.
    pub(super) start: f64,
    /// Seconds since 1970; what happened at this moment is still part of it.
    pub(super) end: f64,
}

impl Window {
    /// Reads `start`, `end` and `duration`: epoch seconds or relative; a day up to now unless told otherwise.
    pub(super) fn of(ask: &Ask, now: Timestamp) -> Result<Self, Reply> {
        #[allow(clippy::cast_precision_loss, reason = "a time in seconds needs 51 bits")]
        let now = now.micros() as f64 / 1e6;
        let moment = |name: &str| {
            ask.field(name)
                .map(|text| match text {
                    "now" => Ok(now),
                    _ => match text.strip_prefix('-') {
                        Some(ago) => Ok(now - seconds(ago).ok_or_else(|| wrong(name))?),
                        None => {
                            text.parse().ok().filter(|at: &f64| at.is_finite()).ok_or_else(|| wrong(name))
                        }
                    },
                })
                .transpose()
        };
        let duration = ask.field("duration").unwrap_or("1d");
        let duration = seconds(duration).ok_or_else(|| wrong("duration"))?;
        let end = moment("end")?.unwrap_or(now);
        Ok(Self { start: moment("start")?.unwrap_or(end - duration), end })
    }

    pub(super) fn holds(&self, at: Timestamp) -> bool {
        #[allow(clippy::cast_precision_loss, reason = "a time in seconds needs 51 bits")]
        let at = at.micros() as f64 / 1e6;
        (self.start..=self.end).contains(&at)
    }

    /// The same for a time in whole seconds.
    pub(super) fn has_second(&self, at: i64) -> bool {
        self.holds(Timestamp::from_micros(at.saturating_mul(1_000_000)))
    }

    #[allow(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
    pub(super) const fn whole(self) -> (i64, i64) {
        (self.start as i64, self.end as i64)
    }
}

/// `10m`, `7d`, `2w`, or a number of seconds.
fn seconds(text: &str) -> Option<f64> {
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 's') => (&text[..at], 1.0),
        (at, 'm') => (&text[..at], 60.0),
        (at, 'h') => (&text[..at], 3_600.0),
        (at, 'd') => (&text[..at], 86_400.0),
        (at, 'w') => (&text[..at], 604_800.0),
        _ => (text, 1.0),
    };
    number.parse::<u32>().ok().map(|number| f64::from(number) * unit)
}

/// The rows that are `wanted`, newest first unless `sort=timestamp` asks for the oldest, with a cursor.
pub(super) fn search(
    ask: &Ask,
    settings: &CloudSettings,
    now: Timestamp,
    rows: &Rows,
    wanted: impl Fn(&Row) -> bool,
) -> Result<Reply, Reply> {
    let limit = ask.limit(settings.most_rows)?;
    let mut window = Window::of(ask, now)?;
    let (start, end) = window.whole();
    let cursor = ask.field("search_after").map(Cursor::read).transpose()?;
    if cursor.is_some() {
        window.end += 1.0; // `next` carries whole seconds; the cursor is what bounds this page
    }
    let mut found: Vec<&Row> = rows.iter().filter(|row| window.holds(row.at) && wanted(row)).collect();
    found.sort_by_key(|row| (row.at, row.number));
    let oldest_first = ask.field("sort") == Some("timestamp");
    if !oldest_first {
        found.reverse();
    }
    let total = found.len();
    let from = match cursor {
        None => 0,
        // A row that was given up in between was older than all that are left.
        Some(cursor) => match found.iter().position(|row| row.number == cursor.number) {
            Some(place) => place + 1,
            None if oldest_first => 0,
            None => total,
        },
    };
    let shown = &found[from..total.min(from.saturating_add(limit))];
    let values: Vec<&Value> = shown.iter().map(|row| &row.value).collect();
    let mut body = json!({ "start": start, "end": end, "limit": limit, "total": total, "results": values });
    if from + shown.len() < total
        && let Some(last) = shown.last()
    {
        body["next"] = json!(next(ask, limit, Some((start, end)), &Cursor::of(last)));
    }
    Ok(Reply::ok(&body))
}

/// The same for lists that have no time; the cursor stands on a place in the list.
pub(super) fn search_list<T>(
    ask: &Ask,
    settings: &CloudSettings,
    window: Option<Window>,
    rows: &[T],
    show: impl Fn(&T) -> Value,
) -> Result<Reply, Reply> {
    let limit = ask.limit(settings.most_rows)?;
    let from = match ask.field("search_after").map(Cursor::read).transpose()? {
        None => 0,
        Some(cursor) => usize::try_from(cursor.number).unwrap_or(usize::MAX).min(rows.len()),
    };
    let to = rows.len().min(from.saturating_add(limit));
    let shown: Vec<Value> = rows[from..to].iter().map(show).collect();
    let mut body = json!({ "limit": limit, "total": rows.len(), "results": shown });
    let window = window.map(Window::whole);
    if let Some((start, end)) = window {
        body["start"] = json!(start);
        body["end"] = json!(end);
    }
    if to < rows.len() && to > from {
        body["next"] = json!(next(ask, limit, window, &Cursor { millis: 0, number: to as u64 }));
    }
    Ok(Reply::ok(&body))
}

/// How many rows have each value of the field that `distinct` names.
pub(super) fn count<'a>(
    ask: &Ask,
    settings: &CloudSettings,
    now: Timestamp,
    rows: impl Iterator<Item = (Timestamp, &'a Value)>,
    default: &str,
) -> Result<Reply, Reply> {
    let limit = ask.limit(settings.most_rows)?;
    let window = Window::of(ask, now)?;
    let distinct = ask.field("distinct").unwrap_or(default);
    let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (_, row) in rows.filter(|(at, _)| window.holds(*at)) {
        let value = match &row[distinct] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        *counts.entry(value).or_default() += 1;
    }
    let total = counts.len();
    let results: Vec<Value> = counts
        .into_iter()
        .take(limit)
        .map(|(value, count)| {
            let mut row = json!({ "count": count });
            row[distinct] = json!(value);
            row
        })
        .collect();
    let (start, end) = window.whole();
    Ok(Reply::ok(&json!({
        "distinct": distinct, "start": start, "end": end, "limit": limit, "total": total, "results": results,
    })))
}

/// The URL of the page that follows, relative, as the contract's example has it.
fn next(ask: &Ask, limit: usize, window: Option<(i64, i64)>, cursor: &Cursor) -> String {
    let mut changes = vec![("limit", limit.to_string()), ("search_after", cursor.written())];
    if let Some((start, end)) = window {
        changes.push(("start", start.to_string()));
        changes.push(("end", end.to_string()));
    }
    ask.again(&changes)
}

/// Where a page ended. Clients must not make one: its form may change.
struct Cursor {
    millis: i64,
    number: u64,
}

impl Cursor {
    fn of(row: &Row) -> Self {
        Self { millis: row.at.micros() / 1_000, number: row.number }
    }

    fn written(&self) -> String {
        format!("[{}, \"00000000-0000-4000-8000-{:012x}\"]", self.millis, self.number)
    }

    fn read(text: &str) -> Result<Self, Reply> {
        let refused = || wrong("search_after");
        let (millis, id): (i64, String) = serde_json::from_str(text).map_err(|_| refused())?;
        let digits = id.strip_prefix("00000000-0000-4000-8000-").ok_or_else(refused)?;
        Ok(Self { millis, number: u64::from_str_radix(digits, 16).map_err(|_| refused())? })
    }
}
