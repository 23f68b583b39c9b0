use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn what_was_counted_is_shown_and_every_reason_is_there_from_the_start() {
    let metrics = Arc::new(Metrics::new());
    metrics.arrived().refused(Refusal::Source);
    metrics.closed(Closed::SlowHead);

    let text = metrics.text();

    assert!(text.contains("fogbell_refusals_total{reason=\"source\"} 1"), "{text}");
    assert!(text.contains("fogbell_refusals_total{reason=\"signature_wrong\"} 0"), "{text}");
    assert!(text.contains("fogbell_connections_closed_total{reason=\"slow_head\"} 1"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

/// Metrics of which every family has a series.
fn filled() -> Arc<Metrics> {
    let metrics = Arc::new(Metrics::new());
    metrics.arrived().stored("acme", "alarms");
    metrics.answered(StatusCode::OK);
    metrics.calls("acme", 1, 2);
    metrics.closed(Closed::Idle);
    metrics.unlisted("acme");
    metrics.stored("own");
    metrics.interpreted("own", 1);
    drop(metrics.serve("noc", Position::ZERO, 0, 0));
    let label = SinkLabel::new("noc");
    metrics.when_failed("r", &label);
    for family in [&metrics.failures, &metrics.truncated, &metrics.template_errors] {
        drop(family.get_or_create(&label));
    }
    metrics
}

/// Name, type and labels of each metric in `text`, as in the page.
fn shown(text: &str) -> BTreeSet<(String, String, String)> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let rows = kinds.map(|(name, kind)| {
        let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        let series = text
            .lines()
            .find(|line| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        let series = series.unwrap_or_else(|| panic!("{name} has no series here"));
        let labels = series.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
        let labels = labels.map(|(labels, _)| labels.split(',').filter_map(|it| Some(it.split_once('=')?.0)));
        let labels: Vec<_> = labels.into_iter().flatten().map(|label| format!("`{label}`")).collect();
        (name, kind.to_owned(), labels.join(", "))
    });
    rows.collect()
}

#[test]
fn the_page_on_metrics_has_all_of_them_and_no_other() {
    let page = include_str!("../../../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `fogbell_")).map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let mut cell = || cells.next().expect("a cell").to_owned();
        (format!("fogbell_{}", cell().trim_end_matches('`')), cell(), cell())
    });

    assert_eq!(rows.collect::<BTreeSet<_>>(), shown(&filled().text()));
}

#[test]
fn a_request_counts_once_however_it_ends() {
    let metrics = Arc::new(Metrics::new());
    let arrived: Vec<_> = (0..5).map(|_| metrics.arrived()).collect();
    let [refused, stored, unstored, cut_off, _waits] = arrived.try_into().unwrap();

    refused.refused(Refusal::Path);
    stored.stored("acme", "alarms");
    unstored.not_stored();
    drop(cut_off);

    let text = metrics.text();
    for line in [
        "fogbell_requests_total 5",
        "fogbell_requests_in_flight 1",
        "fogbell_refusals_total{reason=\"path\"} 1",
        "fogbell_refusals_total{reason=\"not_stored\"} 1",
        "fogbell_refusals_total{reason=\"cut_off\"} 1",
        "fogbell_messages_total{org=\"acme\",topic=\"alarms\"} 1",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
    }
}

#[test]
fn a_sink_that_is_not_served_has_no_series_and_one_that_comes_back_begins_anew() {
    let metrics = Metrics::new();
    let tally = metrics.serve("noc", Position::new(5), 2, 0);
    tally.note([Position::new(6)], Fate::Delivered);
    tally.passed(Position::new(6));
    metrics.measured("noc", 1, 9, Duration::from_secs(3));
    assert!(metrics.text().contains("fogbell_delivered_total{sink=\"noc\"} 1\n"));

    metrics.forget("noc");
    metrics.measured("noc", 1, 9, Duration::from_secs(3));
    assert!(!metrics.text().contains("noc"), "{}", metrics.text());

    metrics.serve("noc", Position::new(6), 3, 4);
    let text = metrics.text();
    for line in [
        "fogbell_delivered_total{sink=\"noc\"} 0",
        "fogbell_sink_at_start_alerts{sink=\"noc\"} 3",
        "fogbell_sink_before_start_alerts{sink=\"noc\"} 4",
        "fogbell_sink_behind_alerts{sink=\"noc\"} 3",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
    }
}

