//! The account at the authority: kept, or made.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use instant_acme::{Account, ExternalAccountKey, NewAccount};
use tracing::info;
use zeroize::Zeroizing;

use crate::client::Client;
use crate::order::{refused, stubborn};
use crate::store::Store;
use crate::{Error, ExternalAccount, Settings};

/// The account that is kept for these settings, or a new one, which is kept.
pub(crate) async fn account(settings: &Settings, store: &Store, client: &Client) -> Result<Account, Error> {
    let external = settings.external_account.as_ref().map(|account| account.id.as_str());
    let builder = || Account::builder_with_http(Box::new(client.clone()));
    if let Some(credentials) = store.account(&settings.directory, external)? {
        let account = builder().from_credentials(credentials).await;
        return account.map_err(|error| refused("tell its directory", error, client));
    }
    let key = settings.external_account.as_ref().map(external_key).transpose()?;
    let contact: Vec<&str> = settings.contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let made = stubborn!(builder().create(&new, settings.directory.clone(), key.as_ref()));
    let (account, credentials) = made.map_err(|error| refused("make an account", error, client))?;
    store.keep_account(&settings.directory, external, credentials).await?;
    info!(account = account.id(), "made an account at the authority");
    Ok(account)
}

fn external_key(account: &ExternalAccount) -> Result<ExternalAccountKey, Error> {
    let text = account.key.trim().trim_end_matches('=');
    let key = BASE64_URL_SAFE_NO_PAD.decode(text).map(Zeroizing::new).map_err(|_| Error::Settings {
        what: "the key of the external account is not base64url".to_owned(),
        source: None,
    })?;
    if key.is_empty() {
        return Err(Error::Settings {
            what: "the key of the external account is empty".to_owned(),
            source: None,
        });
    }
    Ok(ExternalAccountKey::new(account.id.clone(), &key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_external_account_is_base64url_and_never_said() {
        for (key, works) in [
            ("zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W", true),
            ("YQ==", true),
            ("a b", false),
            ("", false),
            ("+/8=", false),
        ] {
            let account = ExternalAccount { id: "kid".to_owned(), key: Zeroizing::new(key.to_owned()) };

            let made = external_key(&account);

            assert_eq!(made.is_ok(), works, "{key}");
            assert!(key.is_empty() || !format!("{account:?}").contains(key));
        }
    }
}
