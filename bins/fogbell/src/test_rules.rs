//! `fogbell test-rules`: a table of messages, what becomes of each, and which sinks get it.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use alarm::directory::{Device, Lesson, Site};
use alarm::{Alert, Entry, Known};
use ids::{Mac, Timestamp};
use relay::{Config, Rulebook};
use serde::Deserialize;
use serde_json::{Value, json};

/// What to test.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// File with the table; `fogbell test-rules --example` prints one
    #[arg(required_unless_present = "example")]
    file: Option<PathBuf>,
    /// Configuration file; its secrets are not read
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
    /// Print a table to begin with
    #[arg(long)]
    example: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Some tests did not hold, which was printed.
#[derive(Debug)]
pub(crate) struct Unheld;

impl std::fmt::Display for Unheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not all of it holds")
    }
}

impl Error for Unheld {}

/// The whole table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Names that the API would tell, by site id.
    #[serde(default)]
    site: BTreeMap<String, String>,
    /// Names that the API would tell, by MAC.
    #[serde(default)]
    device: BTreeMap<Mac, NamedDevice>,
    #[serde(default)]
    test: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedDevice {
    name: String,
    #[serde(default)]
    site_id: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    serial: String,
    #[serde(default)]
    ip: String,
}

/// Messages that come one after the other, a second apart, and the alerts that they become.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    name: String,
    /// The organisation they are of; default: the first one.
    #[serde(default)]
    org: Option<String>,
    /// The bodies, as JSON.
    #[serde(default)]
    messages: Vec<String>,
    /// Files with bodies, beside the table.
    #[serde(default)]
    files: Vec<PathBuf>,
    /// When the first one comes, RFC 3339.
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    expect: Vec<Expected>,
}

/// What an alert must be: sinks, and any fields of it.
type Expected = BTreeMap<String, toml::Value>;

/// Runs the table and says what does not hold.
pub(crate) fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let Some(file) = args.file.as_ref().filter(|_| !args.example) else {
        return Ok(out.write_all(EXAMPLE.as_bytes())?);
    };
    let config = Config::load(&args.config)?;
    let rulebook = Rulebook::new(&config)?;
    let text =
        fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let table: Table = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    if table.test.is_empty() {
        return Err(format!("`{}` has no [[test]]", file.display()).into());
    }
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    let mut judged = Vec::new();
    for test in &table.test {
        judged.push((test.name.as_str(), check(&config, &rulebook, &table, test, folder)?));
    }
    let failed = judged.iter().filter(|(_, faults)| !faults.is_empty()).count();
    if args.json {
        let tests: Vec<_> = judged
            .iter()
            .map(|(name, faults)| json!({ "name": name, "holds": faults.is_empty(), "faults": faults }))
            .collect();
        let told = json!({ "hold": judged.len() - failed, "do_not": failed, "tests": tests });
        writeln!(out, "{told:#}")?;
    } else {
        for (name, faults) in &judged {
            let verdict = if faults.is_empty() { "ok     " } else { "FAILED " };
            writeln!(out, "{verdict}{name}")?;
            for fault in faults {
                writeln!(out, "       {fault}")?;
            }
        }
        writeln!(out, "{} hold, {failed} do not", judged.len() - failed)?;
    }
    if failed > 0 { Err(Unheld.into()) } else { Ok(()) }
}

