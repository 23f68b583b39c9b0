//! Endorsement keys of TPMs that once were.

/// The public endorsement key of the TPM with this number, of [`COUNT`] that are all different; the numbers begin again
/// after them.
///
/// Shape: base64 of `SubjectPublicKeyInfo` in DER, RSA 2048, 392 characters. swtpm made each with a seed of its own, by the
/// template of the TCG EK Credential Profile; nobody has the private keys.
#[must_use]
pub fn endorsement_key(number: usize) -> &'static str {
    KEYS.lines().nth(number % COUNT).unwrap_or_default()
}

/// How many there are.
pub const COUNT: usize = 256;

const KEYS: &str = include_str!("../data/endorsement_keys.txt");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
    use x509_parser::public_key::PublicKey;

    use super::*;

    #[test]
    fn every_key_is_another_and_has_2048_bits() {
        let all: BTreeSet<&str> = (0..COUNT).map(endorsement_key).collect();

        assert_eq!((all.len(), KEYS.lines().count()), (COUNT, COUNT));
        for text in all {
            let der = crate::base64::decode(text).unwrap();
            let (rest, key) = SubjectPublicKeyInfo::from_der(&der).unwrap();
            let PublicKey::RSA(rsa) = key.parsed().unwrap() else { panic!("{text}") };
            assert_eq!((rest.len(), rsa.key_size(), rsa.exponent), (0, 2_048, &[1, 0, 1][..]), "{text}");
        }
        assert_eq!(endorsement_key(3), endorsement_key(COUNT + 3));
    }
}
