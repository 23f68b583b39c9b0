use alarm::{AlarmKey, AlertId, RaisedAs, Severity, State, Text};
use ids::Timestamp;
use proptest::prelude::*;

use super::expression::Language;
use super::field::Field;
use super::matcher::Condition;
use super::*;
use crate::config::Matcher;

const SINKS: [&str; 3] = ["noc", "siem", "pager"];

fn ears() -> Vec<Ear> {
    let ear = |name: &str, exempt, repeat_secs| Ear { name: name.to_owned(), exempt, repeat_secs };
    vec![ear("noc", false, None), ear("siem", true, None), ear("pager", false, Some(1800))]
}

fn alert(topic: &str, kind: &str) -> Alert {
    Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), topic, kind, Timestamp::default())
}

fn is(field: Field, values: &[&str]) -> Condition {
    let is = values.iter().map(ToString::to_string).collect();
    Condition::new(field, &Matcher { is, ..Matcher::default() }).unwrap()
}

/// A rule that leads to the sinks at these places.
fn rule(sinks: &[usize], conditions: Vec<Condition>) -> Rule {
    Rule {
        name: format!("to {sinks:?}"),
        sinks: sinks.into(),
        goes_on: false,
        at_least: None,
        conditions: conditions.into(),
        when: None,
    }
}

/// The sinks that take `alert`, as they are asked one by one; the judgement must say the same.
fn taken(routes: &Routes, alert: &Alert) -> Vec<&'static str> {
    let takes = |place: &usize| routes.of(*place).takes(alert, |_, _| ());
    let taken: Vec<_> = (0..SINKS.len()).filter(takes).map(|place| SINKS[place]).collect();
    assert_eq!(routes.judge(alert).sinks, taken);
    taken
}

#[test]
fn without_routes_what_a_network_team_acts_on_goes_everywhere() {
    let routes = Routes::new(Vec::new(), ears());
    for (topic, everywhere) in [
        ("alarms", true),
        ("device-updowns", true),
        ("device-events", true),
        ("mxedge-events", true),
        ("audits", true),
        ("relay", true),
        ("ping", false),
        ("client-sessions", false),
        ("nac-events", false),
        ("tea-time", false),
    ] {
        let expect: &[&str] = if everywhere { &SINKS } else { &[] };
        assert_eq!(taken(&routes, &alert(topic, "x")), expect, "{topic}");
    }
}

#[test]
fn the_first_match_counts_unless_it_goes_on() {
    let goes_on = Rule { goes_on: true, ..rule(&[1], Vec::new()) };
    let routes = Routes::new(
        vec![
            goes_on,
            rule(&[], vec![is(Field::Type, &["noise"])]),
            rule(&[0], vec![is(Field::Topic, &["alarms"])]),
            rule(&[2], vec![is(Field::Topic, &["alarms", "audits"])]),
        ],
        ears(),
    );
    for (topic, kind, expect) in [
        ("alarms", "x", &["noc", "siem"][..]),
        ("alarms", "NOISE", &["siem"]),
        ("audits", "x", &["siem", "pager"]),
        ("device-events", "x", &["siem"]),
        ("ping", "x", &[]),
        ("relay", "x", &["noc", "siem", "pager"]),
    ] {
        assert_eq!(taken(&routes, &alert(topic, kind)), expect, "{topic} {kind}");
    }
}

#[test]
fn a_topic_that_goes_nowhere_by_default_goes_where_it_is_named() {
    let begun =
        Condition::new(Field::Topic, &Matcher { prefix: vec!["nac".into()], ..Matcher::default() }).unwrap();
    let not =
        Condition::new(Field::Topic, &Matcher { not: vec!["audits".into()], ..Matcher::default() }).unwrap();
    let routes = Routes::new(
        vec![
            Rule { goes_on: true, ..rule(&[0], vec![is(Field::Topic, &["client_sessions"])]) },
            Rule { goes_on: true, ..rule(&[1], vec![begun]) },
            rule(&[2], vec![not]),
        ],
        ears(),
    );
    for (topic, expect) in [
        ("client-sessions", &["noc"][..]),
        ("nac-events", &["siem"]),
        ("ping", &[]),
        ("alarms", &["pager"]),
        ("audits", &[]),
    ] {
        assert_eq!(taken(&routes, &alert(topic, "x")), expect, "{topic}");
    }
}

