//! `fogbell explain`: what becomes of a message, or became of an alert, and why.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use alarm::{Alert, Entry, Interpreter, Known};
use ids::Timestamp;
use relay::{ALERT, Config, Judged, Outcome, Rulebook, STATE, Sent, Setup};
use serde_json::{Value, json};
use snmp::{Object, Value as Varbind};

use crate::certificate::Make;
use crate::secrets::Secrets;
use crate::tail::{line, printable};
use crate::{alerts, open, socket};

mod as_json;

/// What to explain.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A file with the body of a webhook, `-` for standard input; or the beginning of an alert's id
    what: String,
    /// Configuration file
    #[arg(short, long, default_value = "/etc/fogbell/fogbell.toml")]
    config: PathBuf,
    /// The organisation that the body is of; default: the first one
    #[arg(long)]
    org: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What there is to tell.
struct Told {
    /// When the message came, and from whom.
    received: Option<(Timestamp, String)>,
    /// Its organisation and body.
    message: Option<(String, Vec<u8>)>,
    /// When the alert was made, and its place in the outbox.
    made: Option<(Timestamp, u64)>,
    notes: Vec<&'static str>,
    /// The alerts, each with its place in the outbox.
    alerts: Vec<(Alert, u64)>,
}

/// Prints events, interpretation, routes and what each sink is sent.
pub(crate) fn show(args: &Args) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config)?;
    let setup = open::setup(&config, Make::Nothing, &Secrets::of(&config))?;
    let is_id = (4..=32).contains(&args.what.len()) && args.what.bytes().all(|byte| byte.is_ascii_hexdigit());
    let told = if args.what == "-" || Path::new(&args.what).exists() || !is_id {
        of_body(&config, args.org.as_deref(), read(&args.what)?)?
    } else {
        of_alert(&config, &args.what)?
    };
    let mut out = io::stdout().lock();
    match args.json {
        true => Ok(writeln!(out, "{:#}", as_json::all(&setup, &told))?),
        false => show_told(&mut out, &setup, &told),
    }
}

fn read(what: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut body = Vec::new();
    match what {
        "-" => io::stdin().take(MAX_BODY).read_to_end(&mut body)?,
        path => fs::File::open(path)
            .map_err(|error| format!("cannot read `{path}`, and it is no alert's id: {error}"))?
            .take(MAX_BODY)
            .read_to_end(&mut body)?,
    };
    Ok(body)
}

/// A body as if it came now.
fn of_body(config: &Config, org: Option<&str>, body: Vec<u8>) -> Result<Told, Box<dyn Error>> {
    let known: Vec<&str> = config.org.iter().map(|org| org.name.as_str()).collect();
    let org = org.or_else(|| known.first().copied()).unwrap_or_default();
    if !known.contains(&org) {
        return Err(format!("no organisation is called `{org}`; there are: {}", known.join(", ")).into());
    }
    let mut interpreter = Rulebook::new(config)?.interpreter();
    let running = socket::is_running(config).unwrap_or(false);
    let entry = Entry::Admitted { org, received: Timestamp::now(), body: &body };
    let alerts = interpret(config, &mut interpreter, entry, running)?;
    let mut notes = vec!["as if nothing had been told before: a clear finds no raise, a repeat no original"];
    if !running {
        notes.insert(0, "no relay runs here: names that only the directory has are missing");
    }
    Ok(Told {
        received: None,
        message: Some((org.to_owned(), body)),
        made: None,
        notes,
        alerts: alerts.into_iter().map(|alert| (alert, 0)).collect(),
    })
}

/// Interprets an entry with the names that a running relay knows.
fn interpret(
    config: &Config,
    interpreter: &mut Interpreter,
    entry: Entry<'_>,
    running: bool,
) -> Result<Vec<Alert>, Box<dyn Error>> {
    let read = interpreter.read(entry);
    let mut known = Known::new();
    for _ in 0..2 {
        let mut keys = interpreter.keys(&read, &known);
        // what was seen before would hide it
        keys.retain(|key| key.starts_with(b"name/") && !known.contains_key(key));
        if !running || keys.is_empty() {
            break;
        }
        for some in keys.chunks(KEYS_AT_ONCE) {
            let digits: Vec<String> = some.iter().map(|key| relay::digits(key)).collect();
            let answer = alerts::ask(config, &json!({ "command": STATE, "keys": digits }))?;
            for (key, value) in answer.as_object().into_iter().flatten() {
                let row = relay::bytes_of(key).zip(value.as_str().and_then(relay::bytes_of));
                known.extend(row.map(|(key, value)| (key.into(), value.into())));
            }
        }
    }
    Ok(interpreter.step(&known, read).alerts)
}

