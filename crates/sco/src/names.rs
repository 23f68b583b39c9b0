//! Names of the conductor's data model, each from a whitelist, so that every one may stand in a command.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A text that is not the name it should be.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{what} `{text}` {expected}")]
pub struct NameError {
    what: &'static str,
    text: Box<str>,
    expected: &'static str,
}

impl NameError {
    fn new(what: &'static str, text: &str, expected: &'static str) -> Self {
        Self { what, text: shown(text), expected }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:path, $expected:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if $allowed(text) { Ok(Self(text.into())) } else { Err(NameError::new($what, text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    };
}

name! {
    /// The name of a router: `authority > router > name`.
    ///
    /// Shape: 1 to 63 of `A-Z a-z 0-9 _ -`, the first one no `-`.
    /// Source: Session Smart Router configuration guide, type name-id; that it may not begin with `-` is ours, since
    /// it would be an option in a command.
    RouterName, "router", is_name_id, NAME_ID
}
name! {
    /// The name of a node of a router: `authority > router > node > name`. It must match the one in the router's
    /// local init file.
    ///
    /// Shape: as [`RouterName`].
    NodeName, "node", is_name_id, NAME_ID
}
name! {
    /// What a node proves to be: `authority > router > node > asset-id`.
    ///
    /// Shape: 1 to 64 of `A-Z a-z 0-9 _ - .`, the first a letter or a digit, without repeated or trailing `_`.
    /// Source: Session Smart Router configuration guide (no repeated, leading or trailing `_`); which other
    /// characters it may have is not documented, and what is allowed here may stand in a command.
    AssetId, "asset id", is_asset_id, ASSET_ID
}
name! {
    /// An address of a conductor's node, as in `conductor_hosts` of Mist's settings.
    ///
    /// Shape: an IPv4 or IPv6 address, or a DNS name of at most 253 characters.
    ConductorHost, "conductor host", is_host, HOST
}

/// How a router is onboarded: `authority > router > system > secure-conductor-onboarding > mode`.
///
/// In the order of their strength. Source: Session Smart Router configuration guide, 7.2.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Not by Secure Conductor Onboarding.
    Disabled,
    /// The conductor verifies no authority and takes a certificate that the router signed itself.
    Weak,
    /// A device ID certificate, or the endorsement key that is configured for the node.
    Strong,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Disabled, Self::Weak, Self::Strong];

    /// As it is written in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mode = Self::ALL.into_iter().find(|mode| mode.as_str() == text);
        mode.ok_or_else(|| NameError::new("mode", text, "is none of disabled, weak, strong"))
    }
}

/// `text` as it may stand in a message: without control characters, at most 64 characters.
pub(crate) fn shown(text: &str) -> Box<str> {
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown.into()
}

fn is_name_id(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_asset_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.ends_with('_')
        && !text.contains("__")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_host(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    // what ends in a number is an address or a mistake
    let last_is_number = text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && !last_is_number && text.split('.').all(label)
}

const MAX_SHOWN: usize = 64;
const NAME_ID: &str = "is no name: 1 to 63 letters, digits, `_` and `-`, not beginning with `-`";
const ASSET_ID: &str = "is no asset id: 1 to 64 letters, digits, `_`, `-` and `.`, beginning with a letter or a \
                        digit, without repeated or trailing `_`";
const HOST: &str = "is no IP address and no DNS name";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_may_be_is_what_the_data_model_says() {
        let long = "a".repeat(63);
        for text in ["store-0001", "_x", "0", "A_b-C", &long] {
            assert_eq!(text.parse::<RouterName>().unwrap().as_str(), text);
        }
        let long = "a".repeat(64);
        for text in ["", "-x", "a b", "a;b", "a\nb", "a.b", "ä", "$(x)", "a\"b", &long] {
            assert!(text.parse::<RouterName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_asset_id_has_no_underscores_in_a_row_or_at_an_end() {
        for text in ["AB1234567890", "vssr-1.example.net", "a_b"] {
            assert_eq!(text.parse::<AssetId>().unwrap().as_str(), text);
        }
        for text in ["", "_a", "a_", "a__b", "a b", "a|b", "'a'", ".a", "-a"] {
            assert!(text.parse::<AssetId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_host_is_an_address_or_a_dns_name() {
        for text in ["192.0.2.1", "2001:db8::1", "conductor.example.net", "c1"] {
            assert!(text.parse::<ConductorHost>().is_ok(), "{text:?}");
        }
        for text in ["", "192.0.2", "192.0.2.1, 192.0.2.2", "a..b", "-a", "a_b", "http://a", "1.2.3.4.5"] {
            assert!(text.parse::<ConductorHost>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn strong_is_more_than_weak() {
        assert!(Mode::Strong > Mode::Weak && Mode::Weak > Mode::Disabled);
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
    }

    #[test]
    fn what_does_not_fit_is_shown_without_control_characters_and_short() {
        let error = format!("{}\u{1b}[2J", "x".repeat(100)).parse::<RouterName>().unwrap_err().to_string();

        assert!(error.starts_with(&format!("router `{}…` is no name", "x".repeat(64))), "{error}");
        assert_eq!(&*shown("a\u{7}b"), "a\u{fffd}b");
    }
}
