//! `fogbell cert`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use e2e::{Config, Fogbell, ask_fogbell, ask_fogbell_in};
use serde_json::Value;

fn home(config: &Config) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    config.write(home.path());
    home
}

/// The SHA-256 of a certificate, as OpenSSL prints it.
fn fingerprint(file: &Path) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().rsplit('=').next().unwrap().to_owned()
}

#[test]
fn what_is_shown_and_what_is_in_the_files_is_told() {
    let mut relay = Fogbell::start(&Config::new());
    let expect = fingerprint(&relay.home().join("certs/server.pem"));

    let told = ask_fogbell_in(relay.home(), &["cert", "show"]);
    assert_eq!(told.code, 0, "{}", told.said);
    assert_eq!(told.out.matches(&expect).count(), 2, "{}", told.out);
    for part in
        ["what is in the file", "localhost, 127.0.0.1, ::1", "CN=test ca", "ECDSA P-256", " days left)"]
    {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
    let told = ask_fogbell_in(relay.home(), &["cert", "show", "--json"]);
    let facts: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(facts["served"]["fingerprint"], expect);
    assert_eq!(facts["file"]["certificate"]["fingerprint"], expect);
    assert_eq!((&facts["served"]["renewed_by_relay"], &facts["acme"]), (&Value::Bool(false), &Value::Null));

    let asked = ask_fogbell_in(relay.home(), &["cert", "renew"]);
    assert!(asked.code == 1 && asked.said.contains("no [tls.acme]"), "{}", asked.said);
    relay.kill9();
    let told = ask_fogbell_in(relay.home(), &["cert", "show"]);
    assert!(told.out.contains("no relay runs here") && told.out.contains(&expect), "{}", told.out);
}

#[test]
fn a_chain_is_checked_as_an_outsider_would() {
    let home = home(&Config::new());
    let ca = home.path().join("certs/ca.pem").display().to_string();
    let check = |arguments: &[&str]| {
        let answer = ask_fogbell_in(home.path(), &[&["cert", "check"], arguments].concat());
        (answer.code, answer.out + &answer.said)
    };

    let (code, said) = check(&["--ca", &ca, "--name", "localhost", "--name", "127.0.0.1"]);
    assert!(code == 0 && said.contains("ok      it is for localhost"), "{code}: {said}");
    let (code, said) = check(&["--ca", &ca, "--name", "relay.example.net"]);
    assert!(code == 1 && said.contains("FAILED  it is NOT for relay.example.net"), "{code}: {said}");
    // nobody trusts a test's authority
    let (code, said) = check(&[]);
    assert!(code == 1 && said.contains("FAILED  nobody who is trusted issued"), "{code}: {said}");
    fs::copy(home.path().join("certs/client.key"), home.path().join("certs/server.key")).unwrap();
    let (code, said) = check(&["--ca", &ca]);
    assert!(code == 1 && said.contains("does not belong to the certificate"), "{code}: {said}");
}

#[test]
fn a_self_signed_certificate_is_made_and_said_what_for() {
    let home = home(&Config::new().set("tls", "self_signed", "[\"relay.example.net\"]"));
    let make =
        |arguments: &[&str]| ask_fogbell_in(home.path(), &[&["cert", "self-signed"], arguments].concat());
    let file = home.path().join("state/self-signed.pem");

    let made = make(&[]);
    assert_eq!(made.code, 0, "{}", made.said);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let first = fingerprint(&file);
    for part in [&first, "\"verify_cert\": false", "relay.example.net", &file.display().to_string()] {
        assert!(made.out.contains(part), "{part}: {}", made.out);
    }
    let again = make(&[]);
    assert!(again.code == 1 && again.said.contains("--replace"), "{}", again.said);
    assert_eq!(fingerprint(&file), first);
    assert_eq!(make(&["--replace"]).code, 0);
    assert_ne!(fingerprint(&file), first);

    let other = home.path().join("other.pem").display().to_string();
    let made = ask_fogbell(&["cert", "self-signed", "a.test", "192.0.2.1", "--out", &other]);
    assert!(made.code == 0 && made.out.contains("a.test, 192.0.2.1"), "{}{}", made.out, made.said);
    assert!(!made.out.contains("PRIVATE KEY"));
}
