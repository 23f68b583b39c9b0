//! Routes: what is refused at which line and column, and what is warned of.

use alarm::{AlarmKey, Alert, AlertId};
use fogbell_relay::Outcome;
use ids::Timestamp;

use crate::{refused, setup, warned};

/// A route with `lines` that leads to both sinks.
fn route(lines: &str) -> String {
    format!("[[route]]\nsinks = [\"noc\", \"siem\"]\n{lines}\n")
}

#[test]
fn a_route_leads_to_sinks_that_exist() {
    refused("[[route]]\nsinks = [\"noc\", §\"nocc\"]", &["route[0].sinks[1]", "`nocc`", "`noc`, `siem`"]);
    refused("[[route]]\nsinks = [\"noc\", \"siem\", §\"noc\"]", &["route[0].sinks[2]", "twice"]);
    refused("[[route]]\nsinks = §[\"noc\", \"a b\"]", &["cannot name a sink"]);
    refused("§[[route]]\nsite = \"HQ\"", &["`sinks`"]);
    refused(&route("name = §\"\""), &["route[0].name"]);
    warned(&route(""), &[]);
    warned("[[route]]\nsinks = []\ntype = \"device_down\"\n[[route]]\nsinks = [\"noc\", \"siem\"]", &[]);
}

#[test]
fn a_matcher_that_can_never_match_is_refused() {
    refused(&route("site = §[]"), &["route[0].site", "at least one value"]);
    refused(&route("site = §{}"), &["route[0].site", "at least one value"]);
    refused(&route("site = { prefix = [\"HQ\", §\"\"] }"), &["route[0].site.prefix[1]", "empty text"]);
    refused(&route("site = { prefix = §\"\" }"), &["route[0].site.prefix[0]", "empty text"]);
    refused(&route("severity = §\"major\""), &["severity", "`major`", "critical, warning, info"]);
    refused(&route("severity = [\"info\", §\"major\"]"), &["route[0].severity[1]", "`major`"]);
    refused(
        &route("state = { not = [\"raised\", §\"down\"] }"),
        &["route[0].state.not[1]", "raised, cleared, event"],
    );
    refused(&route("state = { prefix = §\"rai\" }"), &["route[0].state.prefix", "named whole"]);
    refused(&route("mac = §\"5c5b35\""), &["route[0].mac", "`5c5b35`", "12 hexadecimal digits"]);
    refused(&route("mac = { prefix = [\"5c:5b:35\", §\"ap-1\"] }"), &["route[0].mac.prefix[1]", "`ap-1`"]);
    refused(&route("origin = §\"mist\""), &["route[0].origin", "webhook"]);
    refused(&route("severity_at_least = §\"high\""), &["severity_at_least", "critical"]);
}

#[test]
fn an_expression_that_does_not_compile_is_refused_where_it_goes_wrong() {
    refused(&route("when = \"count >§\""), &["route[0].when", "too early"]);
    refused(&route("when = \"site == 'HQ' §and count > 3\""), &["route[0].when", "no expression"]);
    refused(&route("when = 'site == \"é\" && §Site == \"x\"'"), &["`Site` is no field", "severity_rank"]);
    refused(&route("when = \"site == \\\"é\\\" && §Site == 'x'\""), &["`Site` is no field"]);
    refused(
        &route("when = \"\"\"\n  site == 'HQ'\n  && severity §== 3\n\"\"\""),
        &["compares a text with a number"],
    );
    refused(
        &route("when = '''\nsite == 'HQ'\n  && device.matches(§'core-(')'''"),
        &["no pattern", "unclosed group"],
    );
    refused(&route("when = \"§count\""), &["must be true or false"]);
    // anywhere among the routes
    let second = format!("{}{}", route("site = \"HQ\""), route("when = \"§nope\""));
    refused(&second, &["route[1].when", "`nope`"]);
}

#[test]
fn an_expression_that_could_burn_the_processor_is_refused() {
    refused(
        &route("when = \"[1, 2].all(x, [1, 2].§all(y, [1, 2].all(z, x + y + z > 0)))\""),
        &["route[0].when", "one list at a time"],
    );
    refused(&route("when = \"['a'].exists(x, ['b'].§map(y, y + x).size() > 0)\""), &["one list at a time"]);
    refused(&route("when = \"device.matches(§'(a{999}){999}')\""), &["too much memory"]);
    refused(&route(&format!("when = \"§{}true\"", " ".repeat(4096))), &["4100 bytes", "at most 4096"]);
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    let lost = "[[route]]\nsinks = [\"noc\"]\n";
    warned(lost, &["fogbell.toml:10:1: syslog[0]: no route leads to `siem`"]);
    let behind = format!("{}{}", route("name = \"rest\""), route("site = \"HQ\""));
    warned(&behind, &["fogbell.toml:17:1: route[1]: nothing comes this far: `rest`"]);
    warned(&format!("{}{}", route("continue = true"), route("site = \"HQ\"")), &[]);
    warned(&format!("{}{}", route(""), route("topic = \"nac-events\"")), &[]);
    let unseen = route("when = \"topic == 'nac-events'\"");
    warned(&unseen, &["fogbell.toml:16:8: route[0].when", "topic = \"nac-events\""]);
    warned(&route("when = \"topic in ['alarms', 'audits']\""), &[]);
}

#[test]
fn a_relay_says_which_routes_an_alert_matches_and_where_it_goes() {
    let text = r#"
[[route]]
name = "our own site"
site = { prefix = "HQ" }
severity_at_least = "warning"
sinks = ["noc"]
continue = true
[[route]]
sinks = ["siem"]
"#;
    let setup = setup(text).unwrap();
    let mut alert =
        Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "switch_down", Timestamp::default());
    alert.site = "HQ Zürich".into();

    let judged = setup.judge(&alert);

    let named: Vec<_> =
        judged.routes.iter().map(|route| (route.index, route.name.as_str(), &route.outcome)).collect();
    assert_eq!(named, [(0, "our own site", &Outcome::Matched), (1, "route 2", &Outcome::Matched)]);
    assert_eq!(judged.sinks, ["noc", "siem"]);
    assert_eq!(judged.because, "matched: our own site, route 2");
}