#[test]
fn what_the_relay_says_of_itself_goes_everywhere_unless_a_route_names_it() {
    let open = || rule(&[1], Vec::new());
    let named = || is(Field::Topic, &["relay"]);
    let behind = is(Field::Type, &["sink_behind"]);
    let own = alert("relay", "journal_damaged");

    let check = |rules, expect: &[&str]| assert_eq!(taken(&Routes::new(rules, ears()), &own), expect);
    check(vec![open()], &SINKS);
    check(vec![rule(&[], Vec::new())], &SINKS);
    check(vec![rule(&[2], vec![named()]), open()], &["pager"]);
    check(vec![open(), rule(&[2], vec![named()])], &["pager"]);
    check(vec![rule(&[], vec![named()])], &[]);
    check(vec![rule(&[2], vec![named(), behind])], &SINKS);
    let begun =
        Condition::new(Field::Topic, &Matcher { prefix: vec!["re".into()], ..Matcher::default() }).unwrap();
    check(vec![rule(&[], vec![begun])], &SINKS);
}

#[test]
fn the_least_severity_counts_what_is_not_known_as_a_warning() {
    let least = |severity| Rule { at_least: Some(severity), ..rule(&[0], Vec::new()) };
    for (least, severity, takes) in [
        (least(Severity::Critical), Severity::Critical, true),
        (least(Severity::Critical), Severity::Warning, false),
        (least(Severity::Warning), Severity::Unknown, true),
        (least(Severity::Warning), Severity::Info, false),
        (least(Severity::Info), Severity::Info, true),
    ] {
        let mut alert = alert("alarms", "x");
        alert.severity = severity;
        let expect: &[&str] = if takes { &["noc"] } else { &[] };
        assert_eq!(taken(&Routes::new(vec![least], ears()), &alert), expect, "{severity:?}");
    }
}

#[test]
fn whom_an_alert_is_for_is_asked_before_the_routes() {
    let window = "core upgrade".to_owned();
    let to_all = Routes::new(vec![rule(&[0, 1, 2], Vec::new())], ears());
    let to_noc = Routes::new(vec![rule(&[0], Vec::new())], ears());
    for (audience, of_all, of_noc) in [
        (Audience::All, &SINKS[..], &["noc"][..]),
        (Audience::Exempt { window: window.clone() }, &["siem"], &[]),
        (Audience::Muted { window }, &["noc", "pager"], &["noc"]),
        (Audience::Repeat { every_secs: 1800 }, &["pager"], &[]),
        (Audience::Repeat { every_secs: 60 }, &[], &[]),
        (Audience::Only { sink: "siem".into() }, &["siem"], &["siem"]),
    ] {
        let mut alert = alert("alarms", "x");
        alert.audience = audience;
        assert_eq!(taken(&to_all, &alert), of_all, "{:?}", alert.audience);
        assert_eq!(taken(&to_noc, &alert), of_noc, "{:?}", alert.audience);
        let judged = to_all.judge(&alert);
        let asked_alone = matches!(alert.audience, Audience::Only { .. });
        assert_eq!(judged.left_out.len(), if asked_alone { 0 } else { SINKS.len() - of_all.len() });
    }
}

