//! A template for Zabbix.
//!
//! Source: the documentation of Zabbix 6.0, "SNMP traps", "Templates" of "Configuration export/import", and "Trigger-based
//! event correlation"; 7.0 reads exports of 6.0. An item takes both the raises and the clears of problems, since correlation
//! closes what the same trigger opened, and the tag must be read from the trap that just came. Patterns have no
//! backslash: what one means inside of an expression is not the same in 6.0 and in 7.0.

use std::fmt::Write as _;

use alarm::{AlertId, State};
use snmp::{Mib, Object, Trap};

use super::Piece;
use super::grades::{Grade, grades};

pub(super) fn pieces(mib: &Mib) -> Vec<Piece> {
    let mut out = Lines(String::new());
    out.put(0, "# Template for FOGBELL-MIB, written by `fogbell pack zabbix`.");
    out.put(0, "zabbix_export:");
    out.put(1, "version: '6.0'");
    out.put(1, "groups:");
    out.first(2, "uuid", &uuid("group"));
    out.put(3, &format!("name: {}", quoted(GROUP)));
    out.put(1, "templates:");
    out.first(2, "uuid", &uuid("template"));
    for (key, value) in [("template", TEMPLATE), ("name", TEMPLATE), ("description", ABOUT)] {
        out.put(3, &format!("{key}: {}", quoted(value)));
    }
    out.put(3, "groups:");
    out.first(4, "name", GROUP);
    out.put(3, "items:");
    for item in &ITEMS {
        put_item(&mut out, mib, item);
    }
    out.put(3, "macros:");
    out.first(4, "macro", SILENCE);
    out.put(5, "value: '15m'");
    out.put(
        5,
        "description: 'How long no heartbeat may come; at least three times heartbeat_secs of the sink'",
    );
    vec![Piece { path: "fogbell.yaml", text: out.0 }]
}

/// An item, and the notifications that it takes.
struct Item {
    name: &'static str,
    takes: &'static [Trap],
}

const ITEMS: [Item; 5] = [
    Item {
        name: "Problems",
        takes: &[Trap::AlarmRaised, Trap::AlarmCleared, Trap::DeviceDown, Trap::DeviceUp],
    },
    Item { name: "Problems of the relay", takes: &[Trap::RelayRaised, Trap::RelayCleared] },
    Item { name: "Events", takes: &[Trap::Event] },
    Item { name: "Audits", takes: &[Trap::Audit] },
    Item { name: "Heartbeats", takes: &[Trap::Heartbeat] },
];

fn put_item(out: &mut Lines, mib: &Mib, item: &Item) {
    let key = item_key(mib, item);
    out.first(4, "uuid", &uuid(item.name));
    out.put(5, &format!("name: {}", quoted(&format!("Fogbell: {}", item.name))));
    out.put(5, "type: SNMP_TRAP");
    out.put(5, &format!("key: {}", quoted(&key)));
    out.put(5, "delay: '0'");
    out.put(5, "trends: '0'");
    out.put(5, "value_type: LOG");
    let about: Vec<String> =
        item.takes.iter().map(|trap| format!("{}: {}", trap.name(), trap.about())).collect();
    out.put(5, &format!("description: {}", quoted(&about.join("\n"))));
    out.put(5, "logtimefmt: 'hh:mm:ss yyyy/MM/dd'");
    out.put(5, "tags:");
    out.first(6, "tag", "component");
    out.put(7, "value: 'fogbell'");
    let triggers = triggers(mib, item, &key);
    if !triggers.is_empty() {
        out.put(5, "triggers:");
        triggers.iter().for_each(|trigger| put_trigger(out, mib, trigger));
    }
}

/// The key of an item: the name of a notification, or its number.
fn item_key(mib: &Mib, item: &Item) -> String {
    let names: Vec<&str> = item.takes.iter().map(|trap| trap.name()).collect();
    let numbers: Vec<String> = item.takes.iter().map(|trap| (*trap as u8).to_string()).collect();
    let (names, numbers, number) = (names.join("|"), numbers.join("|"), mib.enterprise());
    let object = "(snmpTrapOID|[.]6[.]3[.]1[.]1[.]4[.]1)[.]0";
    format!("snmptrap[\"{object} .*(({names})|[.]{number}[.]1[.]0[.]({numbers}))([^0-9A-Za-z.]|$)\"]")
}

struct Trigger {
    name: String,
    expression: String,
    recovery: Option<String>,
    /// Whether it is about a problem that something else may end.
    correlated: bool,
    priority: &'static str,
}

