//! What stands on the page.

use std::time::{Instant, SystemTime};

use alarm::{Alert, Severity};
use ids::Timestamp;
use journal::{Log, Position, Status};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Value, json};

use super::tops::Top;
use crate::admin::Admin;
use crate::admin::history::{READING, reading, rows};
use crate::certificate::{Nearness, nearness};
use crate::error::Chain;
use crate::feed::open_problems;
use crate::interpreter::failed;
use crate::supervisor;

/// The page as HTML.
pub(super) async fn html(admin: &Admin, tested: Option<Result<Value, String>>) -> Result<String, String> {
    let facts = facts(admin, tested).await?;
    render(&facts).map_err(|error| format!("{error:#}"))
}

fn render(facts: &Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // the name ends with html, so every value is escaped
    environment.add_template("page.html", include_str!("page.html"))?;
    environment.get_template("page.html")?.render(minijinja::Value::from(Serde(facts)))
}

async fn facts(admin: &Admin, tested: Option<Result<Value, String>>) -> Result<Value, String> {
    let now = Timestamp::now();
    let status = supervisor::status(&admin.journal).await.map_err(|error| Chain(&error).to_string())?;
    let figures = Figures(admin.metrics.text());
    let (open, open_count) = open(admin).await?;
    let shown = open.len();
    let newest = admin.journal.tail(Log::Outbox).borrow().number();
    let unready = admin.unready();
    let mut orgs = Vec::new();
    let names = admin.page.organisations.borrow().clone();
    for name in names {
        orgs.push(organisation(admin, &name, &figures, now).await?);
    }
    Ok(json!({
        "relay": admin.page.relay,
        "version": env!("CARGO_PKG_VERSION"),
        "started": short(admin.about.started),
        "now": short(now),
        "ready": unready.is_none(),
        "unready": unready.unwrap_or_default(),
        "tests": admin.page.door.has_token(),
        "tested": tested.map(outcome),
        "sinks": sinks(admin, &status, &figures, now),
        "open": open,
        "open_count": open_count,
        "open_more": open_count - shown,
        "feed": feed(admin, newest).await?,
        "newest": newest,
        "tops": tops(admin),
        "requests": requests(&figures),
        "orgs": orgs,
        "certificates": certificates(admin),
        "journal": journal(&status, admin.journal.writable()),
    }))
}

/// What came of a test, a line for each sink.
fn outcome(tested: Result<Value, String>) -> Value {
    let tested = match tested {
        Ok(tested) => tested,
        Err(error) => return json!([{ "good": false, "text": error }]),
    };
    let sinks = tested["sinks"].as_array().cloned().unwrap_or_default();
    let lines = sinks.iter().map(|sink| {
        let text = |name: &str| sink[name].as_str().unwrap_or_default();
        let last = sink["ms"].as_array().and_then(|ms| ms.last()?.as_u64());
        let (good, what) = match text("outcome") {
            "acknowledged" => (true, "the receiver acknowledged a raise and a clear"),
            "settled" => (true, "a raise and a clear were written, and the connection stayed healthy"),
            "sent" => (true, "a raise and a clear were sent; nobody can tell whether they arrived"),
            "doubtful" => (false, "a raise and a clear were sent, and hardly arrived"),
            "lost" => (false, "the receiver refuses it, or it was given up"),
            "late" => (false, "not delivered yet; it is still tried"),
            _ => (false, "no alert was made in time"),
        };
        let after = last.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
        let why = Some(text("error")).filter(|why| !why.is_empty()).map(|why| format!(": {why}"));
        let why = why.unwrap_or_default();
        json!({ "good": good, "text": format!("{} ({}): {what}{after}{why}", text("sink"), text("receiver")) })
    });
    lines.collect()
}

