//! One relay with a sink of informs and one of syslog, a story of what it is posted and what befalls it, and what the
//! receivers were told.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use e2e::{
    Config, DEADLINE, Fogbell, Notification, Parameters, Rsyslog, RsyslogSetup, Snmptrapd, SnmptrapdSetup,
    wait_for,
};
use serde_json::{Value, json};

/// What happens.
pub(super) enum Step {
    /// An event of this topic is posted and answered 200.
    Post(&'static str, Value),
    /// The relay is killed and started again.
    Kill,
    /// The relay is stopped and started again.
    Restart,
}

pub(super) use Step::{Kill, Post, Restart};

/// What both receivers were told of one alert.
#[derive(Debug)]
pub(super) struct Told {
    /// The number of the notification.
    pub(super) notification: u32,
    /// `ItuPerceivedSeverity`.
    pub(super) perceived: u32,
    /// The parameters of the line, which are those of the notification.
    pub(super) said: Parameters,
}

impl Told {
    pub(super) fn is(&self, name: &str) -> &str {
        self.said.get(name).map_or("", String::as_str)
    }

    /// State, type, count and duration.
    pub(super) fn short(&self) -> [&str; 4] {
        ["state", "type", "count", "duration"].map(|name| self.is(name))
    }
}

/// Lets `steps` happen; what was told of it, in the order of the outbox. What would come behind the last step's is
/// told, too, since one more event is posted behind it and waited for.
pub(super) fn play(steps: Vec<Step>) -> Vec<Told> {
    let nms =
        Snmptrapd::start(&SnmptrapdSetup { communities: vec!["public".to_owned()], ..Default::default() });
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let config = Config::new().v2c("nms", &nms.address(), "public", Notification::Inform).syslog(
        "siem",
        &siem.tcp(),
        "tcp",
    );
    let mut relay = Fogbell::start(&config);
    let post = |relay: &Fogbell, topic: &str, event: Value| {
        relay.deliver(&json!({"topic": topic, "events": [event]}).to_string());
    };

    for step in steps {
        match step {
            Post(topic, event) => post(&relay, topic, event),
            Kill => {
                relay.kill9();
                relay.start_again();
            }
            Restart => {
                relay.sigterm();
                assert_eq!(relay.wait_exit(DEADLINE).code(), Some(0));
                relay.start_again();
            }
        }
    }
    post(&relay, "audits", json!({"id": LAST, "message": LAST, "timestamp": now()}));

    let both = wait_for(DEADLINE, || {
        let both = both(&nms, &siem);
        both.filter(|told| told.last().is_some_and(|told| told.is("type") == "audits"))
    });
    let mut told = both.expect("both receivers are told of the last event, and of the same alerts before it");
    told.pop();
    told
}

/// What was told, each alert once: what a kill left unsettled is told again, under the same number. `None` while one
/// of the two was told less: informs are sent side by side, and the last may come before those in front of it.
fn both(nms: &Snmptrapd, siem: &Rsyslog) -> Option<Vec<Told>> {
    let mut lines = BTreeMap::<u64, (Parameters, String)>::new();
    for line in siem.lines() {
        let said = (line.parameters(ENTERPRISE), line.message.clone());
        let before = lines.insert(sequence(&said.0), said.clone());
        assert!(before.is_none_or(|before| before == said), "a line was repeated with other words: {said:?}");
    }
    let mut traps = BTreeMap::new();
    for trap in nms.traps() {
        // all 29 objects in their order, or it panics
        let said = (trap.name.clone(), trap.parameters(ENTERPRISE));
        let before = traps.insert(sequence(&said.1), said.clone());
        assert!(
            before.is_none_or(|before| before == said),
            "an inform was repeated with other words: {said:?}"
        );
    }
    if !lines.keys().eq(traps.keys()) {
        return None;
    }
    let pairs = lines.into_values().zip(traps.into_values());
    Some(pairs.map(|((said, message), (name, trap))| one(said, &message, &name, trap)).collect())
}

/// The line and the notification of one alert, which must say the same.
fn one(said: Parameters, message: &str, name: &str, mut trap: Parameters) -> Told {
    let oid = format!(".1.3.6.1.4.1.{ENTERPRISE}.1.0.");
    let notification = name.strip_prefix(&oid).unwrap_or_else(|| panic!("{name} is none of ours"));
    let mut take = |name: &str| trap.remove(name).unwrap_or_else(|| panic!("no {name}"));
    let perceived = take("severity").parse().unwrap();
    let state = ["raised", "cleared", "event"][take("state").parse::<usize>().unwrap() - 1];
    assert_eq!(state, said["state"], "{said:?}");
    // a long text ends in dots, and then the notification says so
    let long = take("truncated") == "1";
    let is = |found: &str, whole: &str| {
        found == whole || long && found.strip_suffix("...").is_some_and(|kept| whole.starts_with(kept))
    };
    assert!(is(&take("summary"), message), "{said:?}");
    for (name, absent) in [("count", "0"), ("duration", "-1")] {
        if trap[name] == absent {
            trap.remove(name);
        }
    }
    let mut line = said.clone();
    line.retain(|name, _| !["state", "severity"].contains(&name.as_str()));
    if let (Some(found), Some(whole)) = (trap.get("reason").cloned(), line.get("reason").cloned())
        && is(&found, &whole)
    {
        trap.insert("reason".to_owned(), whole);
    }
    assert_eq!(trap, line);
    Told { notification: notification.parse().unwrap(), perceived, said }
}

fn sequence(said: &Parameters) -> u64 {
    said["seq"].parse().unwrap()
}

/// Fails unless `clear` ends what `raise` began: one key, another id, and all that says whom it is about.
pub(super) fn ends(raise: &Told, clear: &Told) {
    assert_eq!(["state", "state"].map(|_| raise.is("state")), ["raised"; 2]);
    assert_eq!((clear.is("state"), clear.perceived), ("cleared", 1), "{clear:?}");
    assert_ne!(raise.is("id"), clear.is("id"));
    for name in [
        "key",
        "org",
        "site",
        "site_id",
        "device_type",
        "device",
        "mac",
        "model",
        "port",
        "group",
        "severity",
    ] {
        assert_eq!(raise.is(name), clear.is(name), "{name}");
    }
    assert_eq!(raise.is("first_seen"), clear.is("first_seen"));
    assert_eq!(raise.is("duration"), "", "what is there has no duration yet");
}

/// Some minutes ago, in whole seconds: times that are told as they are.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap() - 1_800
}

/// The one that is posted last.
const LAST: &str = "the last one";

const ENTERPRISE: u32 = 32473;
