//! `docs/interpretation.md` says what the tables and the code do; `UPDATE_GOLDEN=1` writes what follows from them.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use fogbell_alarm::catalogue::{BUNDLED_AS_OF, Role};
use fogbell_alarm::{Catalogue, Rules, Severity, State};
use serde_json::Value;
use webhook::Topic;

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/interpretation.md")
}

fn table(file: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn list(row: &Value, name: &str) -> Vec<String> {
    row[name].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn severities() -> String {
    use Severity::{Critical, Info, Unknown, Warning};
    use State::{Cleared, Event, Raised};
    let mut text = "| severity | state | syslog | CEF | ITU in the MIB |\n|---|---|---|---|---|\n".to_owned();
    for (severity, state, audit, words) in [
        (Critical, Raised, false, "critical | raised, event"),
        (Warning, Raised, false, "warning | raised, event"),
        (Info, Raised, false, "info | raised"),
        (Info, Event, false, "info | event"),
        (Unknown, Event, false, "unknown, leaves as `warning` | event"),
        (Critical, Cleared, false, "any | cleared"),
        (Unknown, Event, true, "of an audit | event"),
    ] {
        let (syslog, itu) = (severity.syslog(state, audit), severity.perceived(state, audit));
        let names = [format!("{syslog:?}"), format!("{itu:?}")].map(|name| name.to_lowercase());
        let cef = severity.cef(state, audit);
        let (syslog, itu) = (syslog as u8, itu as u8);
        writeln!(text, "| {words} | {syslog} {} | {cef} | {itu} {} |", names[0], names[1]).unwrap();
    }
    text
}

fn bounds() -> String {
    let rules = Rules::default();
    let days = rules.expire_after.as_secs() / 86_400;
    let mut text = "| what | how much | for how long |\n|---|---|---|\n".to_owned();
    for (what, much, long) in [
        ("facts that were told", "64 for one topic, id, type and time".to_owned(), "48 hours by the time of the event; 3 days by the day of arrival when its time is not believed; 2 minutes without id and time".to_owned()),
        ("problems that are there", format!("{} (`max_open`); for one more the oldest is cleared with origin `expired`", rules.max_open), format!("until they end, or {days} days and one hour after they were last heard of")),
        ("problems that have ended", "among these".to_owned(), "an hour, so that what is late is known as late; where flapping is damped as long as that counts".to_owned()),
        ("names", "what the API tells of an organisation".to_owned(), "until it tells otherwise".to_owned()),
        ("double subscriptions that were said", "4096".to_owned(), "a day".to_owned()),
    ] {
        writeln!(text, "| {what} | {much} | {long} |").unwrap();
    }
    text
}

fn pairs() -> String {
    let mut text = "| begins | ends | sub-key |\n|---|---|---|\n".to_owned();
    let mut listed = BTreeSet::new();
    for row in table("event_pairs.json").iter().chain(&table("alarm_pairs.json")) {
        let (raise, clear) = (list(row, "raise"), list(row, "clear"));
        let sub_key = row["sub_key"].as_str().map(|sub| format!("`{sub}`")).unwrap_or_default();
        writeln!(text, "| {} | {} | {sub_key} |", quoted(&raise), quoted(&clear)).unwrap();
        listed.extend(raise.iter().chain(&clear).map(|name| name.to_lowercase()));
    }
    text += "\nTwo types of the API's lists belong together besides, when their names differ by opposite endings (`_down` and\n\
             `_up`, `_disconnected` and `_connected`, `_unplugged` and `_plugged`, `_high` and `_normal`, `_hung` and\n\
             `_recovered`, `_failure` and `_success`, `_set` and `_clear`, none and `_clear` or `_cleared`); what is about\n\
             ports, by `port_id`. Of the bundled types these are:\n\n| begins | ends |\n|---|---|\n";
    let catalogue = Catalogue::bundled();
    let keys = table("alarm_defs.json");
    let keys: Vec<&str> = keys.iter().map(|row| row["key"].as_str().unwrap()).collect();
    let meaning = |key: &str| catalogue.meaning(&Topic::Alarms, key);
    for raise in keys.iter().filter(|key| meaning(key).role == Role::Raises && !listed.contains(**key)) {
        let ends =
            |key: &&&str| meaning(key).role == Role::Clears && meaning(key).class == meaning(raise).class;
        let clear: Vec<String> = keys.iter().filter(ends).map(|key| (*key).to_owned()).collect();
        writeln!(text, "| `{raise}` | {} |", quoted(&clear)).unwrap();
    }
    text
}

fn catalogue() -> String {
    let count = |file: &str| table(file).len();
    let alarms = table("alarm_defs.json");
    let graded = alarms.iter().filter(|row| row["severity"].is_string()).count();
    format!(
        "Bundled as of {BUNDLED_AS_OF} (sources in `crates/alarm/data/SOURCE.md`): {} alarm keys, {graded} of them with\n\
         Mist's severity and most of these from 2022; {} device events; {} Mist Edge events. With an API the relay reads\n\
         the current lists, and what they say of a type replaces what is bundled. A type in no list passes through: its\n\
         state, severity and group are what its body says.\n",
        alarms.len(),
        count("device_events.json"),
        count("mxedge_events.json")
    )
}

#[test]
fn the_page_says_what_the_tables_say() {
    let written = fs::read_to_string(document()).unwrap();
    let mut made = written.clone();
    for (name, text) in
        [("severity", severities()), ("bounds", bounds()), ("pairs", pairs()), ("catalogue", catalogue())]
    {
        let head = format!("<!-- {name}: made by crates/alarm/tests/interpretation_doc.rs -->\n");
        let from = made.find(&head).unwrap_or_else(|| panic!("no {name}")) + head.len();
        let to = from + made[from..].find("<!-- end -->").unwrap();
        made.replace_range(from..to, &format!("\n{text}\n"));
    }

    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(document(), &made).unwrap();
        return;
    }
    let difference = written.lines().zip(made.lines()).find(|(written, made)| written != made);
    assert!(
        written == made,
        "docs/interpretation.md differs, first {difference:?}; UPDATE_GOLDEN=1 writes it"
    );
}
