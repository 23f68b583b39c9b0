//! Keys and certificates for onboarding, made by OpenSSL.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

use super::jwt;

/// An RSA authority, and the certificate that it has signed for the conductor.
pub(super) struct Authority {
    pub(super) ca_pem: String,
    pub(super) server_pem: String,
    pub(super) server_key_pem: String,
    folder: tempfile::TempDir,
}

impl Authority {
    /// Makes keys of 2,048 bits and certificates for two years.
    pub(super) fn make() -> Result<Self, OpensslError> {
        let folder = tempfile::tempdir().map_err(OpensslError::Run)?;
        let at = folder.path();
        let run = |arguments: &[&str]| openssl(at, arguments, b"").map(drop);
        let name = |common: &str| format!("/O=Fogbell tests/CN={common}");
        run(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "730",
            "-sha256",
            "-subj",
            &name("onboarding authority"),
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])?;
        run(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
            "-subj",
            &name("conductor"),
        ])?;
        let extensions = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n\
                          extendedKeyUsage=serverAuth\n";
        fs::write(at.join("server.ext"), extensions).map_err(OpensslError::Run)?;
        run(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "730",
            "-sha256",
            "-extfile",
            "server.ext",
            "-out",
            "server.pem",
        ])?;
        let read = |name: &str| fs::read_to_string(at.join(name)).map_err(OpensslError::Run);
        Ok(Self {
            ca_pem: read("ca.pem")?,
            server_pem: read("server.pem")?,
            server_key_pem: read("server.key")?,
            folder,
        })
    }

    /// The certificate for onboarding in DER.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        CertificateDer::from_pem_slice(self.server_pem.as_bytes()).ok().map(|der| der.to_vec())
    }

    /// A compact JWT of this payload.
    pub(super) fn sign(&self, algorithm: &str, payload: &str, secret: &[u8]) -> Result<String, OpensslError> {
        let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
        let signed = format!("{}.{}", jwt::url(header.as_bytes()), jwt::url(payload.as_bytes()));
        let key = self.folder.path().join("server.key");
        let key = key.to_str().unwrap_or("server.key");
        let pss = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"];
        let hash = match algorithm.get(2..) {
            Some("384") => "-sha384",
            Some("512") => "-sha512",
            _ => "-sha256",
        };
        let signature = match algorithm.get(..2) {
            Some("RS") => openssl(self.folder.path(), &["dgst", hash, "-sign", key], signed.as_bytes())?,
            Some("PS") => {
                let arguments = [["dgst", hash, "-sign", key].as_slice(), &pss].concat();
                openssl(self.folder.path(), &arguments, signed.as_bytes())?
            }
            Some("HS") => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
                ring::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        Ok(format!("{signed}.{}", jwt::url(&signature)))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("server_pem", &self.server_pem).finish_non_exhaustive()
    }
}

/// Runs `openssl` in `folder` with this input; what it writes.
fn openssl(folder: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, OpensslError> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(OpensslError::Run)?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input); // one that reads nothing has ended, and says why
    }
    let output = child.wait_with_output().map_err(OpensslError::Run)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(OpensslError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), said })
}

/// OpenSSL did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpensslError {
    /// It cannot be run.
    #[error("cannot run `openssl`")]
    Run(#[source] io::Error),
    /// It failed.
    #[error("`openssl {command}` failed: {said}")]
    Failed {
        /// Its command.
        command: String,
        /// What it said.
        said: String,
    },
}
