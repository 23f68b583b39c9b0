//! An app for Splunk.
//!
//! Source: the specifications of props.conf, transforms.conf, eventtypes.conf and tags.conf, and "Alerts" of the Common
//! Information Model. What the model calls `type` and `severity` is computed; what Mist calls so stays as `mist_type` and
//! `fogbell_severity`. Calculations read what was extracted, never each other.

use super::Piece;
use super::lines::{self, Pattern};

pub(super) fn pieces() -> Vec<Piece> {
    let piece = |path, text: String| Piece { path, text };
    vec![
        piece("default/app.conf", app()),
        piece("default/props.conf", props()),
        piece("default/transforms.conf", transforms()),
        piece("default/eventtypes.conf", EVENT_TYPES.to_owned()),
        piece("default/tags.conf", "[eventtype=fogbell_alert]\nalert = enabled\n".to_owned()),
        piece("default/savedsearches.conf", SEARCHES.to_owned()),
        piece(
            "metadata/default.meta",
            "[]\naccess = read : [ * ], write : [ admin ]\nexport = system\n".to_owned(),
        ),
    ]
}

fn app() -> String {
    format!(
        "[launcher]\nauthor = The Fogbell authors\ndescription = Alerts of Fogbell, a relay for Juniper Mist webhooks\n\
         version = {}\n\n[ui]\nis_visible = false\nlabel = Fogbell\n\n[package]\nid = fogbell\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// A format of syslog.
struct Format {
    name: &'static str,
    /// Where the time stands, and how it is written; all are UTC.
    time: [&'static str; 2],
    host: &'static str,
    /// What finds the fields when a search is made.
    fields: &'static str,
    /// Keys of its own.
    own: &'static str,
}

const NEW_TIME: [&str; 2] = [r"^(?:<\d+>)?1\s", "%Y-%m-%dT%H:%M:%S.%3NZ"];
const OLD_TIME: [&str; 2] = [r"^(?:<\d+>)?", "%b %d %H:%M:%S"];

const FORMATS: [Format; 4] = [
    Format {
        name: "rfc5424",
        time: NEW_TIME,
        host: "fogbell_host",
        fields: "REPORT-fogbell = fogbell_rfc5424",
        own: "",
    },
    Format {
        name: "rfc3164",
        time: OLD_TIME,
        host: "fogbell_host_rfc3164",
        fields: "REPORT-fogbell = fogbell_rfc3164",
        own: "",
    },
    Format {
        name: "json",
        time: NEW_TIME,
        host: "fogbell_host, fogbell_object",
        fields: "KV_MODE = json",
        own: "",
    },
    Format {
        name: "cef",
        time: OLD_TIME,
        host: "fogbell_host_rfc3164",
        fields: "REPORT-fogbell = fogbell_cef",
        own: "EVAL-ip = coalesce(ip, ip_text)\nEVAL-mac = replace(mac, \":\", \"\")\n",
    },
];

fn props() -> String {
    let mut text = String::from(PROPS);
    for format in &FORMATS {
        let (name, [prefix, time]) = (format.name, format.time);
        let automatic = if format.fields.starts_with("KV_MODE") { "" } else { "KV_MODE = none\n" };
        text += &format!(
            "\n[fogbell:{name}]\nSHOULD_LINEMERGE = false\nLINE_BREAKER = ([\\r\\n]+)\nTRUNCATE = 16384\nTZ = UTC\n\
             TIME_PREFIX = {prefix}\nTIME_FORMAT = {time}\nMAX_TIMESTAMP_LOOKAHEAD = 32\n{automatic}\
             TRANSFORMS-fogbell = {}\n{}\n{MODEL}{}",
            format.host, format.fields, format.own
        );
    }
    text
}

fn transforms() -> String {
    let head = r"^(?:<\d+>)?1 \S+ (\S+)";
    let old = r"^(?:<\d+>)?[A-Z][a-z][a-z] [ \d]\d [\d:]+ (\S+)";
    let to_host = "FORMAT = host::$1\nDEST_KEY = MetaData:Host\n";
    let mut text = format!(
        "# What takes lines of Fogbell apart, written by `fogbell pack splunk`.\n\n\
         [fogbell_host]\nREGEX = {head}\n{to_host}\n[fogbell_host_rfc3164]\nREGEX = {old}\n{to_host}\n\
         # of the format json the object alone is kept\n[fogbell_object]\nREGEX = {}\nFORMAT = $1\nDEST_KEY = _raw\n",
        lines::json(only_the_object)
    );
    for (name, pattern) in [
        ("rfc5424", lines::rfc5424(capture)),
        ("rfc3164", lines::rfc3164(capture)),
        ("cef", lines::cef(capture)),
    ] {
        text += &format!("\n[fogbell_{name}]\nREGEX = {pattern}\n");
    }
    text
}

fn capture(name: &str, pattern: Pattern) -> String {
    format!("(?<{name}>{})", pattern.expression())
}

fn only_the_object(_: &str, pattern: Pattern) -> String {
    match pattern {
        Pattern::Object => format!("({})", pattern.expression()),
        _ => pattern.expression().to_owned(),
    }
}

const PROPS: &str = "\
# Sourcetypes for the formats of Fogbell's syslog, written by `fogbell pack splunk`.
# Give the input the one that is named as `format` of the sink.
";

/// The fields of the Common Information Model, the same for every format.
const MODEL: &str = "\
EVAL-app = \"fogbell\"
EVAL-vendor_product = \"Fogbell\"
EVAL-mist_type = type
EVAL-fogbell_severity = severity
EVAL-signature = type
EVAL-signature_id = type
EVAL-description = msg
EVAL-dest = coalesce(device, site, relay)
EVAL-type = if(state==\"event\", \"event\", \"alarm\")
EVAL-severity = case(state==\"cleared\", \"informational\", severity==\"critical\", \"critical\", severity==\"warning\", \"medium\", severity==\"info\", \"informational\", true(), \"unknown\")
";

const EVENT_TYPES: &str = "\
[fogbell_alert]
search = sourcetype=\"fogbell:*\" mist_type!=\"heartbeat\"

[fogbell_heartbeat]
search = sourcetype=\"fogbell:*\" mist_type=\"heartbeat\"
";

const SEARCHES: &str = "\
[Fogbell: open problems]
description = Problems whose clear has not come yet; the clear has the key of its raise
dispatch.earliest_time = -7d
search = eventtype=fogbell_alert state IN (\"raised\", \"cleared\") | sort 0 - seq | dedup relay, id | stats earliest(_time) AS since latest(state) AS state latest(fogbell_severity) AS severity latest(description) AS description latest(dest) AS dest latest(site) AS site BY key | where state=\"raised\" | convert ctime(since) | sort severity, since

[Fogbell: relays that are silent]
description = Relays whose last heartbeat is older than 15 minutes
dispatch.earliest_time = -1d
search = eventtype=fogbell_heartbeat | stats latest(_time) AS last BY relay | where last < relative_time(now(), \"-15m\") | convert ctime(last)
";
