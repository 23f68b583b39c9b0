use super::*;
use crate::token::tests::{NOW, at, certificate};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/pki/{name}.crt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Judges these certificates, the device's first, for AB1234567890.
fn judge(names: &[&str], roots: &[&str], now: i64) -> Result<DeviceTrust, DeviceIdError> {
    let bytes: Vec<u8> = names.iter().flat_map(|name| fixture(name)).collect();
    let roots: Vec<Certificate> = roots.iter().map(|name| certificate(name)).collect();
    DeviceId::judge(&bytes, &"AB1234567890".parse().unwrap(), &roots, at(now))
        .map(|device_id| device_id.trust)
}

#[test]
fn a_certificate_that_leads_to_the_operators_root_is_verified() {
    let root = certificate("devid-root").fingerprint();

    assert_eq!(judge(&["devid", "devid-ca"], &["devid-root"], NOW), Ok(DeviceTrust::Verified { root }));
    assert_eq!(
        judge(&["devid"], &["ca", "devid-ca"], NOW),
        Ok(DeviceTrust::Verified { root: certificate("devid-ca").fingerprint() })
    );
}

#[test]
fn without_a_root_it_is_unverified_and_that_is_no_ok() {
    let trust = judge(&["devid", "devid-ca"], &[], NOW).unwrap();

    assert_eq!(trust, DeviceTrust::Unverified);
    assert_eq!(trust.to_string(), "unverified: no authority was given");
}

#[test]
fn with_a_root_that_did_not_issue_it_it_is_refused() {
    let no_path = Err(DeviceIdError::Chain(ChainError::NoPath));
    assert_eq!(judge(&["devid"], &["devid-root"], NOW), no_path);
    assert_eq!(judge(&["devid", "devid-ca"], &["ca"], NOW), no_path);
    // issued by a certificate that is no authority
    assert_eq!(judge(&["devid-bad", "server"], &["ca"], NOW), no_path);
}

#[test]
fn another_devices_certificate_is_refused() {
    let judged = DeviceId::judge(&fixture("devid"), &"AB0000000000".parse().unwrap(), &[], at(NOW));
    assert!(matches!(judged, Err(DeviceIdError::OtherDevice { .. })), "{judged:?}");
    assert_eq!(judge(&["server"], &[], NOW), Err(DeviceIdError::Serials { count: 0 }));
    assert_eq!(judge(&["devid-two"], &[], NOW), Err(DeviceIdError::Serials { count: 2 }));
}

#[test]
fn outside_its_validity_it_is_refused() {
    for now in [1_700_000_000, 5_000_000_000] {
        assert!(matches!(judge(&["devid"], &[], now), Err(DeviceIdError::Validity { .. })), "{now}");
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    let asset_id: AssetId = "A1".parse().unwrap();
    for bytes in
        [&b""[..], b"x", b"-----BEGIN CERTIFICATE-----", &[0x30, 0x03, 1, 2, 3], &fixture("devid")[..400]]
    {
        let judged = DeviceId::judge(bytes, &asset_id, &[], at(NOW));
        assert!(matches!(judged, Err(DeviceIdError::Certificate(_))), "{judged:?}");
    }
}