fn triggers(mib: &Mib, item: &Item, key: &str) -> Vec<Trigger> {
    let found = |object: Object, number: i32| {
        let pattern = value_pattern(mib, object, &number.to_string());
        format!("find(/{TEMPLATE}/{key},,\"regexp\",\"{pattern}\")=1")
    };
    let number_of =
        |word: &str| Object::State.values().iter().find(|(name, _)| *name == word).map(|(_, it)| *it);
    if item.takes.contains(&Trap::Heartbeat) {
        return vec![Trigger {
            name: "Fogbell: no heartbeat".to_owned(),
            expression: format!("nodata(/{TEMPLATE}/{key},{SILENCE})=1"),
            recovery: None,
            correlated: false,
            priority: "HIGH",
        }];
    }
    let first = item.takes[0];
    let Some(state) = number_of(first.state().word()) else { return Vec::new() };
    let ends = item.takes.iter().any(|trap| trap.state() == State::Cleared);
    grades(first)
        .into_iter()
        .filter(|grade| ends || matches!(grade.name, "critical" | "minor"))
        .map(|grade| Trigger {
            name: format!("Fogbell: {}, {}", item.name.to_lowercase(), grade.name),
            expression: format!(
                "{} and {}",
                found(Object::State, state),
                found(Object::Severity, grade.number)
            ),
            recovery: number_of(State::Cleared.word())
                .filter(|_| ends)
                .map(|cleared| found(Object::State, cleared)),
            correlated: true,
            priority: priority(grade),
        })
        .collect()
}

fn put_trigger(out: &mut Lines, mib: &Mib, trigger: &Trigger) {
    out.first(6, "uuid", &uuid(&trigger.name));
    out.put(7, &format!("expression: {}", quoted(&trigger.expression)));
    match &trigger.recovery {
        Some(recovery) => {
            out.put(7, "recovery_mode: RECOVERY_EXPRESSION");
            out.put(7, &format!("recovery_expression: {}", quoted(recovery)));
            out.put(7, "correlation_mode: TAG_VALUE");
            out.put(7, &format!("correlation_tag: {TAG}"));
        }
        None if trigger.correlated => out.put(7, "recovery_mode: NONE"),
        None => {}
    }
    out.put(7, &format!("name: {}", quoted(&trigger.name)));
    if trigger.correlated {
        out.put(7, &format!("event_name: {}", quoted(&read(mib, Object::Summary))));
        out.put(7, &format!("opdata: {}", quoted(&read(mib, Object::DeviceName))));
    }
    out.put(7, &format!("priority: {}", trigger.priority));
    if trigger.correlated {
        out.put(7, "type: MULTIPLE");
        out.put(7, "manual_close: 'YES'");
        out.put(7, "tags:");
        let tags = [
            (TAG, Object::AlarmKey),
            ("device", Object::DeviceName),
            ("site", Object::SiteName),
            ("type", Object::Type),
        ];
        for (tag, object) in tags {
            out.first(8, "tag", tag);
            out.put(9, &format!("value: {}", quoted(&read(mib, object))));
        }
    }
}

/// The macro that reads the text of an object out of the trap.
fn read(mib: &Mib, object: Object) -> String {
    let name = named(mib, object);
    // net-snmp puts a text between quotes, and a quote in it behind a backslash
    format!(
        "{{{{ITEM.VALUE}}.regsub(\"{name}[.]0 +type=[0-9]+ +value=STRING: [^A-Za-z0-9]?([^\\\"]*)\",\"\\2\")}}"
    )
}

/// What matches an object that has this number, with its name around it or not.
fn value_pattern(mib: &Mib, object: Object, number: &str) -> String {
    format!("{}[.]0 +type=[0-9]+ +value=INTEGER: [a-z]*[(]?{number}([^0-9]|$)", named(mib, object))
}

/// An object by its name or its number; one group.
fn named(mib: &Mib, object: Object) -> String {
    format!("({}|[.]{}[.]1[.]1[.]{})", object.name(), mib.enterprise(), object as u8)
}

/// Zabbix' word for a severity.
fn priority(grade: Grade) -> &'static str {
    match grade.name {
        "critical" => "HIGH",
        "major" | "minor" => "AVERAGE",
        "warning" => "WARNING",
        _ => "INFO",
    }
}

/// A number for what is named `name` that is the same in every pack, so that a later one updates what was imported. In the
/// form of a random one (RFC 9562 5.4), as Zabbix asks for.
fn uuid(name: &str) -> String {
    let mut digits = AlertId::of(&[b"zabbix", name.as_bytes()]).to_string();
    digits.replace_range(12..13, "4");
    digits.replace_range(16..17, "8");
    digits
}

/// `text` as a scalar between double quotes, whose escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// YAML, two spaces a level.
struct Lines(String);

impl Lines {
    fn put(&mut self, level: usize, text: &str) {
        writeln!(self.0, "{:indent$}{text}", "", indent = level * 2).expect("a String takes everything");
    }

    /// The first key of an element of a list.
    fn first(&mut self, level: usize, key: &str, value: &str) {
        self.put(level, &format!("- {key}: {}", quoted(value)));
    }
}

const TEMPLATE: &str = "Fogbell by SNMP traps";
const GROUP: &str = "Templates/Network devices";
const SILENCE: &str = "{$FOGBELL.SILENCE}";
const TAG: &str = "fogbell_key";

const ABOUT: &str = "Traps of Fogbell, a relay for Juniper Mist webhooks. Link it to a host whose SNMP interface has the \
                     address of the relay. A problem closes when the clear with the same alarm key comes.";