fn sinks(admin: &Admin, status: &Status, figures: &Figures, now: Timestamp) -> Value {
    let standings = admin.standings.borrow().clone();
    let cards = standings.iter().map(|(name, standing)| {
        let label = format!("sink=\"{name}\"");
        let waiting =
            status.cursors.iter().find(|cursor| cursor.name == *name).map_or(0, |it| it.behind_records);
        let age = figures.of("sink_behind_seconds", &label) as u64;
        let delivered = figures.time("last_delivery_timestamp_seconds", &label);
        let failed = standing.failed();
        let failing =
            failed.as_ref().is_some_and(|(at, _)| delivered.is_none_or(|delivered| *at > delivered));
        let (mood, sign, state) = match (waiting, failing) {
            (0, _) => ("good", "●", "keeps up"),
            (_, _) if age >= BEHIND_SECS => ("bad", "▲", if failing { "down" } else { "far behind" }),
            (_, true) => ("warn", "■", "attempts fail; it is tried again"),
            (_, false) => ("good", "●", "delivers"),
        };
        let behind = match waiting {
            0 => "nothing".to_owned(),
            waiting => format!("{waiting} alerts, the oldest {}", ago(age)),
        };
        json!({
            "name": name,
            "mood": mood,
            "sign": sign,
            "state": state,
            "receiver": standing.receiver,
            "means": serde_json::to_value(standing.means).unwrap_or_default(),
            "behind": behind,
            "delivered": since(delivered, now, "none since the start"),
            "failed": failed.map_or_else(
                || "none since the start".to_owned(),
                |(at, why)| format!("{}: {why}", ago(now.since(at).as_secs())),
            ),
            "given_up": figures.of("given_up_total", &label) as u64,
        })
    });
    cards.collect()
}

/// The newest open problems, and how many there are.
async fn open(admin: &Admin) -> Result<(Vec<Value>, usize), String> {
    let journal = admin.journal.clone();
    let read = tokio::task::spawn_blocking(move || {
        let (mut newest, mut count) = (Vec::<Alert>::new(), 0);
        open_problems(&journal, |problem| {
            count += 1;
            newest.push(problem.alert);
            if newest.len() > 2 * MOST_OPEN {
                newest.sort_by_key(|alert| std::cmp::Reverse(alert.last_seen));
                newest.truncate(MOST_OPEN);
            }
        })?;
        newest.sort_by_key(|alert| std::cmp::Reverse(alert.last_seen));
        newest.truncate(MOST_OPEN);
        Ok::<_, crate::Error>((newest, count))
    });
    let read = read.await.map_err(|_| "a look at the journal ended".to_owned())?;
    let (newest, count) = read.map_err(|error| Chain(&error).to_string())?;
    let rows = newest.iter().map(|alert| {
        let mut row = row(alert);
        row["since"] = short(alert.first_seen).into();
        if alert.summary.is_empty() {
            row["summary"] = alert.reason.as_str().into();
        }
        row
    });
    Ok((rows.collect(), count))
}

/// The newest alerts, newest first.
async fn feed(admin: &Admin, newest: u64) -> Result<Vec<Value>, String> {
    let read = reading(&admin.journal, Log::Outbox, move |reader| {
        let after = Position::new(newest.saturating_sub(LOOKED_AT));
        let entries = reader.read(after, LOOKED_AT as usize, BYTES).map_err(failed(READING))?;
        Ok(rows(entries).collect::<Vec<_>>())
    });
    let alerts = read.await?.into_iter().filter_map(|row| serde_json::from_slice::<Alert>(&row.body).ok());
    let mut alerts: Vec<Alert> = alerts.filter(is_shown).collect();
    alerts.reverse();
    Ok(alerts.iter().take(MOST_SHOWN).map(row).collect())
}

/// Whether an alert is for people: a heartbeat is not.
pub(super) fn is_shown(alert: &Alert) -> bool {
    !(alert.is_own() && alert.kind == *alarm::OwnKind::Heartbeat.word())
}

/// One alert as a row of the page.
pub(super) fn row(alert: &Alert) -> Value {
    let device = if alert.device.is_empty() { alert.mac.map(|mac| mac.to_string()) } else { None };
    json!({
        "time": short(alert.last_seen),
        "state": alert.state.word(),
        "severity": alert.severity.word(),
        "mood": match alert.severity {
            Severity::Critical => "bad",
            Severity::Warning => "warn",
            Severity::Info | Severity::Unknown => "",
        },
        "kind": alert.kind,
        "site": alert.site,
        "device": device.as_deref().unwrap_or(&alert.device),
        "summary": alert.summary,
    })
}

