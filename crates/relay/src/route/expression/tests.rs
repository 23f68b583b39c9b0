use alarm::{AlarmKey, Alert, AlertId, Severity};
use ids::Timestamp;
use proptest::prelude::*;

use super::*;

fn alert() -> Alert {
    let mut alert = Alert::new(
        AlertId::of(&[]),
        AlarmKey::of(&[]),
        "device-events",
        "AP_DISCONNECTED",
        Timestamp::default(),
    );
    alert.severity = Severity::Critical;
    alert.site = "HQ Zürich".into();
    alert.device = "core-1".into();
    alert.count = 3;
    alert.mac = Some("5c5b351e13b5".parse().unwrap());
    alert
}

fn holds(source: &str) -> Result<bool, String> {
    let expression = Language::new().compile(source).unwrap_or_else(|fault| panic!("{source}: {fault:?}"));
    expression.holds(&Facts::told(&alert())).map_err(|error| error.to_string())
}

#[test]
fn an_expression_asks_for_any_field_by_its_name() {
    for (source, expect) in [
        ("true", true),
        ("type == 'AP_DISCONNECTED'", true),
        ("type.lowerAscii() == 'ap_disconnected'", true),
        ("topic in ['alarms', 'audits']", false),
        ("severity == 'critical' && severity_rank >= 2", true),
        ("site.startsWith('HQ') || device == 'x'", true),
        ("!site.contains('Bern')", true),
        ("count > 2 && duration < 0", true),
        ("mac == '5c5b351e13b5'", true),
        ("device.matches('^core-[0-9]+$')", true),
        ("matches(device, 'edge')", false),
        ("['core-', 'dist-'].exists(p, device.startsWith(p))", true),
        ("['core-', 'dist-'].all(p, !device.startsWith(p))", false),
        ("['a', 'b'].filter(x, x > 'a').exists(x, x == 'b')", true),
        ("[1, 2].map(x, x + 1).exists_one(x, x == count)", true),
        ("size(site) == 9 && device.size() == 6", true),
        ("first_seen == '1970-01-01T00:00:00.000Z'", true),
        ("site + '/' + device == 'HQ Zürich/core-1'", true),
        ("{'HQ Zürich': 'core-1'}[site] == device", true),
        ("(severity == 'info' ? 1 : 5) == 5", true),
        ("int(string(count)) == 3", true),
        ("reason == '' && id.size() == 32", true),
        ("['x'].exists(site, site == 'x')", true),
    ] {
        assert_eq!(holds(source), Ok(expect), "{source}");
    }
}

#[test]
fn what_has_no_value_is_an_error() {
    for source in ["1 / (count - 3) == 1", "int(device) == 1", "{'x': true}[site]", "['x'][count] == 'x'"] {
        assert!(holds(source).is_err(), "{source}");
    }
}

/// `source` is refused at the `§` in it, which is not part of it, and `says` is said.
fn refused(source: &str, says: &str) {
    let offset = source.find('§').expect("a § marks the place");
    let source = source.replacen('§', "", 1);
    let fault = Language::new().compile(&source).expect_err(&source);
    assert_eq!(fault.offset, offset, "{source}: {}", fault.what);
    assert!(fault.what.contains(says), "{source}: {}", fault.what);
}

#[test]
fn what_is_no_expression_is_refused_where_it_goes_wrong() {
    refused("§", "too early");
    refused("count >§", "too early");
    refused("site == 'é' && count ==§", "too early");
    refused("site == 'é' && count == 3 §5", "no expression");
    refused("site == 'HQ' §and count > 3", "no expression");
    refused("site == 'HQ'\n  && count > 3 §)", "no expression");
    refused("site == §'HQ", "no expression");
    refused("count > 3 §@", "no expression");
}