/// An alert that is kept, with the message it was made of.
fn of_alert(config: &Config, id: &str) -> Result<Told, Box<dyn Error>> {
    let found = alerts::ask(config, &json!({ "command": ALERT, "id": id }))?;
    let alert: Alert = serde_json::from_value(found["alert"].clone())?;
    let sequence = found["position"].as_u64().unwrap_or(0);
    let at = |value: &Value| Timestamp::from_micros(value["at"].as_i64().unwrap_or(0));
    let message = &found["message"];
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    Ok(Told {
        received: (!message.is_null()).then(|| (at(message), text("peer"))),
        message: (!message.is_null()).then(|| (text("org"), text("body").into_bytes())),
        made: Some((at(&found), sequence)),
        notes: Vec::new(),
        alerts: vec![(alert, sequence)],
    })
}

fn show_told(out: &mut impl Write, setup: &Setup, told: &Told) -> Result<(), Box<dyn Error>> {
    if let Some((at, peer)) = &told.received {
        writeln!(out, "received  {at} from {peer}")?;
    }
    match &told.message {
        Some((org, body)) => show_message(out, org, body)?,
        None => writeln!(
            out,
            "message   not kept, or none: it was made of what the relay itself found, or of several messages"
        )?,
    }
    for note in &told.notes {
        writeln!(out, "note      {note}")?;
    }
    if let Some((at, place)) = &told.made {
        writeln!(out, "made      {at}, place {place} of the outbox")?;
    }
    for (alert, sequence) in &told.alerts {
        show_alert(out, setup, alert, *sequence)?;
    }
    Ok(())
}

fn show_message(out: &mut impl Write, org: &str, body: &[u8]) -> io::Result<()> {
    match webhook::Message::parse(body) {
        Ok(message) => {
            let events = message.events.len();
            writeln!(out, "message   of {}, topic {}, {events} events", printable(org), message.topic)?;
            for (index, event) in message.events.iter().enumerate() {
                writeln!(out, "event {:<4}{}", index + 1, printable(event.get()))?;
            }
            Ok(())
        }
        Err(error) => writeln!(out, "message   cannot be read: {error}"),
    }
}

fn show_alert(
    out: &mut impl Write,
    setup: &Setup,
    alert: &Alert,
    sequence: u64,
) -> Result<(), Box<dyn Error>> {
    writeln!(out)?;
    writeln!(out, "alert     {}", line(alert))?;
    let fields = serde_json::to_value(alert)?;
    for (name, value) in fields.as_object().into_iter().flatten() {
        let told = match value {
            Value::String(text) => printable(text),
            other => other.to_string(),
        };
        if !["summary", "first_seen", "last_seen"].contains(&name.as_str()) {
            writeln!(out, "          {name} = {told}")?;
        }
    }
    writeln!(out, "          first_seen = {}, last_seen = {}", alert.first_seen, alert.last_seen)?;
    let judged = setup.judge(alert);
    show_routes(out, &judged)?;
    for shown in setup.show(alert, sequence) {
        writeln!(out, "sink      {} at {}", shown.sink, shown.receiver)?;
        match shown.sent {
            Sent::Line { bytes, truncated } => {
                writeln!(out, "          {}", printable(&String::from_utf8_lossy(&bytes)))?;
                if truncated {
                    writeln!(out, "          (shortened to fit)")?;
                }
            }
            Sent::Notification(notification) => {
                writeln!(out, "          {}", notification.trap)?;
                for object in Object::ALL {
                    writeln!(out, "          {}.0 = {}", object.name(), told(notification.value(object)))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn show_routes(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    for route in &judged.routes {
        let said = match &route.outcome {
            Outcome::Matched => "matched".to_owned(),
            Outcome::Unmatched { because } => format!("not matched: {because}"),
            Outcome::Failed { because } => format!("has no value, which is no match: {because}"),
            _ => "not asked: a route above matched and ended there".to_owned(),
        };
        writeln!(out, "route {:<4}{}: {}", route.index + 1, printable(&route.name), printable(&said))?;
    }
    let sinks = match judged.sinks.as_slice() {
        [] => "none".to_owned(),
        sinks => sinks.join(", "),
    };
    writeln!(out, "sinks     {sinks} ({})", printable(&judged.because))?;
    for left in &judged.left_out {
        writeln!(out, "          not {}: {}", left.sink, printable(&left.because))?;
    }
    Ok(())
}

fn told(value: &Varbind) -> String {
    match value {
        Varbind::Integer(number) => number.to_string(),
        Varbind::Gauge32(number) => number.to_string(),
        Varbind::Counter64(number) => number.to_string(),
        Varbind::OctetString(text) => format!("\"{}\"", printable(&String::from_utf8_lossy(text.bytes()))),
        Varbind::IpAddress(address) => address.to_string(),
    }
}

/// What is read of a file at most; no message is longer.
const MAX_BODY: u64 = 16 << 20;

const KEYS_AT_ONCE: usize = 500;
