use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

use super::*;

/// The DER of a public key in a fixture.
fn der(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/ek/{name}.pem", env!("CARGO_MANIFEST_DIR"));
    let pem = std::fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn text(name: &str) -> String {
    STANDARD.encode(der(name))
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// A `TPM2B_PUBLIC` as `tpm2_createek` writes it: SHA-256, AES-128-CFB, no scheme, 2048 bits, default exponent.
fn tpm2b(modulus: &[u8], attributes: u32) -> Vec<u8> {
    let mut area = vec![0x00, 0x01, 0x00, 0x0b];
    area.extend(attributes.to_be_bytes());
    area.extend([0x00, 0x20]);
    area.extend([0x5a; 32]);
    area.extend([0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x08, 0x00, 0, 0, 0, 0]);
    area.extend(u16::try_from(modulus.len()).unwrap().to_be_bytes());
    area.extend(modulus);
    let mut whole = u16::try_from(area.len()).unwrap().to_be_bytes().to_vec();
    whole.extend(area);
    whole
}

const ENDORSEMENT: u32 = 0x0003_00b2;

fn read(bytes: impl AsRef<[u8]>) -> Result<Reading, EkError> {
    EndorsementKey::read(bytes.as_ref(), &AllowFormats::none())
}

fn read_any(bytes: impl AsRef<[u8]>) -> Result<Reading, EkError> {
    EndorsementKey::read(bytes.as_ref(), &Format::ALL.into_iter().collect())
}

fn key_of(modulus: &BigUint) -> EndorsementKey {
    EndorsementKey::from_numbers(&modulus.to_bytes_be(), u64::from(EXPONENT)).unwrap()
}

fn holder(router: &str) -> Holder {
    Holder { router: router.parse().unwrap(), node: "node0".parse().unwrap() }
}

#[test]
fn what_the_conductor_takes_is_taken_as_it_is() {
    let text = text("rsa2048");
    assert_eq!((text.len(), &text[..44]), (392, "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"));

    let reading = read(&text).unwrap();

    assert_eq!((reading.kind, reading.warnings), (Kind::Spki, vec![]));
    assert_eq!(reading.key.to_base64(), text);
    assert_eq!(reading.key.spki(), der("rsa2048"));
    assert_eq!(serde_json::to_string(&reading.key).unwrap(), format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<EndorsementKey>(&format!("\"{text}\"")).unwrap(), reading.key);
}

#[test]
fn a_larger_key_is_taken_with_a_warning_and_another_size_is_not() {
    for (name, bits) in [("rsa3072", 3072), ("rsa4096", 4096)] {
        let reading = read(text(name)).unwrap();
        assert_eq!(reading.warnings, [EkWarning::Size { bits }]);
        assert_eq!(reading.key.bits(), bits);
    }
    assert_eq!(read(text("rsa1024")), Err(EkError::Size { bits: 1024 }));
    let short = EndorsementKey::from_numbers(&[0x7f; 256], 65537);
    assert_eq!(short, Err(EkError::Size { bits: 2047 }));
}

#[test]
fn what_is_no_rsa_key_with_the_usual_exponent_is_named_and_refused() {
    assert_eq!(read(text("p384")), Err(EkError::Algorithm { found: "an elliptic curve key" }));
    assert_eq!(
        read_any(pem("PUBLIC KEY", &der("p384"))),
        Err(EkError::Algorithm { found: "an elliptic curve key" })
    );
    assert_eq!(read(text("exponent3")), Err(EkError::Exponent { exponent: 3 }));
    let huge = EndorsementKey::from_spki(&der::rsa_spki(&[0xff; 256], u32::MAX));
    assert_eq!(huge, Err(EkError::Exponent { exponent: u64::from(u32::MAX) }));
}

#[test]
fn every_other_kind_is_named_refused_and_converted_only_when_allowed() {
    let der = der("rsa2048");
    let modulus = read(text("rsa2048")).unwrap().key.modulus;
    let certificate = include_bytes!("../../tests/fixtures/pki/server.crt");
    let certificate_der = crate::certificate::Certificate::parse_all(certificate).unwrap()[0].der().to_vec();
    let tpm2b = tpm2b(&modulus, ENDORSEMENT);
    for (bytes, kind) in [
        (der.clone(), Kind::Der),
        (pem("PUBLIC KEY", &der).into_bytes(), Kind::Pem),
        (STANDARD.encode(pem("PUBLIC KEY", &der)).into_bytes(), Kind::Pem),
        (tpm2b.clone(), Kind::Tpm2b),
        (STANDARD.encode(&tpm2b).into_bytes(), Kind::Tpm2b),
        (tpm2b[2..].to_vec(), Kind::Tpm2b),
        (certificate.to_vec(), Kind::Certificate),
        (certificate_der.clone(), Kind::Certificate),
        (STANDARD.encode(&certificate_der).into_bytes(), Kind::Certificate),
    ] {
        let refused = read(&bytes).unwrap_err();
        let EkError::Format { found, allowed_by: Some(format) } = refused.clone() else {
            panic!("{kind:?}: {refused:?}");
        };
        assert_eq!(found, kind);
        assert!(refused.to_string().contains(&format!("`--allow-format {format}`")), "{refused}");

        let reading = EndorsementKey::read(&bytes, &[format].into_iter().collect()).unwrap();

        assert_eq!(reading.kind, kind);
        assert!(reading.warnings.contains(&EkWarning::Converted { from: kind }));
        if kind != Kind::Certificate {
            assert_eq!(reading.key.spki(), der, "{kind:?}");
        }
    }
}

#[test]
fn the_key_of_a_tpm_is_one_key_in_every_format() {
    let expected = read(text("swtpm")).unwrap().key;
    let fixture = |name: &str| {
        std::fs::read(format!("{}/tests/fixtures/ek/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    for (file, kind) in
        [("swtpm.pem", Kind::Pem), ("swtpm.tpm2b", Kind::Tpm2b), ("swtpm.crt", Kind::Certificate)]
    {
        let reading = read_any(fixture(file)).unwrap();
        assert_eq!((reading.key, reading.kind), (expected.clone(), kind), "{file}");
    }
    assert_eq!(Screen::new().judge(&expected), Ok(()));
    let digest = include_str!("../../tests/fixtures/ek/swtpm.sha256");
    assert_eq!(expected.fingerprint().to_string(), format!("sha256:{}", digest.trim()));
}

#[test]
fn a_token_and_a_private_key_are_refused_whatever_is_allowed() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJlayI6Ik1JSUIifQ.c2lnbmF0dXJl";
    let private = include_str!("../../tests/fixtures/pki/server.key");
    let private_der: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    for (text, kind) in [
        (jwt, Kind::Jwt),
        (private, Kind::PrivateKey),
        (private_der.as_str(), Kind::PrivateKey),
        ("string", Kind::Unknown),
        ("not a key at all", Kind::Unknown),
        ("5f2c9be1", Kind::Unknown),
        (r#"{"token": "x"}"#, Kind::Unknown),
    ] {
        assert_eq!(read_any(text), Err(EkError::Format { found: kind, allowed_by: None }), "{text}");
    }
    assert_eq!(read_any(" \r\n"), Err(EkError::Empty));
    assert_eq!(read_any([b'A'; 20_000]), Err(EkError::TooLarge { limit_bytes: 16 * 1024 }));
}

#[test]
fn another_key_of_the_tpm_is_no_endorsement_key() {
    let modulus = read(text("rsa2048")).unwrap().key.modulus;
    // a storage key that may leave its TPM, a signing key, a decryption key that is not restricted
    for attributes in [0x0003_0070, 0x0005_0072, 0x0002_0072] {
        let refused = read_any(tpm2b(&modulus, attributes));
        assert_eq!(refused, Err(EkError::NotEndorsement { attributes }));
    }
}

#[test]
fn base64_that_is_not_canonical_is_no_key() {
    let good = text("rsa2048");
    let cut = &good[..good.len() - 4];
    // the last character before the padding has bits that no byte needs
    let bits = text("rsa4096");
    assert!(bits.ends_with("=="), "{bits}");
    let last = bits.len() - 3;
    let loose = format!("{}{}==", &bits[..last], char::from(bits.as_bytes()[last] + 1));
    for (text, what) in [
        (format!("{good}A"), "canonical base64"),
        (format!("{good}===="), "canonical base64"),
        (format!("{good}{good}"), "something follows"),
        (cut.to_owned(), "cut off"),
        (good.replace('+', "-").replace('/', "_"), "canonical base64"),
    ] {
        let error = read(&text).unwrap_err();
        assert!(matches!(error, EkError::Malformed { .. }) && error.to_string().contains(what), "{error}");
    }
    assert!(read(loose).is_err());
}

#[test]
fn spaces_are_left_out_and_said() {
    let good = text("rsa2048");
    let wrapped = format!("{}\r\n{}\n", &good[..64], &good[64..]);

    let reading = read(wrapped).unwrap();

    assert_eq!(reading.key.to_base64(), good);
    assert_eq!(reading.warnings, [EkWarning::Whitespace]);
    assert!(format!("{good}\n").parse::<EndorsementKey>().is_err());
}

#[test]
fn der_that_is_not_canonical_is_no_key() {
    let good = der("rsa2048");
    let mut changed: Vec<Vec<u8>> = Vec::new();
    // a length that is longer than it must be
    changed.push([&[0x30, 0x83, 0x00, 0x01, 0x22], &good[4..]].concat());
    // something behind it, and cut off
    changed.push([&good[..], &[0]].concat());
    changed.push(good[..good.len() - 1].to_vec());
    // unused bits in the bit string: its first byte
    let mut bits = good.clone();
    bits[23] = 1;
    changed.push(bits);
    // a negative modulus: without its leading zero
    let mut negative = good.clone();
    negative[32] = 0x80;
    changed.push(negative);
    for bytes in changed {
        let error = EndorsementKey::from_spki(&bytes).unwrap_err();
        assert!(matches!(error, EkError::Malformed { .. }), "{error:?}");
    }
    // every single bit that is changed is told, or is another key
    let original = EndorsementKey::from_spki(&good).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(key) = EndorsementKey::from_spki(&bytes) {
            assert_ne!(key, original);
            assert_eq!(key.spki(), bytes);
        }
    }
}

#[test]
fn a_modulus_with_a_small_factor_is_weak() {
    let screen = Screen::new();
    let good = read(text("rsa2048")).unwrap().key;
    assert_eq!(screen.judge(&good), Ok(()));
    for factor in [2_u32, 3, 65521] {
        let multiple = good.modulus() / factor * factor;
        assert_eq!(screen.judge(&key_of(&multiple)), Err(Weakness::SmallFactor), "{factor}");
    }
    // the smallest prime that is not looked for
    let beyond = good.modulus() / 65537_u32 * 65537_u32;
    let by_chance = (2_u32..65536).any(|factor| &beyond % factor == BigUint::from(0_u8));
    assert_eq!(screen.judge(&key_of(&beyond)).is_err(), by_chance);
}

#[test]
fn a_key_that_is_known_to_be_made_by_the_faulty_library_is_weak() {
    let screen = Screen::new();

    assert_eq!(screen.judge(&EndorsementKey::from_spki(&der("roca")).unwrap()), Err(Weakness::Roca));
    for name in ["rsa2048", "rsa3072", "rsa4096"] {
        assert_eq!(screen.judge(&EndorsementKey::from_spki(&der(name)).unwrap()), Ok(()), "{name}");
    }
}

#[test]
fn one_key_under_two_nodes_is_told_and_under_its_own_node_twice_is_not() {
    let (one, other) = (read(text("rsa2048")).unwrap().key, read(text("rsa3072")).unwrap().key);
    let (a, b, c) = (holder("a"), holder("b"), holder("c"));

    let faults = judge_batch([(&b, &one), (&a, &one), (&c, &other), (&c, &other)]);

    assert_eq!(faults, [BatchFault::Same { holders: [a, b], key: one.fingerprint() }]);
}

#[test]
fn keys_with_a_prime_in_common_are_told() {
    // odd numbers in place of primes: what counts is the factor that two have
    let shared = (BigUint::from(3_u8) << 1022_u32) + 4_711_u32;
    let numbers = [1_u32, 3, 5, 9].map(|add| (BigUint::from(3_u8) << 1022_u32) + add);
    let weak = [key_of(&(&shared * &numbers[0])), key_of(&(&shared * &numbers[1]))];
    let strong = [key_of(&(&numbers[2] * ((BigUint::from(3_u8) << 1022_u32) + 1_000_003_u32)))];
    let (a, b, c) = (holder("a"), holder("b"), holder("c"));

    let faults = judge_batch([(&a, &weak[1]), (&b, &strong[0]), (&c, &weak[0])]);

    assert!(faults.contains(&BatchFault::SharedFactor { holders: [a, c] }), "{faults:?}");
}

#[test]
fn a_key_prints_its_size_and_its_fingerprint() {
    let key = read(text("rsa2048")).unwrap().key;

    let printed = format!("{key:?}");

    assert_eq!(printed, format!("EndorsementKey(2048 bits, {})", key.fingerprint()));
    assert_eq!(format!("{:.8}", key.fingerprint()).len(), "sha256:".len() + 8);
    assert_eq!(key.fingerprint().to_string().parse(), Ok(key.fingerprint()));
}
