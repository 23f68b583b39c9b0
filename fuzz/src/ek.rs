//! Endorsement keys, as Mist or a TPM's tools return them.

use sco::ek::{AllowFormats, EndorsementKey, Format, Kind, Screen};

/// Whatever is taken for a key is one canonical RSA key of 2048 bits or more, and is written as it must be; nothing else
/// than its base64 is taken unless that was allowed, and no error repeats what was given.
pub fn ek(data: &[u8]) {
    let strict = EndorsementKey::read(data, &AllowFormats::none());
    let every = EndorsementKey::read(data, &Format::ALL.into_iter().collect());

    if let Ok(reading) = &strict {
        assert_eq!(reading.kind, Kind::Spki);
        assert_eq!(every.as_ref(), Ok(reading));
        let bare: Vec<u8> = data.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let bare = bare.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bare);
        assert_eq!(reading.key.to_base64().as_bytes(), bare, "what was read is what would be written");
    }
    match &every {
        Ok(reading) => {
            let key = &reading.key;
            assert!(matches!(key.bits(), 2048 | 3072 | 4096));
            assert!(!matches!(reading.kind, Kind::Jwt | Kind::PrivateKey | Kind::Unknown));
            assert_eq!(key.to_base64().parse().as_ref(), Ok(key));
            assert_eq!(EndorsementKey::from_spki(key.spki()).as_ref(), Ok(key));
            let _ = SCREEN.judge(key);
        }
        Err(error) => {
            // what it says is its own words, however long the input
            assert!(error.to_string().len() < 300, "{error}");
        }
    }
    if let Ok(key) = EndorsementKey::from_spki(data) {
        assert_eq!(key.spki(), data);
    }
}

static SCREEN: std::sync::LazyLock<Screen> = std::sync::LazyLock::new(Screen::new);
