//! Certificates for tests.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};

/// A certificate authority that lives as long as the test.
///
/// Its key and all keys it certifies are ECDSA P-256; a certificate is valid from 1975 to 4096, as `rcgen`
/// makes them.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestCa {
    /// Makes an authority with a fresh key.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Fogbell test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("these parameters can be signed");
        Self { issuer }
    }

    /// The authority's own certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes the authority's certificate to `<dir>/<stem>.pem` and says where it is.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn write(&self, dir: &Path, stem: &str) -> io::Result<PathBuf> {
        let path = dir.join(format!("{stem}.pem"));
        fs::write(&path, self.pem())?;
        Ok(path)
    }

    /// A server certificate for `names`, which may be DNS names and IP addresses.
    ///
    /// # Panics
    ///
    /// When a name is not ASCII.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> TestCertificate {
        self.leaf(names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate for `names`.
    ///
    /// # Panics
    ///
    /// When a name is not ASCII.
    #[must_use]
    pub fn client(&self, names: &[&str]) -> TestCertificate {
        self.leaf(names, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn leaf(&self, names: &[&str], usage: ExtendedKeyUsagePurpose) -> TestCertificate {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let first = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names).expect("the names are ASCII");
        params.distinguished_name.push(DnType::CommonName, first);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = new_key();
        let certificate = params.signed_by(&key, &self.issuer).expect("these parameters can be signed");
        TestCertificate { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCa").finish_non_exhaustive()
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the system gives random bytes")
}

/// A certificate and its key.
#[non_exhaustive]
pub struct TestCertificate {
    /// The certificate as PEM; the authority's is not part of it.
    pub chain_pem: String,
    /// Its key as PEM (PKCS #8).
    pub key_pem: String,
}

impl TestCertificate {
    /// Writes `<dir>/<stem>.pem` and `<dir>/<stem>.key`, the key readable by its owner alone, and says where
    /// they are.
    ///
    /// # Errors
    ///
    /// What the operating system says; also when the key's file exists already.
    pub fn write(&self, dir: &Path, stem: &str) -> io::Result<(PathBuf, PathBuf)> {
        let chain = dir.join(format!("{stem}.pem"));
        let key = dir.join(format!("{stem}.key"));
        fs::write(&chain, &self.chain_pem)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key)?;
        file.write_all(self.key_pem.as_bytes())?;
        Ok((chain, key))
    }
}

impl fmt::Debug for TestCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCertificate").field("chain_pem", &self.chain_pem).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_written_for_its_owner_alone_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let certificate = TestCa::new().server(&["localhost", "127.0.0.1"]);

        let (chain, key) = certificate.write(dir.path(), "server").unwrap();

        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(fs::read_to_string(chain).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
    }
}
