//! Templates and the names of devices.

use crate::{refused, warned};

fn syslog(line: &str) -> String {
    format!("[[syslog]]\nname = \"b\"\naddress = \"h:1\"\ntransport = \"udp\"\n{line}\n")
}

fn snmp(line: &str) -> String {
    format!(
        "[[snmp]]\nname = \"b\"\naddress = \"h:1\"\nversion = \"2c\"\ncommunity = {{ file = \"c\" }}\n{line}\n"
    )
}

#[test]
fn an_unknown_field_in_a_template_is_refused_where_it_stands() {
    refused(
        &syslog("message = \"{{ device }}: {{ §nope }}\""),
        &["syslog[1].message", "`nope`", "severity_rank", "seq"],
    );
    refused(&snmp("summary = \"{{ device }}: {{ §nope }}\""), &["snmp[1].summary", "`nope` is no field"]);
    refused(
        &syslog("message = \"\"\"\n{{ \\\"é\\\" }}\n{% if count > 99 %}{{ §sitename }}{% endif %}\"\"\""),
        &["syslog[1].message", "`sitename`"],
    );
    refused(&syslog("message = '{{ device | §shout }}'"), &["no filter `shout`", "upper, lower"]);
    refused(&syslog("message = '{{ device.§name }}'"), &["no `name` in a text"]);
    refused(&syslog("message = '{{ device }} {{ §}}'"), &["syslog[1].message"]);
    refused(&syslog("message = '§'"), &["says nothing"]);
}

#[test]
fn a_key_of_the_other_kind_of_sink_is_unknown() {
    refused(&syslog("§summary = \"x\""), &["summary", "`message`"]);
    refused(&snmp("§message = \"x\""), &["message", "`summary`"]);
}

#[test]
fn a_text_and_a_name_of_ones_own_are_good() {
    let sinks = [
        syslog(
            "message = \"{{ severity | upper }} {{ site }}/{{ node }}: {{ summary }}\"\nnode = \"mac-colons\"",
        ),
        snmp("summary = \"{{ summary }}\"\nnode = \"name\"\nnode_suffix = \".example.net\""),
    ];
    for sink in sinks {
        warned(&sink, &[]);
    }
    refused(&syslog("node = §\"fqdn\""), &["node", "`mac-colons`"]);
}
