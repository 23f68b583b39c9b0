//! The certificate that answers a TLS-ALPN-01 challenge (RFC 8737 3).

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A self-signed certificate for `name` that carries `digest`, the SHA-256 of the key authorization.
pub(crate) fn answer(
    name: &str,
    digest: &[u8],
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?.der().clone();
    Ok((certificate, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_one_host_and_carries_the_digest_critically() {
        let digest = [7; 32];

        let (certificate, _) = answer("relay.example.net", &digest).unwrap();

        // id-pe-acmeIdentifier 1.3.6.1.5.5.7.1.31, critical, an octet string in an octet string
        let extension = [
            &[
                0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff, 0x04, 0x22,
                0x04, 0x20,
            ][..],
            &digest,
        ]
        .concat();
        assert!(certificate.windows(extension.len()).any(|part| part == extension));
        let chain = pki::Authorities::new([certificate]);
        assert_eq!(chain.certificates().len(), 1);
    }
}
