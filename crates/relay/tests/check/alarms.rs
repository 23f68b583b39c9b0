//! Grading, damping, maintenance and the API of an organisation.

use crate::{refused, warned};

#[test]
fn what_the_documentation_shows_is_good() {
    warned(
        r#"
[alarms]
expire_after_secs = 0
max_open = 1
[[severity]]
types = ["ap_disconnected"]
sites = ["Lab"]
severity = "info"
[[damping]]
types = ["ap_disconnected"]
hold_down_secs = 120
[[damping]]
types = ["sw_disconnected"]
flap_count = 3
flap_secs = 600
[[maintenance]]
name = "core upgrade"
sites = ["HQ"]
from = 2026-11-22T22:00:00+01:00
until = 2026-11-23T02:00:00+01:00
who = "J. Doe"
why = "CHG0042: new firmware"
"#,
        &[],
    );
}

#[test]
fn a_rule_that_does_nothing_or_everything_is_refused() {
    refused("[alarms]\nmax_open = §0", &["alarms.max_open", "at least 1"]);
    refused("§[[severity]]\nseverity = \"info\"", &["severity[0]", "`types`"]);
    refused("[[severity]]\nseverity = \"info\"\nsites = [\"HQ\", §\"\"]", &["severity[0].sites[1]"]);
    refused("[[damping]]\ntypes = §[]\nhold_down_secs = 5", &["damping[0].types", "name the types"]);
    refused("§[[damping]]\ntypes = [\"a\"]", &["damping[0]", "`hold_down_secs`"]);
    refused("[[damping]]\ntypes = [\"a\"]\nhold_down_secs = §86401", &["hold_down_secs", "86400"]);
    refused("[[damping]]\ntypes = [\"a\"]\nflap_count = §1\nflap_secs = 9", &["damping[0].flap_count"]);
    refused("§[[damping]]\ntypes = [\"a\"]\nflap_count = 2", &["damping[0]", "needs `flap_secs`"]);
    refused("§[[damping]]\ntypes = [\"a\"]\nhold_down_secs = 2\nflap_secs = 60", &["needs `flap_count`"]);
}

#[test]
fn a_window_says_who_why_for_what_and_until_when() {
    let window = |from: &str, to: &str| {
        let good = "[[maintenance]]\nname = \"w\"\nwho = \"a\"\nwhy = \"b\"\nfrom = 2026-11-22T22:00:00Z\n\
                    until = 2026-11-22T23:00:00Z\nsites = [\"HQ\"]\n";
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    refused(&window("who = \"a\"", "who = §\" \""), &["maintenance[0].who", "needs `who`"]);
    refused(&window("why = \"b\"", "why = §\"\""), &["maintenance[0].why"]);
    refused(&window("name = \"w\"", "name = §\"\""), &["maintenance[0].name"]);
    refused(
        &window("T23", "T22").replace("until = ", "until = §"),
        &["maintenance[0].until", "after it begins"],
    );
    refused(&window("sites = [\"HQ\"]\n", "").replace("[[m", "§[[m"), &["maintenance[0]", "`devices`"]);
    refused(&window("[\"HQ\"]", "[§\"\"]"), &["maintenance[0].sites[0]"]);
    let twice = window("", "") + &window("name = \"w\"", "name = §\"w\"");
    refused(&twice, &["maintenance[1].name", "another", "`w`"]);
    refused(&window("why = \"b\"\n", "").replace("[[m", "§[[m"), &["`why`"]);
}

#[test]
fn an_api_is_reached_somewhere_and_with_a_token() {
    let api = |from: &str, to: &str| {
        let good = "[[org]]\nname = \"b\"\ncloud = \"emea-01\"\nsecrets = [{ file = \"other\" }]\n\
                    api.org_id = \"0c160b7f-1027-4cd1-923b-744534c4b070\"\napi.token = { file = \"token\" }\n\
                    api.host = \"api.example.net\"\napi.proxy = \"http://proxy.example.net:3128\"\n";
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    warned(&api("", ""), &[]);
    refused(&api("\"api.example.net\"", "§\"https://api.example.net\""), &["org[1].api.host"]);
    refused(&api("\"http://proxy", "§\"https://proxy"), &["org[1].api.proxy"]);
    refused(&api("\"http://proxy", "§\"http://user:pa55@proxy"), &["org[1].api.proxy", "password"]);
    refused(&api("\"token\"", "§\"none\""), &["org[1].api.token.file", "No such file"]);
    refused(&api("\"token\"", "§\"empty\""), &["org[1].api.token.file", "no token"]);
    refused(&api("api.host", "api.budget_percent = §0\napi.host"), &["org[1].api.budget_percent"]);
    refused(
        &api("\"0c160b7f-1027-4cd1-923b-744534c4b070\"", "§\"00000000-0000-0000-0000-000000000000\""),
        &["org_id"],
    );
    let without = api("cloud = \"emea-01\"\n", "").replace("api.host = \"api.example.net\"\n", "");
    let without = format!("[gate]\nnetworks = [\"192.0.2.0/24\"]\n{without}");
    refused(&without.replace("api.org_id = ", "§api.org_id = "), &["org[1].api", "`host`"]);
}

#[test]
fn a_problem_is_not_told_again_every_moment() {
    let syslog = "[[syslog]]\nname = \"b\"\naddress = \"h:1\"\ntransport = \"udp\"\n";
    refused(
        &format!("{syslog}repeat_while_active_secs = §59"),
        &["syslog[1].repeat_while_active_secs", "60"],
    );
    warned(&format!("{syslog}repeat_while_active_secs = 60"), &[]);
    for suffix in ["example.net", ".", "", ".exa mple", ".example.net.", "..net"] {
        refused(&format!("{syslog}node_suffix = §\"{suffix}\""), &["syslog[1].node_suffix", ".example.net"]);
    }
}