/// What does not hold.
fn check(
    config: &Config,
    rulebook: &Rulebook,
    table: &Table,
    test: &Test,
    folder: &Path,
) -> Result<Vec<String>, Box<dyn Error>> {
    let alerts = play(config, rulebook, table, test, folder)?;
    let mut faults = Vec::new();
    if alerts.len() != test.expect.len() {
        faults.push(format!("{} alerts are expected, and {} are made", test.expect.len(), alerts.len()));
    }
    for (index, (alert, expected)) in alerts.iter().zip(&test.expect).enumerate() {
        let fields = fields(alert)?;
        let judged = rulebook.judge(alert);
        for (name, wanted) in expected {
            let n = index + 1;
            if name == "sinks" {
                let mut wanted: Vec<&str> =
                    wanted.as_array().into_iter().flatten().filter_map(toml::Value::as_str).collect();
                let mut found: Vec<&str> = judged.sinks.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                found.sort_unstable();
                if wanted != found {
                    let because = &judged.because;
                    faults.push(format!("alert {n}: sinks are {found:?}, not {wanted:?} ({because})"));
                }
                continue;
            }
            let wanted = match wanted {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            match fields.get(name.as_str()) {
                None => {
                    let known: Vec<_> = fields.keys().copied().collect();
                    faults.push(format!(
                        "alert {n}: an alert has no field `{name}`; there are: sinks, {}",
                        known.join(", ")
                    ));
                }
                Some(found) if *found != wanted => {
                    faults.push(format!("alert {n}: {name} is `{found}`, not `{wanted}`"));
                }
                Some(_) => {}
            }
        }
    }
    for alert in alerts.iter().skip(test.expect.len()) {
        faults.push(format!("one more: {}", crate::tail::line(alert)));
    }
    Ok(faults)
}

/// The alerts that the messages become.
fn play(
    config: &Config,
    rulebook: &Rulebook,
    table: &Table,
    test: &Test,
    folder: &Path,
) -> Result<Vec<Alert>, Box<dyn Error>> {
    let first = config.org.first().map(|org| org.name.as_str());
    let org = test.org.as_deref().or(first).unwrap_or_default();
    let mut bodies: Vec<Vec<u8>> = test.messages.iter().map(|body| body.clone().into_bytes()).collect();
    for file in &test.files {
        let path = folder.join(file);
        bodies.push(
            fs::read(&path)
                .map_err(|error| format!("{}: cannot read `{}`: {error}", test.name, path.display()))?,
        );
    }
    if bodies.is_empty() {
        return Err(format!("test `{}` has neither `messages` nor `files`", test.name).into());
    }
    let at = test.at.as_deref().unwrap_or(AT);
    let at: Timestamp = at.parse().map_err(|_| format!("test `{}`: `at` is no time: {at}", test.name))?;
    let mut interpreter = rulebook.interpreter();
    let mut state = Known::new();
    let mut alerts = Vec::new();
    let lesson = lesson(table);
    let taught = Entry::Learned { org, at, lesson: Box::new(lesson) };
    let mut take = |entry: Entry<'_>| {
        let read = interpreter.read(entry);
        // everything is known, so that it need not be asked what is
        let effects = interpreter.step(&state, read);
        for (key, value) in effects.state {
            match value {
                Some(value) => drop(state.insert(key, value)),
                None => drop(state.remove(&key)),
            }
        }
        alerts.extend(effects.alerts);
    };
    take(taught);
    for (n, body) in bodies.iter().enumerate() {
        let after = i64::try_from(n).unwrap_or(0) * 1_000_000;
        let received = Timestamp::from_micros(at.micros() + after);
        take(Entry::Admitted { org, received, body });
    }
    Ok(alerts)
}

fn lesson(table: &Table) -> Lesson {
    let sites = table.site.iter().map(|(id, name)| (id.clone(), Site { name: name.clone() }));
    let devices = table.device.iter().map(|(mac, device)| {
        let known = Device {
            name: device.name.clone(),
            site_id: device.site_id.clone(),
            kind: device.kind.clone(),
            model: device.model.clone(),
            serial: device.serial.clone(),
            ip: device.ip.clone(),
        };
        (*mac, Some(known))
    });
    Lesson { sites: sites.collect(), devices: devices.collect(), ..Lesson::default() }
}

/// Every field of an alert by its name in structured data, absent ones empty.
fn fields(alert: &Alert) -> Result<BTreeMap<&'static str, String>, Box<dyn Error>> {
    let json = serde_json::to_value(alert)?;
    let text = |name: &str| match &json[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut fields: BTreeMap<&'static str, String> = NAMES.iter().map(|name| (*name, text(name))).collect();
    fields.insert("severity", alert.severity.word().to_owned());
    fields.insert("first_seen", alert.first_seen.to_string());
    fields.insert("last_seen", alert.last_seen.to_string());
    fields.insert("duration", alert.duration_secs.map(|secs| secs.to_string()).unwrap_or_default());
    fields.insert("count", alert.count.to_string());
    Ok(fields)
}

const NAMES: [&str; 22] = [
    "id",
    "key",
    "state",
    "mist_severity",
    "topic",
    "type",
    "group",
    "category",
    "org",
    "site",
    "site_id",
    "device_type",
    "device",
    "mac",
    "model",
    "serial",
    "ip",
    "port",
    "reason",
    "origin",
    "summary",
    "message",
];

/// When messages come whose test does not say.
const AT: &str = "2026-01-01T00:00:00Z";

const EXAMPLE: &str = r#"# What becomes of messages, and which sinks get it: run it with
#     fogbell test-rules --config fogbell.toml rules_test.toml
# Keys of an [[test.expect]] are the fields of an alert, and `sinks`; what is not named is not compared.

[site]
"c510dddd-d26d-4e5a-aecb-55dfa80529ba" = "Lisboa Store 12"

[device.020000000001]
name = "lis12-sw-01"
type = "switch"
site_id = "c510dddd-d26d-4e5a-aecb-55dfa80529ba"

[[test]]
name = "a switch that goes down is critical, and its clear follows it"
messages = [
  '{"topic":"device-updowns","events":[{"type":"SW_DISCONNECTED","mac":"020000000001","timestamp":1767225600}]}',
  '{"topic":"device-updowns","events":[{"type":"SW_CONNECTED","mac":"020000000001","timestamp":1767225634}]}',
]

[[test.expect]]
state = "raised"
severity = "critical"
device = "lis12-sw-01"
site = "Lisboa Store 12"

[[test.expect]]
state = "cleared"
duration = 34
"#;