fn tops(admin: &Admin) -> Value {
    let [hour, day] = admin.page.tops.of(Instant::now());
    let table = |title: &str, what: &str, top: Top| {
        let rows = top.into_iter().map(|(name, count)| json!({ "name": name, "count": count }));
        json!({ "title": title, "what": what, "rows": rows.collect::<Value>() })
    };
    json!([
        table("Top sites, last hour", "Site", hour.0),
        table("Top types, last hour", "Type", hour.1),
        table("Top sites, last day", "Site", day.0),
        table("Top types, last day", "Type", day.1),
    ])
}

/// What came in, and what was refused of it, by reason.
fn requests(figures: &Figures) -> Value {
    let row = |name: &str, count: f64| json!({ "name": name, "count": count as u64 });
    let mut rows =
        vec![row("came", figures.of("requests_total", "")), row("stored", figures.of("messages_total", ""))];
    for (label, count) in figures.all("refusals_total") {
        let reason = label.trim_start_matches("reason=\"").trim_end_matches('"');
        if count > 0.0 {
            rows.push(row(&format!("refused: {reason}"), count));
        }
    }
    for (label, count) in figures.all("connections_closed_total") {
        let reason = label.trim_start_matches("reason=\"").trim_end_matches('"');
        rows.push(row(&format!("connection closed: {reason}"), count));
    }
    rows.into()
}

async fn organisation(admin: &Admin, name: &str, figures: &Figures, now: Timestamp) -> Result<Value, String> {
    let read = admin.page.feed.read_at(name).await.map_err(|error| Chain(&error).to_string())?;
    let label = format!("org=\"{name}\"");
    let capacity = figures.of("api_calls", &label);
    let calls = match capacity > 0.0 {
        true => format!("{} of {capacity} this hour", figures.of("api_calls_left", &label)),
        false => "the relay does not ask the API".to_owned(),
    };
    Ok(json!({
        "name": name,
        "heard": since(admin.metrics.last_message(name), now, "none yet"),
        "directory": since(read, now, "never"),
        "calls": calls,
    }))
}

fn certificates(admin: &Admin) -> Value {
    let shown = admin.certificate.shown();
    let mood = match nearness(&shown, SystemTime::now()) {
        Nearness::Far => "good",
        Nearness::Month | Nearness::Fortnight => "warn",
        Nearness::Week | Nearness::Day | Nearness::Over => "bad",
    };
    let end = short(shown.not_after.into());
    let mut all = vec![json!({
        "name": "Listener",
        "mood": mood,
        "text": format!("{}, ends at {end}", shown.names.join(", ")),
    })];
    if let Some(trouble) = admin.certificate.trouble().as_ref() {
        all.push(json!({ "name": "Listener", "mood": "bad", "text": trouble }));
    }
    let known = admin.page.concerns.known();
    let worries = known.get(alarm::OwnKind::SinkCertificateExpires.word());
    for (about, concern) in worries.into_iter().flat_map(|(_, concerns)| concerns) {
        let mood = if concern.severity == Severity::Critical { "bad" } else { "warn" };
        all.push(json!({ "name": about, "mood": mood, "text": concern.text }));
    }
    all.into()
}

fn journal(status: &Status, writable: bool) -> Value {
    let mebibytes = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let most = status.max_bytes.map(mebibytes).unwrap_or_default();
    let inbox =
        status.cursors.iter().find(|cursor| cursor.log == Log::Inbox).map_or(0, |it| it.behind_records);
    let row = |name: &str, text: String| json!({ "name": name, "text": text });
    json!([
        row(
            "Takes messages",
            if writable { "yes".to_owned() } else { "no: it has no room or cannot be written".to_owned() }
        ),
        row("In use", format!("{} of {most}", mebibytes(status.live_bytes))),
        row("Messages kept", status.inbox.rows.to_string()),
        row("Alerts kept", status.outbox.rows.to_string()),
        row("To be interpreted", inbox.to_string()),
        row("Format", status.format.to_string()),
    ])
}

/// The figures of `/metrics`.
struct Figures(String);