#[test]
fn a_judgement_says_why() {
    let when = |source| Some(Language::new().compile(source).unwrap());
    let routes = Routes::new(
        vec![
            Rule { at_least: Some(Severity::Critical), ..rule(&[0], Vec::new()) },
            rule(&[0], vec![is(Field::Site, &["HQ"])]),
            Rule { when: when("count > 5"), ..rule(&[0], Vec::new()) },
            Rule { when: when("1 / count > 5"), ..rule(&[0], Vec::new()) },
            rule(&[1], Vec::new()),
            rule(&[2], Vec::new()),
        ],
        ears(),
    );
    let mut alert = alert("alarms", "x");
    alert.audience = Audience::Exempt { window: "w".into() };

    let judged = routes.judge(&alert);

    let said: Vec<String> = judged
        .routes
        .iter()
        .map(|route| match &route.outcome {
            Outcome::Matched => "matched".to_owned(),
            Outcome::NotAsked => "not asked".to_owned(),
            Outcome::Unmatched { because } | Outcome::Failed { because } => because.clone(),
        })
        .collect();
    assert_eq!(
        said[..3],
        [
            "its severity is below critical".to_owned(),
            "site is \"HQ\"; here it is \"\"".to_owned(),
            "`when` is false".to_owned(),
        ]
    );
    assert!(said[3].starts_with("`when` has no value: Division by zero"), "{said:?}");
    assert!(matches!(judged.routes[3].outcome, Outcome::Failed { .. }));
    assert_eq!(said[4..], ["matched", "not asked"]);
    assert_eq!((judged.sinks, judged.because), (vec!["siem".to_owned()], "matched: to [1]".to_owned()));

    alert.topic = "ping".into();
    let judged = routes.judge(&alert);
    let Outcome::Unmatched { because } = &judged.routes[5].outcome else { panic!("{judged:?}") };
    assert!(because.contains("topic = \"ping\""), "{because}");
    assert_eq!(judged.because, "no route matches");
}

#[test]
fn an_expression_without_a_value_is_no_match_and_is_told() {
    let when = Some(Language::new().compile("1 / count > 5").unwrap());
    let routes = Routes::new(vec![Rule { when, ..rule(&[0], Vec::new()) }, rule(&[1], Vec::new())], ears());
    let failed = std::cell::Cell::new(0);

    let takes = |place: usize| {
        routes.of(place).takes(&alert("alarms", "x"), |rule, _| {
            assert_eq!(rule.name, "to [0]");
            failed.set(failed.get() + 1);
        })
    };

    assert_eq!([takes(0), takes(1), takes(2)], [false, true, false]);
    // no route leads to the third, so that nothing is asked for it
    assert_eq!(failed.get(), 2);
}

/// Words of a small world, so that matchers often match.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("a"), Just("ab"), Just("abc"), Just("b"), Just("B")].prop_map(str::to_owned)
}

fn topic() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("alarms"), 2 => Just("device-events"), 2 => Just("audits"), 1 => Just("ping"), 1 => Just("relay")
    ]
    .prop_map(str::to_owned)
}

fn an_alert() -> impl Strategy<Value = Alert> {
    let texts = prop::array::uniform8(word());
    let severity = prop_oneof![
        Just(Severity::Unknown),
        Just(Severity::Info),
        Just(Severity::Warning),
        Just(Severity::Critical)
    ];
    (topic(), word(), texts, severity, 0_u64..3).prop_map(|(topic, kind, texts, severity, count)| {
        let mut alert = alert(&topic, &kind);
        let fields = [
            &mut alert.mist_severity,
            &mut alert.group,
            &mut alert.category,
            &mut alert.org,
            &mut alert.site,
            &mut alert.device_type,
            &mut alert.device,
            &mut alert.port,
        ];
        for (field, text) in fields.into_iter().zip(texts) {
            *field = text.into();
        }
        alert.severity = severity;
        alert.count = count;
        alert
    })
}

