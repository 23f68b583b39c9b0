//! Values that are said in the text too.

use std::fmt::{self, Write};

use tracing::field::{Field, Value, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Gives what is logged to the layer inside with each value in its text as well: `journalctl` shows texts alone, and who
/// looks there needs the reason too.
#[derive(Debug)]
pub(super) struct Spoken<L>(pub(super) L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Spoken<L> {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        self.0.on_new_span(attributes, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Said(Vec::new());
        event.record(&mut said);
        let text = said.text();
        let fields = event.metadata().fields();
        let values = fields.iter().map(|field| match field.name() {
            MESSAGE => Some(&text as &dyn Value),
            name => said.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value as &dyn Value),
        });
        let values: Vec<_> = values.collect();
        self.0.on_event(&Event::new(event.metadata(), &fields.value_set_all(&values)), context);
    }
}

/// Names and values of an event.
struct Said(Vec<(&'static str, String)>);

impl Said {
    /// `refused a request peer=192.0.2.7 reason=path`.
    fn text(&self) -> String {
        let message = self.0.iter().find(|(name, _)| *name == MESSAGE);
        let mut text = message.map_or_else(String::new, |(_, message)| message.clone());
        for (name, value) in self.0.iter().filter(|(name, _)| *name != MESSAGE) {
            let gap = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{gap}{name}={value}");
        }
        text
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

const MESSAGE: &str = "message";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<(&'static str, String)>>>);

    impl<S: Subscriber> Layer<S> for Heard {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut said = Said(Vec::new());
            event.record(&mut said);
            self.0.lock().unwrap().extend(said.0);
        }
    }

    #[test]
    fn a_value_is_in_its_field_and_in_the_text() {
        let heard = Heard::default();
        let subscriber = tracing_subscriber::registry().with(Spoken(heard.clone()));

        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(peer = %"192.0.2.7", reason = "path", status = 404, none = None::<u64>, "refused");
        });

        let mut heard = heard.0.lock().unwrap().clone();
        heard.sort_unstable();
        let expected = [
            ("message", "refused peer=192.0.2.7 reason=path status=404"),
            ("peer", "192.0.2.7"),
            ("reason", "path"),
            ("status", "404"),
        ];
        assert_eq!(heard, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