impl Figures {
    /// Labels and value of every sample of `name`.
    fn all(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        let name = format!("fogbell_{name}");
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(&name)?;
            let labels = match rest {
                "" => "",
                _ => rest.strip_prefix('{')?.strip_suffix('}')?,
            };
            Some((labels, value.parse().ok()?))
        })
    }

    /// The sum of every sample of `name` with `label`.
    fn of(&self, name: &str, label: &str) -> f64 {
        self.all(name)
            .filter(|(labels, _)| label.is_empty() || *labels == label)
            .map(|(_, value)| value)
            .sum()
    }

    fn time(&self, name: &str, label: &str) -> Option<Timestamp> {
        let secs = self.of(name, label);
        (secs > 0.0).then(|| Timestamp::from_micros((secs * 1e6) as i64))
    }
}

fn since(at: Option<Timestamp>, now: Timestamp, never: &str) -> String {
    at.map_or_else(|| never.to_owned(), |at| ago(now.since(at).as_secs()))
}

/// A time to the second, in UTC, as people read it.
fn short(at: Timestamp) -> String {
    let text = at.to_string().replace('T', " ");
    let seconds = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{seconds} UTC")
}

fn ago(secs: u64) -> String {
    match secs {
        0..=119 => format!("{secs} s ago"),
        120..=7199 => format!("{} min ago", secs / 60),
        7200..=172_799 => format!("{} h ago", secs / 3600),
        _ => format!("{} days ago", secs / 86_400),
    }
}

/// When a sink counts as down: as its alert does.
const BEHIND_SECS: u64 = 60;

/// How many open problems and alerts are shown.
const MOST_OPEN: usize = 100;
const MOST_SHOWN: usize = 50;

/// How many of the newest alerts are looked at for those.
const LOOKED_AT: u64 = 200;
const BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_came_from_outside_is_markup() {
        let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
        let row = json!({
            "time": evil, "since": evil, "state": evil, "severity": evil, "mood": "bad", "kind": evil, "site": evil,
            "device": evil, "summary": evil,
        });
        let named = json!([{ "name": evil, "text": evil, "mood": "bad", "count": 1 }]);
        let facts = json!({
            "relay": evil, "unready": evil, "tests": true, "tested": [{ "good": true, "text": evil }],
            "sinks": [{
                "name": evil, "mood": "bad", "sign": "x", "state": evil, "receiver": evil, "means": evil,
                "behind": evil, "delivered": evil, "failed": evil, "given_up": 0,
            }],
            "open": [row], "feed": [row], "open_count": 1, "open_more": 1, "newest": 7,
            "tops": [{ "title": evil, "what": evil, "rows": named }],
            "requests": named, "certificates": named, "journal": named,
            "orgs": [{ "name": evil, "heard": evil, "directory": evil, "calls": evil }],
        });

        let html = render(&facts).unwrap();

        assert_eq!(html.matches("<script").count(), 1, "its own");
        assert!(!html.contains("<img") && !html.contains("\"'>"), "{html}");
        assert!(html.matches("&lt;script&gt;").count() >= 30, "{html}");
        assert!(!html.contains(" style=") && !html.contains("onclick"), "nothing inline");
    }

    #[test]
    fn times_are_read_by_people() {
        let at = Timestamp::from_micros(1_767_323_045_250_000);
        assert_eq!(short(at), "2026-01-02 03:04:05 UTC");
        let all = [0, 119, 120, 7199, 7200, 172_799, 172_800].map(ago).join(", ");
        assert_eq!(all, "0 s ago, 119 s ago, 2 min ago, 119 min ago, 2 h ago, 47 h ago, 2 days ago");
    }

    #[test]
    fn figures_are_found_by_name_and_label() {
        let figures = Figures(
            "# HELP x\nfogbell_a_total{sink=\"x\"} 2\nfogbell_a_total{sink=\"xy\"} 3\nfogbell_a 7\n".into(),
        );
        assert_eq!((figures.of("a_total", ""), figures.of("a_total", "sink=\"x\"")), (5.0, 2.0));
        assert_eq!((figures.of("a", ""), figures.of("b", "")), (7.0, 0.0));
    }
}