/// The names of metrics in an expression of PromQL: words outside of strings, braces, brackets and lists of labels that
/// are no function, operator or number.
fn named(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let unquoted: String = expression.split('"').step_by(2).collect();
    let mut rest = unquoted.as_str();
    while let Some(first) = rest.chars().next() {
        let closing = match first {
            '{' => Some('}'),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(closing) = closing {
            let end = rest[1..].find(closing).expect("what opens closes");
            rest = &rest[end + 2..];
            continue;
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if !is_word(first) {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        rest = behind.trim_start();
        if ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&word) {
            rest =
                rest.strip_prefix('(').and_then(|list| list.split_once(')')).map_or(rest, |(_, rest)| rest);
            continue;
        }
        let is_function = rest.starts_with('(') || rest.starts_with("by") || rest.starts_with("without");
        let is_operator = ["and", "or", "unless", "bool", "offset"].contains(&word);
        if !is_function && !is_operator && !first.is_ascii_digit() {
            names.insert(word.to_owned());
        }
    }
    names
}

#[test]
fn the_names_in_an_expression_are_found() {
    for (expression, expect) in [
        ("a_total", vec!["a_total"]),
        ("sum by (sink) (rate(a_total{sink=~\"x{}\"}[5m])) > 0.5", vec!["a_total"]),
        ("time() - b_seconds > 3600 and c > 0", vec!["b_seconds", "c"]),
        ("sum without(le) (d_bucket) / ignoring (le) group_left e", vec!["d_bucket", "e"]),
        ("histogram_quantile(0.9, sum by(le)(f_bucket))", vec!["f_bucket"]),
    ] {
        let expect: BTreeSet<String> = expect.into_iter().map(str::to_owned).collect();
        assert_eq!(named(expression), expect, "{expression}");
    }
}

/// Every text under `key` in a JSON value.
fn texts<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                found.extend(value.as_str().filter(|_| name == key));
                texts(value, key, found);
            }
        }
        Value::Array(all) => all.iter().for_each(|value| texts(value, key, found)),
        _ => {}
    }
}

/// The names of samples that a scrape can hold.
fn samples() -> BTreeSet<String> {
    let text = filled().text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned())).collect()
}

#[test]
fn every_metric_of_the_dashboard_exists() {
    let dashboard = include_str!("../../../../dist/grafana/fogbell.json");
    let dashboard: Value = serde_json::from_str(dashboard).expect("the dashboard is JSON");
    let mut expressions = Vec::new();
    texts(&dashboard, "expr", &mut expressions);
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let queries = variables.iter().filter_map(|it| it["query"]["query"].as_str());
    let of_label = queries.filter_map(|query| query.strip_prefix("label_values(")?.split_once(','));
    let of_label: Vec<&str> = of_label.map(|(name, _)| name).collect();
    assert!(expressions.len() >= 20 && !of_label.is_empty(), "{expressions:?} {of_label:?}");

    let samples = samples();
    for expression in expressions.into_iter().chain(of_label) {
        let names = named(expression);
        assert!(!names.is_empty(), "{expression}");
        let missing: Vec<_> = names.difference(&samples).collect();
        assert!(missing.is_empty(), "{missing:?} of `{expression}` is no metric of the relay");
    }
}

#[test]
fn every_metric_of_the_alert_rules_exists() {
    let rules = include_str!("../../../../dist/prometheus/fogbell.rules.yml");
    let expressions: Vec<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    assert_eq!(expressions.len(), rules.matches("- alert: ").count(), "an expression is one line");

    // Prometheus itself makes it of every scrape
    let mut samples = samples();
    samples.insert("up".to_owned());
    for expression in expressions {
        let names = named(expression);
        let missing: Vec<_> = names.difference(&samples).collect();
        assert!(
            !names.is_empty() && missing.is_empty(),
            "{missing:?} of `{expression}` is no metric of the relay"
        );
    }
}

#[test]
fn the_older_format_names_counters_as_their_samples() {
    let text = filled().plain_text();
    for line in [
        "# TYPE fogbell_requests_total counter",
        "fogbell_requests_total 1",
        "# TYPE fogbell_inbox_behind_entries gauge",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
    }
    assert!(!text.contains("# EOF") && !text.contains("# TYPE fogbell_requests counter"), "{text}");
}
