//! Mist's signature, by OpenSSL.

use std::io::Write;
use std::process::{Command, Stdio};

/// The value of `X-Mist-Signature-v2`: HMAC-SHA256 of the body under the secret, in lower-case hexadecimal.
///
/// # Panics
///
/// When OpenSSL cannot.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-r", "-hmac", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is on PATH");
    child.stdin.take().expect("standard input is a pipe").write_all(body).expect("openssl reads all of it");
    let output = child.wait_with_output().expect("openssl can be waited for");
    let text = String::from_utf8_lossy(&output.stdout);
    let digest = text.split(' ').next().unwrap_or_default();
    assert!(output.status.success() && digest.len() == 64, "openssl dgst printed `{text}`");
    digest.to_owned()
}
