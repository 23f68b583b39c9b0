//! Id tokens of Session Smart Routers that do not exist.

use ids::Mac;

use crate::base64;
use crate::rng::Rng;

/// A made-up token that looks like the endorsement key of a TPM: 392 characters of base64 that hold an RSA-2048
/// public key in DER (`SubjectPublicKeyInfo`). Nobody has the private key: the modulus is a number drawn from
/// the MAC address.
///
/// The form is not documented by Mist.
pub(super) fn of(mac: Mac) -> String {
    let seed = mac.bytes().into_iter().fold(0_u64, |seed, byte| seed << 8 | u64::from(byte));
    let mut rng = Rng::new(seed);
    let mut modulus: Vec<u8> = (0..32).flat_map(|_| rng.bits().to_be_bytes()).collect();
    modulus[0] |= 0x80;
    modulus[255] |= 1;
    let mut der = HEAD.to_vec();
    der.extend(modulus);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    base64::encode(&der)
}

/// A sequence, the algorithm rsaEncryption, a bit string, a sequence, an integer of 257 bytes whose first is 0.
const HEAD: &[u8] = &[
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_form_of_an_endorsement_key() {
        let token = of("683b679ac024".parse().unwrap());

        assert_eq!(token.len(), 392);
        assert!(token.starts_with("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"), "{token}");
        assert_ne!(token, of("683b679ac025".parse().unwrap()));
    }
}
