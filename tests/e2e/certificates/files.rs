//! Files that another program renews.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use e2e::{Certs, Config, DEADLINE, Fogbell, Rsyslog, RsyslogSetup, TlsClient, wait_until};

/// A certificate for `relay.test` by the CA in `folder`, good for so many days, beside it as NAME.pem and NAME.key.
fn certificate(folder: &Path, name: &str, days: &str) {
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let file = |kind: &str| format!("{name}.{kind}");
    fs::write(folder.join(file("ext")), "subjectAltName=DNS:relay.test\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &file("key")]);
    openssl(&["req", "-new", "-key", &file("key"), "-subj", "/CN=relay.test", "-out", &file("csr")]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        &file("csr"),
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        days,
        "-extfile",
        &file("ext"),
        "-out",
        &file("pem"),
    ]);
}

/// Puts one file in the place of another, as certbot and others do: at once.
fn replace(folder: &Path, from: &str, to: &str) {
    let beside = folder.join("beside");
    fs::copy(folder.join(from), &beside).unwrap();
    fs::rename(beside, folder.join(to)).unwrap();
}

/// The certificate in a PEM file, in DER.
fn der(file: &Path) -> Vec<u8> {
    let output = Command::new("openssl").args(["x509", "-outform", "der", "-in"]).arg(file).output().unwrap();
    output.stdout
}

fn shown(relay: &Fogbell) -> Vec<u8> {
    TlsClient::connect(relay.address(), "relay.test", relay.ca(), Duration::ZERO).unwrap().leaf().to_vec()
}

#[test]
fn new_files_are_shown_without_a_restart_and_what_does_not_match_is_not() {
    let home = tempfile::tempdir().unwrap();
    let certs = home.path().join("certs");
    let _ca = Certs::make(&certs);
    for name in ["first", "second", "third"] {
        certificate(&certs, name, "90");
    }
    let path = |name: &str| format!("\"{}\"", certs.join(name).display());
    replace(&certs, "first.pem", "live.pem");
    replace(&certs, "first.key", "live.key");
    let config = Config::new().set("tls", "certificate", &path("live.pem")).set(
        "tls",
        "key",
        &format!("{{ file = {} }}", path("live.key")),
    );
    let mut relay = Fogbell::start_in(home.path(), &config);
    let pid = relay.process().pid();
    let mut open = TlsClient::connect(relay.address(), "relay.test", relay.ca(), Duration::ZERO).unwrap();
    super::watched::ping(&mut open);

    // the certificate alone is no pair: the old one is shown until its key is there too
    replace(&certs, "second.pem", "live.pem");
    let wrong = "the files of the certificate cannot be used";
    let said = relay.process().wait_line(wrong, |line| line.contains(wrong));
    assert!(said.contains("does not belong to the certificate"), "{said}");
    assert_eq!(shown(&relay), der(&certs.join("first.pem")));
    replace(&certs, "second.key", "live.key");
    assert!(wait_until(DEADLINE, || shown(&relay) == der(&certs.join("second.pem"))));

    // both written in place, the key first
    fs::copy(certs.join("third.key"), certs.join("live.key")).unwrap();
    fs::copy(certs.join("third.pem"), certs.join("live.pem")).unwrap();
    assert!(wait_until(DEADLINE, || shown(&relay) == der(&certs.join("third.pem"))));

    super::watched::ping(&mut open);
    assert_eq!((relay.process().pid(), relay.process().is_running()), (pid, true));
}

#[test]
fn the_end_of_a_certificate_is_told_and_its_renewal_too() {
    let siem = Rsyslog::start(&RsyslogSetup::default());
    let home = tempfile::tempdir().unwrap();
    let certs = home.path().join("certs");
    let _ca = Certs::make(&certs);
    certificate(&certs, "short", "10");
    certificate(&certs, "shorter", "3");
    certificate(&certs, "long", "90");
    replace(&certs, "short.pem", "live.pem");
    replace(&certs, "short.key", "live.key");
    let path = |name: &str| format!("\"{}\"", certs.join(name).display());
    let config = Config::new()
        .set("tls", "certificate", &path("live.pem"))
        .set("tls", "key", &format!("{{ file = {} }}", path("live.key")))
        .syslog("siem", &siem.tcp(), "tcp");
    let mut relay = Fogbell::start_in(home.path(), &config);

    let raised = siem.wait_lines(1).remove(0);
    assert_eq!(raised.msgid, "certificate_expires");
    assert!(
        raised.data.contains("state=\"raised\"") && raised.data.contains("severity=\"warning\""),
        "{}",
        raised.data
    );
    assert!(
        raised.message.contains("relay.test") && raised.message.contains("ends in 9 days"),
        "{}",
        raised.message
    );
    let end = relay.metric("fogbell_certificate_expiry_seconds", "");
    let checked = ask_end(&certs.join("short.pem"));
    assert!((end - checked).abs() < 0.5, "{end} {checked}");

    replace(&certs, "shorter.pem", "live.pem");
    replace(&certs, "shorter.key", "live.key");
    let worse = siem.wait_lines(2).remove(1);
    assert!(
        worse.data.contains("severity=\"critical\"") && worse.data.contains("state=\"raised\""),
        "{}",
        worse.data
    );

    // a restart says nothing a second time, once what was said is delivered
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_sink_behind_alerts", "") < 0.5));
    relay.start_again();
    replace(&certs, "long.pem", "live.pem");
    replace(&certs, "long.key", "live.key");
    let lines = siem.wait_lines(3);
    let cleared = &lines[2];
    assert!(cleared.data.contains("state=\"cleared\""), "{}", cleared.data);
    let key =
        |data: &str| data.split(" key=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned);
    assert_eq!(key(&raised.data), key(&cleared.data));
    assert!(key(&worse.data) == key(&cleared.data) && key(&raised.data).is_some());
    assert!(wait_until(DEADLINE, || relay.metric("fogbell_certificate_expiry_seconds", "") > end + 1.0));
}

/// When a certificate ends, in seconds since 1970, as OpenSSL and date say.
fn ask_end(file: &Path) -> f64 {
    let output =
        Command::new("openssl").args(["x509", "-noout", "-enddate", "-in"]).arg(file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let date = said.trim().strip_prefix("notAfter=").unwrap();
    let output = Command::new("date").args(["-u", "-d", date, "+%s"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}