fn a_condition() -> impl Strategy<Value = Condition> {
    // of what a clear has in common with its raise
    let field = prop::sample::select(vec![
        Field::Topic,
        Field::Type,
        Field::MistSeverity,
        Field::Group,
        Field::Category,
        Field::Org,
        Field::Site,
        Field::DeviceType,
        Field::Device,
        Field::Port,
    ]);
    let words = || prop::collection::vec(prop_oneof![word(), topic()], 0..3);
    (field, words(), words(), words(), words()).prop_filter_map(
        "nothing asked",
        |(field, is, prefix, not, not_prefix)| {
            let full = |list: Vec<String>| list.into_iter().filter(|text| !text.is_empty()).collect();
            let matcher =
                Matcher { is, prefix: full(prefix), not, not_prefix: full(not_prefix), table: true };
            Condition::new(field, &matcher).ok()
        },
    )
}

fn a_rule() -> impl Strategy<Value = Rule> {
    let sinks = prop::sample::subsequence(vec![0, 1, 2], 0..=3);
    let when = prop::option::weighted(
        0.3,
        prop::sample::select(vec![
            "type == 'a'",
            "topic != 'alarms' || group > 'a'",
            "severity_rank > 1",
            "site in ['a', 'b']",
        ]),
    );
    let least = prop::option::weighted(0.3, Just(Severity::Warning));
    let conditions = prop::collection::vec(a_condition(), 0..3);
    (sinks, any::<bool>(), least, conditions, when).prop_map(
        |(sinks, goes_on, at_least, conditions, when)| Rule {
            goes_on,
            at_least,
            when: when.map(|source| Language::new().compile(source).unwrap()),
            ..rule(&sinks, conditions)
        },
    )
}

fn some_routes() -> impl Strategy<Value = Routes> {
    prop::collection::vec(a_rule(), 0..5).prop_map(|rules| Routes::new(rules, ears()))
}

fn an_audience() -> impl Strategy<Value = Audience> {
    prop_oneof![
        4 => Just(Audience::All),
        1 => Just(Audience::Exempt { window: "w".into() }),
        1 => Just(Audience::Muted { window: "w".into() }),
        1 => Just(Audience::Repeat { every_secs: 1800 }),
        1 => Just(Audience::Only { sink: "noc".into() }),
    ]
}

/// Topic, type, Mist's severity, group and category.
fn told_as() -> impl Strategy<Value = (Text, Text, Text, Text, Text)> {
    let text = || word().prop_map(Text::from);
    (topic().prop_map(Text::from), text(), text(), text(), text())
}

proptest! {
    #[test]
    fn a_judgement_and_the_sinks_agree(routes in some_routes(), alert in an_alert(), audience in an_audience()) {
        let mut alert = alert;
        alert.audience = audience;
        taken(&routes, &alert);
    }

    #[test]
    fn a_clear_goes_where_its_raise_went(
        routes in some_routes(),
        raise in an_alert(),
        told in told_as(),
        other in told_as(),
        audience in an_audience(),
    ) {
        let mut raise = raise;
        raise.state = State::Raised;
        raise.audience = audience;
        let mut clear = raise.clone();
        clear.state = State::Cleared;
        clear.duration_secs = Some(5);
        (clear.topic, clear.kind, clear.mist_severity, clear.group, clear.category) = told;
        clear.id = AlertId::of(&[b"clear"]);
        clear.raised_as.push(RaisedAs::of(&raise));
        prop_assert_eq!(taken(&routes, &clear), taken(&routes, &raise));

        // told once more, in another form, it goes wherever either went
        let mut again = raise.clone();
        (again.topic, again.kind, again.mist_severity, again.group, again.category) = other;
        clear.raised_as.push(RaisedAs::of(&again));
        let mut either = taken(&routes, &raise);
        for sink in taken(&routes, &again) {
            if !either.contains(&sink) {
                either.push(sink);
            }
        }
        let mut cleared = taken(&routes, &clear);
        either.sort();
        cleared.sort();
        prop_assert_eq!(cleared, either);
    }
}
