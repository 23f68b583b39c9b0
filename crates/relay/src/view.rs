//! An alert as one sink shows it: the device by the name the receiver binds by, and a text of its own; pure.

pub(crate) mod template;

use std::borrow::Cow;
use std::sync::Arc;

use alarm::{Alert, Stamp};

use crate::config::Node;
use template::{Context, Template, Unrendered};

/// What a sink changes of an alert before it is encoded.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) node: Node,
    /// A domain with a dot in front.
    pub(crate) suffix: Option<String>,
    pub(crate) template: Option<Template>,
}

impl View {
    /// `alert` as the sink shows it, and why its template could not be used; without anything to change, the
    /// alert itself.
    pub(crate) fn of<'a>(
        &self,
        alert: &'a Arc<Alert>,
        stamp: &Stamp<'_>,
    ) -> (Cow<'a, Alert>, Option<Unrendered>) {
        let node = self.node(alert);
        let text = self.template.as_ref().map(|template| {
            let node = node.as_deref().unwrap_or(&alert.device);
            template.render(Context::new(Arc::clone(alert), stamp, node))
        });
        if node.is_none() && !matches!(text, Some(Ok(_))) {
            return (Cow::Borrowed(alert), text.and_then(Result::err));
        }
        let mut shown = Alert::clone(alert);
        if let Some(node) = node {
            shown.device = node.into();
        }
        let failed = match text {
            Some(Ok(text)) => {
                // of an audit the message leaves in place of the summary
                if !shown.message.is_empty() {
                    shown.message = text.as_str().into();
                }
                shown.summary = text.into();
                None
            }
            Some(Err(failed)) => Some(failed),
            None => None,
        };
        (Cow::Owned(shown), failed)
    }

    /// What names the device; none when that is its name.
    fn node(&self, alert: &Alert) -> Option<String> {
        let other = match self.node {
            Node::Name => None,
            Node::Ip => Some(alert.ip.to_string()).filter(|ip| !ip.is_empty()),
            Node::Mac => alert.mac.map(|mac| mac.to_string()),
            Node::MacColons => alert.mac.map(|mac| colons(&mac.to_string())),
        };
        let suffix =
            self.suffix.as_deref().filter(|_| !alert.device.is_empty() && !alert.device.contains('.'));
        other.or_else(|| suffix.map(|suffix| format!("{}{suffix}", alert.device)))
    }
}

/// A MAC of twelve digits with colons.
pub(crate) fn colons(digits: &str) -> String {
    let mut mac = String::with_capacity(17);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 2 == 0 {
            mac.push(':');
        }
        mac.push(digit);
    }
    mac
}

#[cfg(test)]
mod tests {
    use alarm::{AlarmKey, AlertId};
    use ids::Timestamp;

    use super::*;

    const STAMP: Stamp<'static> = Stamp { relay: "relay-a", sequence: 7 };

    fn alert() -> Arc<Alert> {
        let mut alert = Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "x", Timestamp::default());
        alert.device = "core-1".into();
        alert.ip = "10.2.3.4".into();
        alert.mac = Some("5c5b351e13b5".parse().unwrap());
        alert.summary = "x: core-1 is down".into();
        Arc::new(alert)
    }

    #[test]
    fn without_anything_to_change_it_is_the_alert_itself() {
        let alert = alert();

        assert!(matches!(View::default().of(&alert, &STAMP), (Cow::Borrowed(_), None)));
    }

    #[test]
    fn a_device_is_named_as_the_receiver_binds() {
        let check = |node, suffix: Option<&str>, change: fn(&mut Alert), expect: &str| {
            let view = View { node, suffix: suffix.map(str::to_owned), template: None };
            let mut alert = alert();
            change(Arc::make_mut(&mut alert));
            let (shown, _) = view.of(&alert, &STAMP);
            assert_eq!(shown.device, expect, "{view:?}");
            assert_eq!(shown.summary, alert.summary);
        };
        let as_it_is = |_: &mut Alert| ();
        let suffix = Some(".example.net");
        check(Node::Name, None, as_it_is, "core-1");
        check(Node::Name, suffix, as_it_is, "core-1.example.net");
        check(Node::Name, suffix, |alert| alert.device = "core-1.lab".into(), "core-1.lab");
        check(Node::Name, suffix, |alert| alert.device.clear(), "");
        check(Node::Ip, suffix, as_it_is, "10.2.3.4");
        check(Node::Ip, suffix, |alert| alert.ip.clear(), "core-1.example.net");
        check(Node::Ip, None, |alert| alert.ip.clear(), "core-1");
        check(Node::Mac, suffix, as_it_is, "5c5b351e13b5");
        check(Node::MacColons, None, as_it_is, "5c:5b:35:1e:13:b5");
        check(Node::MacColons, suffix, |alert| alert.mac = None, "core-1.example.net");
        check(Node::Mac, None, |alert| alert.device.clear(), "5c5b351e13b5");
    }

    #[test]
    fn a_template_takes_the_place_of_summary_and_message() {
        let view =
            |source: &str| View { template: Some(Template::compile(source).unwrap()), ..View::default() };
        let alert = alert();
        let (shown, failed) = view("{{ type }} on {{ device }}").of(&alert, &STAMP);
        assert_eq!((shown.summary.as_str(), shown.message.as_str()), ("x on core-1", ""));
        assert!(failed.is_none());

        let mut audit = Alert::clone(&alert);
        audit.message = "someone did something".into();
        let audit = Arc::new(audit);
        let (shown, _) = view("audit {{ seq }} by {{ relay }}: {{ message }}").of(&audit, &STAMP);
        assert_eq!(shown.message, "audit 7 by relay-a: someone did something");
        assert_eq!(shown.summary, shown.message);
    }

    #[test]
    fn a_template_knows_the_device_by_its_name_and_as_the_receiver_does() {
        let template = Template::compile("{{ device }} is {{ node }}").ok();
        let view = View { node: Node::Ip, suffix: None, template };

        let alert = alert();
        let (shown, _) = view.of(&alert, &STAMP);

        assert_eq!((shown.device.as_str(), shown.summary.as_str()), ("10.2.3.4", "core-1 is 10.2.3.4"));
    }

    #[test]
    fn a_template_that_fails_leaves_the_text_as_it_was() {
        let template = Some(Template::compile("{{ 10 // (count - 2) }}").unwrap());
        let view = View { node: Node::Ip, suffix: None, template };
        let mut alert = alert();
        Arc::make_mut(&mut alert).count = 2;

        let (shown, failed) = view.of(&alert, &STAMP);

        assert_eq!((shown.summary.as_str(), shown.device.as_str()), ("x: core-1 is down", "10.2.3.4"));
        assert!(failed.is_some());
    }
}
