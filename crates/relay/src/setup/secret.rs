//! Secrets, read from their homes.

use zeroize::Zeroizing;

use super::Checks;
use crate::Error;
use crate::config::SecretHome;

impl Checks<'_> {
    /// The bytes of a secret without the line end at their end.
    pub(super) fn secret(&self, keys: &str, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = (self.read_secret)(home).map_err(|source| {
            self.wrong(keys, &format!("the secret in `{}` cannot be used", home.file.display()), Some(source))
        })?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(bytes)
    }

    pub(super) fn text(&self, keys: &str, home: &SecretHome) -> Result<Zeroizing<String>, Error> {
        let mut bytes = self.secret(keys, home)?;
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(self.wrong(keys, "this secret is not UTF-8 text", None))
            }
        }
    }
}
