//! Texts made of the fields of an alert, in the language of Jinja.

mod names;

use std::sync::Arc;

use alarm::{AlarmKey, Alert, AlertId, Severity, Stamp, State};
use ids::{Mac, Timestamp};
use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, UndefinedBehavior, filters};

use super::colons;
use crate::route::field::{self, Facts, Field, ROOM};

/// A template that was compiled and tried.
#[derive(Debug)]
pub(crate) struct Template {
    environment: Environment<'static>,
}

/// Why a template cannot be used, and where in its text, in bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) what: String,
}

/// Why a template has no text for one alert.
pub(crate) type Unrendered = Box<Error>;

impl Template {
    /// Compiles `source` and tries it, so that no name in it is unknown and nothing is left to fail but what
    /// depends on an alert's values.
    ///
    /// # Errors
    ///
    /// The first fault, with its place.
    pub(crate) fn compile(source: &str) -> Result<Self, Fault> {
        if source.len() > MAX_BYTES {
            let what = format!("this has {} bytes; a template has at most {MAX_BYTES}", source.len());
            return Err(Fault { offset: 0, what });
        }
        if source.trim().is_empty() {
            return Err(Fault {
                offset: 0,
                what: "this says nothing; write a text, or remove it".to_owned(),
            });
        }
        let mut environment = environment();
        let fault = |error: Error| fault(source, &error);
        environment.add_template_owned(NAME, source.to_owned()).map_err(fault)?;
        let this = Self { environment };
        let unknown = this.template().undeclared_variables(false);
        names::check(source, &|name| !unknown.contains(name))?;
        for alert in samples() {
            let stamp = Stamp { relay: "relay", sequence: 1 };
            let node = alert.device.clone();
            match this.render(Context::new(Arc::new(alert), &stamp, &node)) {
                Ok(_) => {}
                Err(error) => return Err(fault(*error)),
            }
        }
        Ok(this)
    }

    /// The text for an alert, on one line; without anything to say, the alert's own.
    pub(crate) fn render(&self, context: Context) -> Result<String, Unrendered> {
        let alert = Arc::clone(&context.alert);
        let text = self.template().render(Value::from_object(context)).map_err(Box::new)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut line = String::with_capacity(text.len());
        for part in lines {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(part);
        }
        if line.is_empty() {
            let own = if alert.message.is_empty() { &alert.summary } else { &alert.message };
            line.push_str(own);
        }
        Ok(line)
    }

    fn template(&self) -> minijinja::Template<'_, '_> {
        self.environment.get_template(NAME).expect("it was added when this was made")
    }
}

/// What a template is told of.
#[derive(Debug)]
pub(crate) struct Context {
    alert: Arc<Alert>,
    relay: String,
    sequence: u64,
    node: String,
}

impl Context {
    /// `alert` with what a delivery adds to it; `node` is the device's name at the receiver.
    pub(crate) fn new(alert: Arc<Alert>, stamp: &Stamp<'_>, node: &str) -> Self {
        Self { alert, relay: stamp.relay.to_owned(), sequence: stamp.sequence, node: node.to_owned() }
    }
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            NODE => self.node.as_str().into(),
            RELAY => self.relay.as_str().into(),
            SEQUENCE => self.sequence.into(),
            name => match Facts::told(&self.alert).value(Field::named(name)?, &mut [0; ROOM]) {
                field::Value::Text(text) => text.into(),
                field::Value::Number(number) => number.into(),
            },
        })
    }
}

/// Whether a template may ask for `name`.
fn is_known(name: &str) -> bool {
    matches!(name, NODE | RELAY | SEQUENCE) || Field::named(name).is_some()
}

/// Everything a template may ask for, for people.
fn known() -> String {
    let fields = Field::ALL.map(Field::name).join(", ");
    format!("{fields}, {NODE}, {SEQUENCE}, {RELAY}")
}

/// No template knows more than this: no other template, no file, no function.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(true);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("title", filters::title);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("default", filters::default);
    environment.add_filter("length", filters::length);
    environment.add_filter("split", filters::split);
    environment.add_filter("join", filters::join);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", filters::int);
    environment.add_filter("round", filters::round);
    environment.add_filter("colons", |digits: &str| colons(digits));
    environment
}

/// The names of those filters.
const FILTERS: [&str; 15] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "replace",
    "default",
    "length",
    "split",
    "join",
    "first",
    "last",
    "int",
    "round",
    "colons",
];

/// What the engine says is wrong, in one line and with its place.
fn fault(source: &str, error: &Error) -> Fault {
    let line = error.line().unwrap_or(1).saturating_sub(1);
    let line_start = || source.split_inclusive('\n').take(line).map(str::len).sum();
    let offset = error.range().map_or_else(line_start, |range| range.start);
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Fault { offset: offset.min(source.len()), what: what.lines().next().unwrap_or_default().to_owned() }
}

/// Alerts of which everything is known, and one of which nothing is.
fn samples() -> Vec<Alert> {
    let alert = || {
        Alert::new(AlertId::of(&[b"a"]), AlarmKey::of(&[b"b"]), "alarms", "switch_down", Timestamp::default())
    };
    let full = |state, severity| {
        let mut alert = alert();
        alert.state = state;
        alert.severity = severity;
        for field in [
            &mut alert.mist_severity,
            &mut alert.group,
            &mut alert.category,
            &mut alert.org,
            &mut alert.site,
            &mut alert.site_id,
            &mut alert.device_type,
            &mut alert.device,
            &mut alert.model,
            &mut alert.serial,
            &mut alert.ip,
            &mut alert.port,
            &mut alert.reason,
            &mut alert.summary,
            &mut alert.message,
        ] {
            *field = "some text".repeat(10).into();
        }
        alert.mac = Some(Mac::new([0x5c, 0x5b, 0x35, 0x1e, 0x13, 0xb5]));
        alert.count = 3;
        alert.duration_secs = Some(240);
        alert
    };
    vec![
        alert(),
        full(State::Raised, Severity::Critical),
        full(State::Cleared, Severity::Warning),
        full(State::Event, Severity::Info),
    ]
}

const NAME: &str = "text";
const NODE: &str = "node";
const RELAY: &str = "relay";
const SEQUENCE: &str = "seq";

/// The longest template.
const MAX_BYTES: usize = 16 << 10;

/// How many steps a template may take for one alert.
const FUEL: u64 = 20_000;

#[cfg(test)]
mod tests;
