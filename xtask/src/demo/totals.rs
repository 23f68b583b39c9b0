//! What the demo came to: posted, answered, delivered.

use std::collections::BTreeSet;
use std::fmt;

/// Counts and alert ids in what the programs printed.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Totals {
    /// Deliveries of the fake Mist cloud.
    posted: usize,
    /// Those answered with 200.
    answered: usize,
    /// Notifications, repeats among them.
    notifications: usize,
    /// Syslog messages, repeats among them.
    messages: usize,
    /// Ids of the alerts in the notifications.
    notified: BTreeSet<String>,
    /// Ids of the alerts in the messages.
    logged: BTreeSet<String>,
}

impl Totals {
    /// What does not add up, one line each.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.posted == 0 {
            wrong.push("nothing was posted".to_owned());
        }
        if self.answered != self.posted {
            wrong.push(format!("{} deliveries were not answered with 200", self.posted - self.answered));
        }
        if self.notified.is_empty() && self.logged.is_empty() {
            wrong.push("no alert was delivered".to_owned());
        }
        let mut missing = |what: &str, has: &BTreeSet<String>, has_not: &BTreeSet<String>| {
            let ids: Vec<&str> = has.difference(has_not).map(String::as_str).collect();
            if !ids.is_empty() {
                wrong.push(format!("{} alerts came {what}, first {}", ids.len(), ids[0]));
            }
        };
        missing("as notification but not as syslog", &self.notified, &self.logged);
        missing("as syslog but not as notification", &self.logged, &self.notified);
        wrong
    }

    /// `TIME TOPIC TYPES STATUS`, where TIME is in RFC 3339; other lines are no deliveries.
    pub(crate) fn add_delivery(&mut self, line: &str) {
        let mut words = line.split(' ');
        if words.next().is_some_and(is_time) {
            self.posted += 1;
            self.answered += usize::from(line.ends_with(" 200"));
        }
    }

    /// A notification begins with its time; its objects follow, indented, one a line.
    pub(crate) fn add_notification(&mut self, line: &str) {
        match line.strip_prefix("    ") {
            Some(object) => self.notified.extend(object.strip_prefix("id = ").and_then(quoted)),
            None => self.notifications += usize::from(line.split(' ').next().is_some_and(is_time)),
        }
    }

    /// A message is one line, with the id in its structured data.
    pub(crate) fn add_message(&mut self, line: &str) {
        if line.split(' ').next().is_some_and(is_time) {
            self.messages += 1;
            self.logged.extend(line.split_once(" id=").and_then(|(_, rest)| quoted(rest)));
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { posted, answered, notifications, messages, notified, logged } = self;
        write!(
            f,
            "{posted} deliveries posted, {answered} answered with 200; \
             {notifications} notifications of {} alerts, {messages} syslog messages of {} alerts",
            notified.len(),
            logged.len()
        )
    }
}

/// Whether a word is a time such as `2026-01-02T03:04:05Z`.
fn is_time(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('T') && word.ends_with('Z')
}

/// What stands between the first quotes.
fn quoted(text: &str) -> Option<String> {
    text.strip_prefix('"')?.split_once('"').map(|(inner, _)| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELIVERED: &str = "2026-01-02T03:04:05.1Z alarms ap_offline 200";
    const NOTIFIED: [&str; 3] = [
        "2026-01-02T03:04:06Z fbAlarmRaised (inform, acknowledged) from 127.0.0.1:5, 612 bytes",
        "    summary = \"AP 7 is down\"",
        "    id = \"00ff\"",
    ];
    const LOGGED: &str = r#"2026-01-02T03:04:06Z syslog tcp 127.0.0.1:6 <11>1 - ap - - x [fogbell@32473 id="00ff" key="1"] down"#;

    fn totals(mist: &[&str], nms: &[&str], siem: &[&str]) -> Totals {
        let mut totals = Totals::default();
        mist.iter().for_each(|line| totals.add_delivery(line));
        nms.iter().for_each(|line| totals.add_notification(line));
        siem.iter().for_each(|line| totals.add_message(line));
        totals
    }

    #[test]
    fn what_arrived_everywhere_adds_up_also_when_some_came_twice() {
        let totals =
            totals(&["seed 5", DELIVERED], &NOTIFIED, &["receiving syslog over TCP", LOGGED, LOGGED]);

        assert_eq!(totals.wrong(), Vec::<String>::new());
        assert_eq!(
            totals.to_string(),
            "1 deliveries posted, 1 answered with 200; 1 notifications of 1 alerts, 2 syslog messages of 1 alerts"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let check = |mist: &[&str], nms: &[&str], siem: &[&str], expect: &[&str]| {
            assert_eq!(totals(mist, nms, siem).wrong(), expect);
        };
        let refused = "2026-01-02T03:04:05Z alarms ap_offline 401";
        check(&[refused], &NOTIFIED, &[LOGGED], &["1 deliveries were not answered with 200"]);
        check(&[DELIVERED], &[], &[LOGGED], &["1 alerts came as syslog but not as notification, first 00ff"]);
        check(&[DELIVERED], &NOTIFIED, &[], &["1 alerts came as notification but not as syslog, first 00ff"]);
        check(&[], &[], &[], &["nothing was posted", "no alert was delivered"]);
    }
}
