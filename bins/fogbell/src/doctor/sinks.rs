//! The sinks: each is tried.

use relay::Cause;
use relay::config::SecretHome;

use super::code::Code;
use super::finding::Finding;
use super::patient::Patient;
use crate::access::wait;
use crate::secrets::Secrets;

const WHAT: &str = "sink";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    if config.sink_names().next().is_none() {
        let mend = format!("add [[snmp]] or [[syslog]] to {}", patient.path());
        return vec![Finding::fail(Code::SinkNone, "-", "there is none: alerts go nowhere", mend)];
    }
    let secrets = Secrets::of(config);
    let read = |home: &SecretHome| secrets.read(home);
    let mut found = Vec::new();
    for (index, sink) in config.snmp.iter().enumerate() {
        let tried =
            wait(relay::probe_snmp(config, index, &read)).map_err(Cause::from).and_then(|tried| tried);
        found.push(snmp(patient, sink.name.as_str(), tried));
    }
    for (index, sink) in config.syslog.iter().enumerate() {
        let name = sink.name.as_str();
        let target = format!("{name} ({})", sink.address);
        let tried =
            wait(relay::probe_syslog(config, index, &read)).map_err(Cause::from).and_then(|tried| tried);
        found.push(match tried {
            Ok(text) => Finding::pass(WHAT, target, text),
            Err(error) => Finding::fail(
                Code::SinkUnreachable,
                target,
                format!("start the receiver, or open the way to it: {}", relay::Chain(error.as_ref())),
                format!("fogbell test --sink {name} --config {}", patient.path()),
            ),
        });
    }
    found
}

fn snmp(patient: &Patient<'_>, name: &str, tried: Result<Vec<::snmp::Finding>, Cause>) -> Finding {
    let mend = format!("fogbell snmp probe {name} --config {}", patient.path());
    match tried {
        Ok(steps) => match steps.last() {
            Some(last) if last.works() => Finding::pass(WHAT, name, last.to_string()),
            Some(last) => Finding::fail(Code::SinkRefuses, name, last.to_string(), mend),
            None => Finding::fail(Code::SinkRefuses, name, "it was not asked", mend),
        },
        Err(error) => Finding::fail(Code::SinkRefuses, name, relay::Chain(error.as_ref()).to_string(), mend),
    }
}
