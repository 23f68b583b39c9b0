//! Checks the answers against the real thing.

use std::fs;
use std::net::ToSocketAddrs;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use relay::config::SecretHome;
use relay::{Cause, Config};

use super::answers::{Answers, Certificate};
use super::draft::Draft;
use crate::access::wait;

/// What is found, a line each.
pub(super) fn lines(config: &Config, draft: &Draft, answers: &Answers) -> Vec<String> {
    let (authority, _) = &answers.public;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().unwrap_or(443)),
        _ => (authority.as_str(), 443),
    };
    let mut lines = vec![match (host.trim_matches(['[', ']']), port).to_socket_addrs() {
        Ok(found) => {
            let found: Vec<String> = found.map(|it| it.ip().to_string()).collect();
            format!("ok: {host} leads to {}", found.join(", "))
        }
        Err(error) => format!("note: {host} cannot be looked up from here: {error}; Mist has to find it"),
    }];
    lines.push(certificate(&answers.certificate, host));
    lines.extend(unreadable_key(&answers.certificate));
    let read = |home: &SecretHome| draft.read(config, home);
    for (index, sink) in config.snmp.iter().enumerate() {
        let tried = wait(relay::probe_snmp(config, index, &read)).map_err(Cause::from).and_then(|it| it);
        lines.push(match tried.as_ref().map(|steps| steps.last()) {
            Ok(Some(last)) if last.works() => format!("ok: sink {}: {last}", sink.name),
            Ok(Some(last)) => format!(
                "note: sink {}: {last}; when it does not know the user yet: fogbell snmp user-line {} --reveal, once the relay \
                 has been started",
                sink.name, sink.name
            ),
            Ok(None) => format!("note: sink {} was not asked", sink.name),
            Err(error) => format!("note: sink {}: {}", sink.name, relay::Chain(error.as_ref())),
        });
    }
    for (index, sink) in config.syslog.iter().enumerate() {
        let tried = wait(relay::probe_syslog(config, index, &read)).map_err(Cause::from).and_then(|it| it);
        lines.push(match tried {
            Ok(text) => format!("ok: sink {}: {text}", sink.name),
            Err(error) => format!("note: sink {}: {}", sink.name, relay::Chain(error.as_ref())),
        });
    }
    lines
}

/// A key that root reads and the relay does not.
fn unreadable_key(certificate: &Certificate) -> Option<String> {
    let Certificate::Files { key, .. } = certificate else { return None };
    let gid = super::write::relays_group()?;
    let there = fs::metadata(key).ok()?;
    let by_group = there.gid() == gid && there.mode() & 0o040 != 0;
    (!by_group).then(|| {
        let key = key.display();
        format!("note: the relay's user cannot read `{key}`: chgrp fogbell {key} && chmod 640 {key}")
    })
}

fn certificate(certificate: &Certificate, host: &str) -> String {
    match certificate {
        Certificate::SelfSigned => {
            "note: a self-signed certificate is made at the first start; Mist takes it only unchecked"
                .to_owned()
        }
        Certificate::Acme => {
            "ok: the certificate is asked for at the first start; port 443 has to be open to all".to_owned()
        }
        Certificate::Files { certificate, .. } => match pki::Chain::load(certificate) {
            Ok(chain) => {
                let days = chain.leaf().validity.days_left(SystemTime::now());
                match chain.is_for(host.trim_matches(['[', ']'])) {
                    true => format!("ok: the certificate is for {host}, and holds for {days} days more"),
                    false => format!("note: the certificate is NOT for {host}: Mist will not accept it"),
                }
            }
            Err(error) => format!("note: {}", relay::Chain(&error)),
        },
    }
}