#[test]
fn what_would_never_be_what_is_meant_is_refused() {
    refused("§nope == 'x'", "`nope` is no field");
    refused("site == 'é' || §Site == 'x'", "`Site` is no field");
    refused("['x'].exists(y, y == §z)", "`z` is no field");
    refused("severity §== 3", "compares a text with a number");
    refused("count §== '3'", "compares a number with a text");
    refused("severity §>= 2", "compares a text with a number");
    refused("count §in ['3']", "looks for a number in a list of which each is a text");
    refused("site §in 'HQ'", "must look into a list");
    refused("site in ['HQ', §3]", "elements before it are a text");
    refused("site == §null", "nothing is null");
    refused("site == §b'HQ'", "bytes");
    refused("§site", "must be true or false");
    refused("count §+ 1", "must be true or false");
    refused("§site && count > 1", "must be true or false");
    refused("!§count", "must be true or false");
    refused("count §+ 'x' == 'x'", "adds a number and a text");
    refused("-§site == 'x'", "must be a number");
    refused("site§.name == 'x'", "there is no `name` in a text");
    refused("§has(site.name)", "there is no `name` in a text");
    refused("site§[0] == 'x'", "has no elements");
    refused("§site.exists(x, x == 'a')", "must be a list");
    refused("site.§beginsWith('x')", "no such use of `beginsWith`");
    refused("§startsWith(site, 'x')", "no such use of `startsWith`");
    refused("site.startsWith(§1)", "must be a text");
    refused("§type(site) == 'x'", "no such use of `type`");
    refused("site.§split('x') == ['x']", "no such use of `split`");
    refused("device.matches(§'core-(')", "no pattern");
    refused("device.matches(§site)", "written out");
}

#[test]
fn what_could_burn_the_processor_is_refused() {
    refused("[1, 2].all(x, [1, 2].§all(y, x > y))", "one list at a time");
    refused("['a'].exists(x, ['b'].§filter(y, y == x).size() > 0)", "one list at a time");
    refused("['a'].exists(x, ['b'].map(y, y).§exists(z, z == x))", "one list at a time");
    let long = vec!["'some-name'"; 300].join(",");
    let body = vec!["x == site"; 20].join(" || ");
    refused(&format!("[{long}].§exists(x, {body})"), "steps");
    refused(&format!("§{}true", " ".repeat(MAX_BYTES)), "at most 4096");
    refused("device.matches(§'(a{1000}){1000}')", "too much memory");
    let sum = format!("{}reason §+ reason == ''", "reason + ".repeat(MAX_BYTES / 100));
    let fault = Language::new().compile(&sum.replace('§', "")).unwrap_err();
    assert!(fault.what.contains("at most 8"), "{fault:?}");
}

#[test]
fn what_is_nested_deeply_is_refused_and_does_not_overflow_the_stack() {
    let many = MAX_BYTES / 2 - 10;
    for deep in [
        format!("{}true{}", "(".repeat(many), ")".repeat(many)),
        format!("{}1{} == 1", "[".repeat(many), "]".repeat(many)),
        format!("{}true", "!".repeat(MAX_BYTES - 10)),
        format!("{}1 == 1", "-".repeat(MAX_BYTES - 10)),
        format!("{}1 == 1", "1+".repeat(many)),
        format!("true{}", "?true:true".repeat(many / 10)),
        format!("{}true{}", "true?".repeat(many / 8), ":true".repeat(many / 8)),
        format!("{{}}{}", ".a".repeat(many)),
        format!("[]{}", "[0]".repeat(many / 2)),
        format!("''{} == ''", ".trim()".repeat(many / 5)),
        format!("1{}", "==1".repeat(many / 2)),
    ] {
        let _ = Language::new().compile(&deep);
    }
    let many = vec!["site == 'HQ'"; 250].join(" || ");
    assert!(Language::new().compile(&many).is_ok());
}

/// Texts that are often expressions, or nearly.
fn soup() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "site",
        "count",
        "type",
        "nope",
        "x",
        "1",
        "0",
        "'a'",
        "\"é\"",
        "'",
        "true",
        "null",
        "&&",
        "||",
        "!",
        "==",
        "<",
        "in",
        "+",
        "-",
        "/",
        "%",
        "?",
        ":",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        ",",
        " ",
        "\n",
        "§",
        "é",
        "size",
        "matches",
        "contains",
        "exists",
        "map",
        ".exists(x, ",
        "['a', 'b']",
        "[1, 2]",
        "int(",
        "b'a'",
        "'a+'",
        "//",
        "@",
        "\\",
        "`",
    ]);
    prop::collection::vec(part, 0..16).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn whatever_compiles_is_true_or_false_or_an_error(source in soup()) {
        let language = Language::new();
        match language.compile(&source) {
            Ok(expression) => drop(expression.holds(&Facts::told(&alert()))),
            Err(fault) => {
                prop_assert!(source.is_char_boundary(fault.offset), "{fault:?}");
                prop_assert!(!fault.what.contains("cannot cope"), "{fault:?}");
            }
        }
    }
}
