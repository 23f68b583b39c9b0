//! What Mist's REST API answers, or something in between.

use http::StatusCode;
use ids::{OrgId, SiteId};
use mist::alarms::{self, AlarmFilter};
use mist::inventory::{self, InventoryFilter};
use mist::{
    Answer, Cursor, Extra, Host, Id, Listing, Problem, Request, Scope, account, events, sites, ssr, webhooks,
};
use serde_json::Value;

/// Arbitrary bytes are an answer or a problem that fits on a line; a list has a row for every object in it, each whole;
/// no secret is shown; what is stored of a listing reads back as the same.
pub fn rest(data: &[u8]) {
    let (choice, body) = data.split_first().map_or((0, data), |(choice, body)| (*choice, body));
    let status = match choice % 8 {
        0 => StatusCode::TOO_MANY_REQUESTS,
        1 => StatusCode::BAD_GATEWAY,
        2 => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    };
    let org: OrgId = ORG.parse().expect("an id");
    let site: SiteId = ORG.parse().expect("an id");
    let scope = if choice & 0x80 == 0 { Scope::Org(org) } else { Scope::Site(site) };

    let alarms = alarms::search(scope, &AlarmFilter::default());
    rows(&alarms, status, body, |alarm| Some(&alarm.raw));
    rows(&events::audits(org, &events::AuditFilter::default()), status, body, |audit| Some(&audit.raw));
    rows(&inventory::list(org, &InventoryFilter::default()), status, body, |_| None);
    rows(&sites::list(org), status, body, |_| None);
    rows(&alarms::templates(org), status, body, |_| None);

    one(&account::whoami(), status, body);
    one(&ssr::setting(scope), status, body);
    one(&ssr::export_id_tokens(org, &[]), status, body);
    one(&mist::definitions::alarms(), status, body);
    if let Some(usage) = one(&account::usage(), status, body)
        && let Some(reset) = usage.reset()
    {
        assert!((1.0..=3_600.0).contains(&reset.as_secs_f64()));
    }
    let id: Id = ORG.parse().expect("an id");
    if let Some(webhook) = one(&webhooks::read(scope, &id), status, body) {
        let shown = format!("{webhook:?}");
        let mut said: Value = serde_json::from_slice(body).expect("it was read");
        said["secret"] = Value::Null;
        if let Some(headers) = said.get_mut("headers").and_then(Value::as_object_mut) {
            headers.values_mut().for_each(|value| *value = Value::Null);
        }
        for secret in webhook.secret.iter().chain(webhook.headers.values()).map(mist::SecretText::expose) {
            // a short one may stand there by chance, and one that is also said elsewhere is none
            assert!(
                secret.len() < 12 || says(&said, secret) || !shown.contains(secret),
                "{shown} shows {secret}"
            );
        }
    }

    let text = String::from_utf8_lossy(body);
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    if let Ok(host) = text.parse::<Host>() {
        assert_eq!(host.to_string().parse(), Ok(host.clone()));
        let uri = account::whoami().to_http(&host).uri().clone();
        assert_eq!((uri.path(), uri.query()), ("/api/v1/self", None), "a host is nothing but a host");
    }
    if let Ok(id) = text.parse::<Id>() {
        let uri =
            webhooks::read(scope, &id).to_http(&"api.example.net".parse().expect("a host")).uri().clone();
        assert!(uri.path().ends_with(&format!("/webhooks/{id}")) && uri.query().is_none());
    }
}

/// Reads a page: as many rows as there are objects, or the place of what is none.
fn rows<T: Answer>(
    listing: &Listing<T>,
    status: StatusCode,
    body: &[u8],
    raw: impl Fn(&T) -> Option<&Extra>,
) {
    let read = listing.read(status, body);
    if let Err(problem) = &read {
        check(problem);
    }
    let Some(objects) = objects(body).filter(|_| status.is_success()) else {
        assert!(read.is_err());
        return;
    };
    let rows = read.expect("a list of objects is a page");
    assert_eq!(rows.len(), objects.len());
    for (row, object) in rows.iter().zip(&objects) {
        if let Some(raw) = raw(row) {
            assert_eq!(Some(&**raw), object.as_object());
        }
    }
}

fn one<T: Answer>(request: &Request<T>, status: StatusCode, body: &[u8]) -> Option<T> {
    match request.read(status, body) {
        Ok(answer) => {
            assert!(status.is_success());
            Some(answer)
        }
        Err(problem) => {
            check(&problem);
            None
        }
    }
}

/// The rows of a page, all of them objects.
fn objects(body: &[u8]) -> Option<Vec<Value>> {
    let rows = match serde_json::from_slice(body).ok()? {
        Value::Array(rows) => rows,
        Value::Object(mut page) => match page.remove("results")? {
            Value::Array(rows) => rows,
            _ => return None,
        },
        _ => return None,
    };
    rows.iter().all(Value::is_object).then_some(rows)
}

/// Whether a text is part of any in `value`.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => said.contains(text),
        Value::Array(items) => items.iter().any(|item| says(item, text)),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains(text) || says(value, text)),
        _ => false,
    }
}

fn check(problem: &Problem) {
    let text = problem.to_string();
    assert!(text.chars().count() < 700 && !text.contains(char::is_control), "{text:?}");
    assert!(!text.contains(ORG), "no id is in {text:?}");
    if let Problem::NotJson { snippet, .. } = problem {
        let html = snippet.starts_with('<');
        assert!(!snippet.contains(['{', '[']) && (html || !snippet.contains('"')), "{snippet:?} may be JSON");
    }
}

/// In no file of the corpus.
const ORG: &str = "9777c1a0-6ef6-11e6-8bbf-02e208b2d34f";
