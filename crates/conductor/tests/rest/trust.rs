//! The certificate is verified or pinned.

use std::time::Duration;

use fogbell_conductor::{Conductor, Problem, SpkiPin, Trust};
use testkit::TestCa;

use super::{client_with, start};

#[tokio::test]
async fn a_certificate_of_another_authority_is_not_trusted_and_gets_no_password() {
    let fake = start().await;
    for trust in [Trust::Authorities(TestCa::new().pem().into()), Trust::System] {
        let problem = client_with(&fake, |settings| settings.trust = trust).system().await.unwrap_err();

        assert!(matches!(problem, Problem::Connect { distrust: true, .. }), "{problem:?}");
        assert!(!problem.retry_helps());
    }
    assert!(fake.asked().is_empty());
}

#[tokio::test]
async fn the_key_that_was_looked_at_can_be_pinned_and_no_other() {
    let (fake, other) = (start().await, start().await);
    let host = fake.base_host().parse().unwrap();

    let pin = Conductor::look(&host, Duration::from_secs(5)).await.unwrap();

    assert!(fake.asked().is_empty(), "looking sends nothing");
    client_with(&fake, |settings| settings.trust = Trust::Pinned(pin)).system().await.unwrap();
    let problem =
        client_with(&other, |settings| settings.trust = Trust::Pinned(pin)).system().await.unwrap_err();
    assert!(matches!(problem, Problem::Connect { distrust: true, .. }), "{problem:?}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_pin_is_what_openssl_prints() {
    let fake = start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c.pem");
    std::fs::write(&file, fake.certificate_pem()).unwrap();
    let script =
        "openssl x509 -pubkey -noout -in \"$1\" | openssl pkey -pubin -outform der | openssl dgst -sha256 -r";
    let output = std::process::Command::new("sh").args(["-c", script, "sh"]).arg(&file).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();

    let pin: SpkiPin = printed.split_whitespace().next().unwrap().parse().unwrap();

    assert_eq!(
        Conductor::look(&fake.base_host().parse().unwrap(), Duration::from_secs(5)).await.unwrap(),
        pin
    );
}
