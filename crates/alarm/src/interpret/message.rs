//! What the events of a message bring about.

use std::collections::BTreeMap;
use std::time::Duration;

use compact_str::format_compact;
use ids::Timestamp;

use super::DOUBLE;
use super::facts::{Came, Told};
use super::own::own_alert;
use super::remarks::Teller;
use super::seen::{Before, Identity, Marks, NO_PROBLEM, Once};
use super::work::{self, Work};
use crate::directory::Names;
use crate::entry::Fetched;
use crate::reading::Unread;
use crate::{AlarmKey, Alert, AlertId, Origin, Own, Severity, State};

/// Interprets the events of a message.
pub(super) fn events(
    work: &mut Work<'_>,
    doubles: &mut BTreeMap<Vec<u8>, Timestamp>,
    org: &str,
    received: Timestamp,
    fetched: Option<Fetched>,
    told: Vec<Result<Told<'_>, Unread>>,
) {
    let teller = if fetched.is_some() { Teller::Fetched } else { Teller::Webhook };
    for told in told {
        work.effects.remarks.told(teller);
        match told {
            Ok(told) => event(work, doubles, org, received, fetched, &told),
            Err(unread) => work.effects.alerts.push(unread_alert(org, received, fetched, &unread)),
        }
    }
}

/// Interprets one of them.
fn event(
    work: &mut Work<'_>,
    doubles: &mut BTreeMap<Vec<u8>, Timestamp>,
    org: &str,
    received: Timestamp,
    fetched: Option<Fetched>,
    told: &Told<'_>,
) {
    let for_site = told.event.for_site;
    let id = match &told.identity {
        Identity::Timed { keys, full } => {
            let marks = Marks::read(keys.iter().filter_map(|key| work.get(key)));
            let before = match fetched {
                Some(Fetched::Reconcile) => Before::Never,
                Some(Fetched::Rows) if marks.any() => Before::Seen,
                Some(Fetched::Rows) => Before::Never,
                Some(Fetched::Delivery) | None => marks.before(full, for_site),
            };
            if before != Before::Never {
                work.effects.remarks.repeated += 1;
                if before == Before::SeenByTheOther && fetched.is_none() {
                    double(work, doubles, org, received, told);
                }
                return;
            }
            if fetched != Some(Fetched::Reconcile) {
                let own = Marks::read(work.get(&keys[0]).into_iter());
                let value = own.with(full, for_site, fetched == Some(Fetched::Rows));
                work.set(keys[0].clone(), Some(value));
            }
            *full
        }
        Identity::Timeless { keys, canonical } => {
            let problem =
                told.facts.first().and_then(|fact| work.open_number(&fact.key)).unwrap_or(NO_PROBLEM);
            let once: Vec<Once> = keys.iter().filter_map(|key| Once::read(work.get(key)?)).collect();
            if once.iter().any(|once| once.repeats(received, problem)) {
                work.effects.remarks.repeated += 1;
                return;
            }
            let micros = received.micros().to_be_bytes();
            AlertId::of(&[told.event.topic.name().as_bytes(), canonical, &micros])
        }
    };
    let came = Came { id, received, origin: fetched.map_or(Origin::Webhook, Fetched::origin) };
    let names = Names { org, known: work.known, any: work.named };
    work.effects.remarks.unknown_types.extend(told.unknown_type().map(std::borrow::Cow::into_owned));
    let unnamed = told.unnamed(names).into_iter().map(|unnamed| (org.into(), unnamed));
    work.effects.remarks.unnamed.extend(unnamed);
    work.effects.remarks.fanned_out += (told.facts.len() as u64).saturating_sub(1);
    for fact in &told.facts {
        let alert = told.alert(fact, &came, names, work.rules);
        if alert.site.is_empty() && !alert.site_id.is_empty() {
            work.effects.remarks.site_unnamed(org, &alert.site_id);
        }
        let news = work::News {
            alert,
            time: told.event.time,
            at: received,
            count: told.count(fact),
            update: told.is_update(),
            reconcile: fetched == Some(Fetched::Reconcile),
        };
        work.take(told.role_of(fact), news, &|alert| told.summarise(alert, fact));
    }
    if let Identity::Timeless { keys, .. } = &told.identity {
        let problem = told.facts.first().and_then(|fact| work.open_number(&fact.key)).unwrap_or(NO_PROBLEM);
        work.set(keys[0].clone(), Some(Once { first: received, problem }.value()));
    }
}

/// Says that organisation and site post the same topic, once a day.
fn double(
    work: &mut Work<'_>,
    doubles: &mut BTreeMap<Vec<u8>, Timestamp>,
    org: &str,
    received: Timestamp,
    told: &Told<'_>,
) {
    let (topic, site) = (told.event.topic.name(), told.event.site_id());
    let double = [org.as_bytes(), &[0], site.as_bytes(), &[0], topic.as_bytes()].concat();
    let said = doubles.get(&double).is_some_and(|said| received.since(*said) < DOUBLE_SAID_EVERY);
    if said || (doubles.len() >= MAX_DOUBLES && !doubles.contains_key(&double)) {
        return;
    }
    work.set([DOUBLE, &double].concat().into(), Some(received.micros().to_be_bytes().as_slice().into()));
    doubles.insert(double, received);
    let name = told.event.said().text(&["site_name"]).into_owned();
    let name = Some(name).filter(|name| !name.is_empty());
    let names = Names { org, known: work.known, any: work.named };
    let name = name.or_else(|| names.site(&site).map(|site| site.name)).unwrap_or_else(|| site.to_string());
    let own = Own {
        kind: crate::OwnKind::DoubleSubscription,
        resource: name.clone(),
        state: State::Event,
        text: format!(
            "`{topic}` of site {name} comes twice: a webhook of the organisation and one of the site both post to this \
             relay. The copy is dropped; remove the topic from the site's webhook in Mist"
        ),
        count: 0,
        severity: None,
        duration_secs: None,
    };
    own_alert(work, received, &own);
}

/// The alert about something that could not be read.
fn unread_alert(org: &str, received: Timestamp, fetched: Option<Fetched>, unread: &Unread) -> Alert {
    let micros = received.micros().to_be_bytes();
    let id = AlertId::of(&[b"unread", &micros, &unread.bytes]);
    let key = AlarmKey::of(&[org.as_bytes(), b"unread"]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, "uninterpretable", received);
    let why = &unread.why;
    alert.severity = Severity::Warning;
    alert.org = org.into();
    alert.origin = fetched.map_or(Origin::Webhook, Fetched::origin);
    alert.reason = why.as_str().into();
    alert.summary =
        format_compact!("uninterpretable: a message of {org} was stored and could not be understood: {why}");
    alert
}

/// How often it is said that organisation and site post the same topic, and of how many it is remembered.
const DOUBLE_SAID_EVERY: Duration = Duration::from_secs(86_400);
const MAX_DOUBLES: usize = 4096;
