//! The identifiers of organisations, sites and devices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::Mac;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Shape: a UUID, printed as 36 lower-case characters.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Whether every digit is zero, as Mist writes for "no such thing".
            #[must_use]
            pub const fn is_nil(&self) -> bool {
                self.0.is_nil()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self).map_err(|_| ParseIdError { text: text.into() })
            }
        }
    };
}

id! {
    /// An organisation in a Mist cloud.
    OrgId
}
id! {
    /// A site of an organisation.
    SiteId
}
id! {
    /// A device in an organisation's inventory.
    DeviceId
}

impl From<Mac> for DeviceId {
    /// The id Mist derives from a device's MAC: `00000000-0000-0000-1000-` and the MAC.
    ///
    /// For showing only: take ids for API calls from the inventory.
    /// Source: examples of the Mist OpenAPI document.
    fn from(mac: Mac) -> Self {
        let mut bytes = [0; 16];
        bytes[8] = 0x10;
        bytes[10..].copy_from_slice(&mac.bytes());
        Self(Uuid::from_bytes(bytes))
    }
}

/// A text that is not a UUID.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not an id; expected 32 hexadecimal digits, as in 0c160b7f-1027-4cd1-923b-744534c4b070")]
pub struct ParseIdError {
    text: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_prints_one_spelling() {
        let id: SiteId = "79ADB2A2FCE546BAA15FE5F27F532D4E".parse().unwrap();

        assert_eq!(id.to_string(), "79adb2a2-fce5-46ba-a15f-e5f27f532d4e");
        assert!(!id.is_nil());
        assert!("00000000-0000-0000-0000-000000000000".parse::<SiteId>().unwrap().is_nil());
    }

    #[test]
    fn a_31_digit_id_is_refused_and_said() {
        let error = "6595cf6b-5770-4f40-a4f7-64822f51b34".parse::<DeviceId>().unwrap_err();

        assert!(error.to_string().contains("6595cf6b-5770-4f40-a4f7-64822f51b34"));
    }

    #[test]
    fn a_device_id_comes_from_its_mac() {
        let mac: Mac = "5c5b351e13b5".parse().unwrap();

        assert_eq!(DeviceId::from(mac).to_string(), "00000000-0000-0000-1000-5c5b351e13b5");
    }
}
