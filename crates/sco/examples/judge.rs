//! Judges an endorsement key, and reads an onboarding token: `cargo run -p fogbell-sco --example judge`.
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use fogbell_sco::ek::{AllowFormats, EndorsementKey, Kind, Screen};
use fogbell_sco::token::{Expectation, OnboardingToken};
use ids::Timestamp;

/// What Mist exports as ID token of a device: here a public key that is known to be breakable.
const EXPORTED: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkTKtIR/MDftNrkgyashkwifks5Swm9HEkw4ZcCijyQdpTStI\
                        nk9pdUrq4zjG6tk5xX9AaYXLu47fmiBVzClGvAXTZbpn6JbG1IERUs+i0pBRT5CzUu7vJ/63L72NzVvJFaT0SUE5zByh\
                        CjJE+pflMnX1e1UptOdnN5AHeY4RKkugVse3XO2xMs3yH3vTyZdtnaOIFRU0d6E7PrsgRtEAqFHcAGmPUw0ZOW8A++8s\
                        S/FlnrxMf9lVa1/8k/A8otPfrNIipfAoq0MKJ+oxE2wML1DDxIGTGmNaN3gPANJyeuca7ptA+NGq5oU1x3pWMXgSvrVS\
                        XUooNk8xIkrKxSz3LQIDAQAB";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let reading = EndorsementKey::read(EXPORTED.as_bytes(), &AllowFormats::none())?;
    assert_eq!(reading.kind, Kind::Spki);
    println!("an endorsement key of {} bits, {}", reading.key.bits(), reading.key.fingerprint());
    match Screen::new().judge(&reading.key) {
        Ok(()) => println!("nothing speaks against it"),
        Err(weakness) => println!("it is not used: {weakness}"),
    }

    // the shape of a token, signed by nobody: what it says is read, and it is not usable
    let token = OnboardingToken::parse("eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3NjczMjMwNDV9.c2lnbmF0dXJl")?;
    let assets = BTreeSet::from(["A1".parse()?]);
    let now = Timestamp::now();
    let judgement = token.judge(&Expectation {
        asset_ids: &assets,
        anchor: None,
        served: None,
        now,
        margin: Duration::from_secs(3600),
    });
    assert!(!judgement.is_usable(&[]));
    for fault in &judgement.faults {
        println!("the token is not used: {fault}");
    }
    Ok(())
}
