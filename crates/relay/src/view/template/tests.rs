use proptest::prelude::*;

use super::*;

fn rendered(source: &str) -> String {
    let template = Template::compile(source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"));
    let mut alert =
        Alert::new(AlertId::of(&[]), AlarmKey::of(&[]), "alarms", "switch_down", Timestamp::default());
    alert.severity = Severity::Critical;
    alert.site = "HQ Zürich".into();
    alert.device = "core-1".into();
    alert.mac = Some("5c5b351e13b5".parse().unwrap());
    alert.summary = "the summary".into();
    alert.reason = "a; b".into();
    alert.count = 3;
    let stamp = Stamp { relay: "relay-a", sequence: 4711 };
    template.render(Context::new(Arc::new(alert), &stamp, "core-1.example.net")).unwrap()
}

#[test]
fn a_template_shows_fields_through_filters() {
    for (source, expect) in [
        ("{{ severity | upper }}: {{ device }} at {{ site }}", "CRITICAL: core-1 at HQ Zürich"),
        ("{{ summary }} ({{ relay }}/{{ seq }})", "the summary (relay-a/4711)"),
        ("{{ node }}", "core-1.example.net"),
        ("{{ mac | colons | upper }}", "5C:5B:35:1E:13:B5"),
        ("{% if count > 1 %}{{ count }} times{% else %}once{% endif %}", "3 times"),
        ("{% if port %}{{ port }}{% else %}no port{% endif %}", "no port"),
        ("{{ port | default('none', true) }}", "none"),
        ("{{ type | replace('_', ' ') }}", "switch down"),
        ("{{ reason | split('; ') | join(' + ') }}", "a + b"),
        ("{% for part in reason | split('; ') %}{{ loop.index }}={{ part }} {% endfor %}", "1=a 2=b"),
        ("{% set where = site ~ '/' ~ device %}{{ where }}", "HQ Zürich/core-1"),
        ("{% filter upper %}{{ device }}{% endfilter %}", "CORE-1"),
        ("{{ first_seen }} {{ duration }} {{ severity_rank }}", "1970-01-01T00:00:00.000Z -1 3"),
        ("{{ summary[:3] }}…", "the…"),
        ("{# nope #}{% raw %}{{ nope }}{% endraw %}", "{{ nope }}"),
        ("\n  {{ device }}\n\n  {{- site }}\n", "core-1HQ Zürich"),
        ("{{ device }}\n  {{ site }}\n", "core-1 HQ Zürich"),
        ("{{ device | trim }} \"is\" down, nope", "core-1 \"is\" down, nope"),
        ("<{{ site }} & {{ device }}>", "<HQ Zürich & core-1>"),
        ("{{ port }}", "the summary"),
        ("{{ 'yes' if severity == 'critical' and not port else 'no' }}", "yes"),
        ("{{ 'HQ' in site }}", "True"),
    ] {
        assert_eq!(rendered(source), expect, "{source}");
    }
}

/// `source` is refused at the `§` in it, which is not part of it, and `says` is said.
fn refused(source: &str, says: &str) {
    let offset = source.find('§').expect("a § marks the place");
    let source = source.replacen('§', "", 1);
    let fault = Template::compile(&source).expect_err(&source);
    assert_eq!(fault.offset, offset, "{source}: {}", fault.what);
    assert!(fault.what.contains(says), "{source}: {}", fault.what);
}

#[test]
fn what_does_not_exist_is_refused_wherever_it_stands() {
    refused("{{ §nope }}", "`nope` is no field");
    refused("é {{ device }}\n{{ §Site }}", "`Site` is no field");
    refused("{% if count > 99 %}{{ §nope }}{% endif %}", "`nope` is no field");
    refused("{% if §nope %}x{% endif %}", "`nope` is no field");
    refused("{% if count > 99 %}{{ device | §nope }}{% endif %}", "no filter `nope`");
    refused("{% if count > 99 %}{{ device.§name }}{% endif %}", "no `name` in a text");
    refused("{{ device.§upper() }}", "no `upper` in a text");
    refused("{{ device if device is §defined }}", "compare with `==`");
    refused("{{ device if device is not §defined }}", "compare with `==`");
    refused("{% for x in §range(9) %}{{ x }}{% endfor %}", "`range` is no field");
    refused("{% filter §nope %}x{% endfilter %}", "no filter `nope`");
    refused("{% for x in reason | split(';') %}{{ §y }}{% endfor %}", "`y` is no field");
    refused("{{ device | replace('nope', §nope) }}", "`nope` is no field");
}

#[test]
fn what_is_no_template_is_refused_where_it_goes_wrong() {
    for (source, says) in [
        ("{{ device ", "end"),
        ("{{ device | }}", "unexpected"),
        ("{% if device %}", "end"),
        ("{% include 'other' %}", "include"),
        ("{% macro m() %}{% endmacro %}", "macro"),
        ("{% extends 'other' %}", "extends"),
    ] {
        let fault = Template::compile(source).expect_err(source);
        assert!(fault.what.contains(says), "{source}: {fault:?}");
        assert!(fault.offset <= source.len());
    }
    refused("ok {{ device }}\nok {{ site }} {{ §}}", "unexpected");
    refused("§ \n ", "says nothing");
    refused("{{ §count + site }}", "");
    let long = format!("§{}", "x".repeat(MAX_BYTES + 1));
    refused(&long, "at most");
}

#[test]
fn what_would_take_too_long_is_refused() {
    let source = "{% for a in summary %}{% for b in summary %}{% for c in summary %}{{ a }}{% endfor %}{% endfor %}{% endfor %}";
    let fault = Template::compile(source).unwrap_err();
    assert!(fault.what.contains("fuel"), "{fault:?}");
    assert!(Template::compile("{{ 'x' * 1000000000000 }}").is_err());
}

#[test]
fn every_filter_there_is_has_a_name_that_may_be_used() {
    for name in FILTERS {
        let argument = match name {
            "replace" => "('a', 'b')",
            _ => "",
        };
        let value = if matches!(name, "round" | "int") { "count" } else { "'ab'" };
        let compiled = Template::compile(&format!("{{{{ {value} | {name}{argument} }}}}x"));
        assert!(compiled.is_ok(), "{name}: {compiled:?}");
    }
}

/// Texts that are often templates, or nearly.
fn soup() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "{{ site }}",
        "site",
        "count",
        "nope",
        "é",
        "§",
        "\n",
        " ",
        "|",
        "upper",
        "default('x', true)",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        "\"",
        "\\",
        "1",
        "1.5",
        "~",
        "+",
        "//",
        "*",
        "==",
        "if",
        "endif",
        "{% if count %}",
        "{% else %}",
        "{% endif %}",
        "{% for x in site %}",
        "{% endfor %}",
        "x",
        "loop.index",
        "raw",
        "{% raw %}",
        "{% endraw %}",
        "is",
        "not",
        ".",
        ",",
        "=",
        "filter",
        "set",
    ]);
    prop::collection::vec(part, 1..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn whatever_compiles_has_a_text_or_an_error(source in soup()) {
        match Template::compile(&source) {
            Ok(template) => for alert in samples() {
                let context = Context::new(Arc::new(alert), &Stamp { relay: "r", sequence: 1 }, "n");
                prop_assert!(template.render(context).is_ok_and(|text| !text.contains('\n')));
            },
            Err(fault) => prop_assert!(source.is_char_boundary(fault.offset), "{fault:?}"),
        }
    }
}
