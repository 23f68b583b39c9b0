//! Every format there ever was opens for ever: each has a file in `tests/fixtures` that is never written again.

use fogbell_vault::{OpenError, RecoveryKey};

use super::*;

/// `tests/fixtures/README.md` says what is in it.
#[test]
fn a_vault_of_format_1_opens_with_each_of_its_keys() {
    let bytes = fixture("format-1.vault");
    let recovery = String::from_utf8(fixture("format-1.recovery")).unwrap();
    for key in [
        Key::material(fixture("format-1.key").into()).unwrap(),
        Key::material(b"a credential of format 1, 32 bytes or more".to_vec().into()).unwrap(),
        Key::passphrase(b"format one passphrase".to_vec().into()).unwrap(),
        Key::recovery(RecoveryKey::parse(&recovery).unwrap()),
    ] {
        let shown = format!("{key:?}");
        let vault =
            Vault::parse(&bytes, &Keyring::of([key])).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let found: Vec<_> = vault
            .entries()
            .iter()
            .map(|entry| {
                (entry.name().as_str(), entry.kind(), vault.secret(entry.name()).unwrap().expose().to_vec())
            })
            .collect();
        assert_eq!(
            found,
            [
                ("binary", Kind::Other, (0..=255).collect::<Vec<u8>>()),
                ("mist/webhook", Kind::Webhook, b"correct horse battery staple".to_vec()),
                ("snmp.auth", Kind::Snmp, "päss wörd".as_bytes().to_vec()),
            ]
        );
        assert_eq!((vault.verify(), vault.counter(), vault.written()), (Ok(()), 2, moment(100)));
        let fingerprint = vault.entries()[1].fingerprint().to_string();
        assert_eq!(fingerprint, String::from_utf8(fixture("format-1.fingerprint")).unwrap().trim());
    }
}

#[test]
fn a_newer_format_is_refused_and_named() {
    for version in [2_u16, 3, 256, u16::MAX] {
        let mut bytes = fixture("format-1.vault");
        bytes[8..10].copy_from_slice(&version.to_be_bytes());
        let error = Vault::parse(&bytes, &keyring()).unwrap_err();
        assert_eq!(error, OpenError::Newer { version });
        assert!(error.to_string().contains(&format!("format {version}")), "{error}");
    }
}

#[test]
fn parameters_that_would_take_a_reader_down_are_refused() {
    let bytes = fixture("format-1.vault");
    let at = bytes.windows(12).position(|twelve| *twelve == [0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4]).unwrap();
    for (memory, passes, lanes) in
        [(u32::MAX, 3, 4), (1 << 20, 16, 4), (65_536, 0, 4), (65_536, 1 << 30, 4), (65_536, 3, 0), (8, 1, 1)]
    {
        let mut changed = bytes.clone();
        for (place, number) in [memory, passes, lanes].into_iter().enumerate() {
            changed[at + 4 * place..][..4].copy_from_slice(&u32::to_be_bytes(number));
        }
        let passphrase = Key::passphrase(b"format one passphrase".to_vec().into()).unwrap();
        let error = Vault::parse(&changed, &Keyring::of([passphrase])).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{memory} {passes} {lanes}: {error}");
    }
}
