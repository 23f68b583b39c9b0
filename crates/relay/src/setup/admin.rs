//! Who may see the page.

use super::Checks;
use crate::Error;
use crate::admin::page::door::Door;

impl Checks<'_> {
    pub(super) fn door(&self) -> Result<Door, Error> {
        let admin = &self.config.admin;
        let token = match &admin.token {
            Some(home) => {
                let keys = format!("admin.token.{}", home.key());
                let token = self.secret(&keys, home)?;
                if token.len() < LEAST_TOKEN {
                    let what = format!("a token has at least {LEAST_TOKEN} bytes, or it can be guessed");
                    return Err(self.wrong(&keys, &what, None));
                }
                Some(token)
            }
            None if !admin.address.ip().is_loopback() => {
                let what = "others than this machine can reach this address: set token of [admin], or keep to loopback";
                return Err(self.wrong("admin.address", what, None));
            }
            None => None,
        };
        Ok(Door::new(admin.address.ip(), &admin.hosts, token))
    }
}

/// Bytes of a token that nobody guesses.
const LEAST_TOKEN: usize = 16;
