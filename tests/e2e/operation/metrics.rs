//! What Prometheus' own tool says of the figures, and of the alert rules over them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use e2e::{Config, Curl, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, wait_until};

use super::{alarm, sink};

/// Runs promtool over `input`; what it said.
fn promtool(arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new("promtool");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool can be run");
    child.stdin.take().unwrap().write_all(input).expect("promtool reads");
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
fn promtool_has_nothing_to_say_of_the_figures() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let relay = Fogbell::start(&Config::new().table(&sink("siem", &siem.tcp(), "")));
    relay.deliver(&alarm("one"));
    assert_eq!(relay.post("another secret", &alarm("refused")).status, 401);
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_delivered_total", "") >= 1.0));

    let page = Curl::new(&relay.admin_url("/metrics")).header("Accept", "text/plain").run();

    assert!(page.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{}", page.said);
    assert_eq!(promtool(&["check", "metrics"], page.text().as_bytes()), "");
}

#[test]
fn promtool_takes_the_alert_rules() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/prometheus/fogbell.rules.yml");

    let said = promtool(&["check", "rules", rules.to_str().unwrap()], b"");

    assert!(said.contains("SUCCESS"), "{said}");
}
