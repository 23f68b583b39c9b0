//! What the relay says of itself, as an alert.

use compact_str::format_compact;
use ids::Timestamp;

use super::remarks::Teller;
use super::work::{News, Work};
use crate::catalogue::Role;
use crate::{AlarmKey, Alert, AlertId, Audience, Origin, Own, State};

/// The key of something the relay says of itself.
pub(super) fn own_key(own: &Own) -> AlarmKey {
    AlarmKey::of(&[b"relay", own.kind.word().as_bytes(), own.resource.as_bytes()])
}

pub(super) const fn own_role(own: &Own) -> Role {
    match own.state {
        State::Raised => Role::Raises,
        State::Cleared => Role::Clears,
        State::Event => Role::Tells,
    }
}

pub(super) fn own_alert(work: &mut Work<'_>, at: Timestamp, own: &Own) {
    work.effects.remarks.told(Teller::Relay);
    let key = own_key(own);
    let micros = at.micros().to_be_bytes();
    let id = AlertId::of(&[key.bytes(), &micros, own.state.word().as_bytes(), own.text.as_bytes()]);
    let mut alert = Alert::new(id, key, Alert::OWN_TOPIC, own.kind.word(), at);
    alert.severity = own.severity.unwrap_or_else(|| own.kind.severity());
    alert.origin = Origin::Relay;
    alert.reason = own.text.as_str().into();
    alert.category = own.resource.as_str().into();
    alert.duration_secs = own.duration_secs;
    if own.kind.is_for_its_sink() {
        alert.audience = Audience::Only { sink: own.resource.clone() };
    }
    let role = own_role(own);
    let news = News {
        alert,
        time: Some(at),
        at,
        count: own.count.max(u64::from(own.state == State::Raised)),
        update: false,
        reconcile: false,
    };
    work.take(role, news, &|alert| alert.summary = format_compact!("{}: {}", own.kind.word(), own.text));
}
