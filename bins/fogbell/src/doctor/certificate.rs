//! The certificate: what whoever connects from outside makes of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ids::Timestamp;
use relay::CERTIFICATE;

use super::code::Code;
use super::finding::Finding;
use super::outside;
use super::patient::Patient;
use crate::certificate::Source;
use crate::socket;

const WHAT: &str = "certificate";

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let config = patient.config;
    let Some((host, _)) = patient.public() else {
        let mend = "set `public_url` of [listen] to the relay's URL as Mist reaches it";
        return vec![Finding::fail(
            Code::CertificateNameless,
            "-",
            "it has no name that Mist could be told",
            mend,
        )];
    };
    let path = patient.path();
    let renew = match Source::of(config) {
        Ok(Source::Acme(_)) => format!("fogbell cert renew --config {path}"),
        Ok(Source::SelfSigned(_)) => format!("fogbell cert self-signed --replace --config {path}"),
        _ => "put a certificate for this name, with the chain up to the authority, into the files of [tls]; the relay notices".to_owned(),
    };
    if patient.relay.is_err() {
        // that it cannot be asked was said of the configuration
        return Vec::new();
    }
    let Some(days) = days_left(patient) else {
        return vec![Finding::fail(
            Code::CertificateNotShown,
            host,
            "no relay runs that could show one",
            "systemctl enable --now fogbell",
        )];
    };
    let self_signed = matches!(Source::of(config), Ok(Source::SelfSigned(_)));
    let seen = outside::connect(reachable(config.listen.address), &host, patient.ca);
    match seen.map(|mut link| link.conn.send_close_notify()) {
        Ok(()) if days < 14 => vec![Finding::warn(
            Code::CertificateEndsSoon,
            host,
            format!("an outsider accepts it, and it ends in {days} days"),
            renew,
        )],
        Ok(()) => vec![Finding::pass(WHAT, host, format!("an outsider accepts it; {days} days left"))],
        Err(error) if self_signed && error.to_string().contains("UnknownIssuer") => {
            let text =
                "it is self-signed: Mist accepts it only from a webhook that does not check certificates";
            let mend = "have a public authority issue one: [tls.acme], or files with `certificate` and `key`";
            vec![Finding::warn(Code::CertificateSelfSigned, host, text, mend)]
        }
        Err(error) => {
            let text = format!("an outsider does not accept it: {error}");
            vec![Finding::fail(Code::CertificateRefused, host, text, renew)]
        }
    }
}

/// Whole days until what the running relay shows ends.
fn days_left(patient: &Patient<'_>) -> Option<i64> {
    let told = socket::ask(patient.config, CERTIFICATE).ok()??;
    let ends: Timestamp = told["not_after"].as_str()?.parse().ok()?;
    Some((ends.micros() - Timestamp::now().micros()).div_euclid(86_400_000_000))
}

/// Where this machine reaches the listener.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, address.port()).into()
}
