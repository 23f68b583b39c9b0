//! Secrets, read from their homes.

use zeroize::Zeroizing;

use super::Checks;
use crate::Error;
use crate::config::SecretHome;

impl Checks<'_> {
    /// The bytes of a secret without the line end at their end; `keys` are those of its home.
    pub(super) fn secret(&self, keys: &str, home: &SecretHome) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut bytes = (self.read_secret)(home).map_err(|source| {
            let what = match home {
                SecretHome::File(path) => format!("the secret in `{}` cannot be used", path.display()),
                SecretHome::Credential(name) => format!("the credential `{name}` cannot be used"),
                // whoever wrote the secret itself finds it by its place
                SecretHome::Secret(_) => "the secret of this name cannot be used".to_owned(),
            };
            self.wrong(keys, &what, Some(source))
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
