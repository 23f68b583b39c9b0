//! What the settings of a site or an organisation tell routers.

use std::fmt;

use crate::names::shown;
use crate::token::{OnboardingToken, TokenFingerprint};

/// A site, and what its settings tell routers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    /// Its name.
    pub name: Box<str>,
    /// Its own settings, not those of the organisation.
    pub ssr: SsrState,
}

/// What settings tell routers of their conductor.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SsrState {
    /// The addresses, as they stand there.
    pub conductor_hosts: Vec<Box<str>>,
    /// The token.
    pub token: TokenState,
    /// Whether routers are upgraded by themselves.
    pub auto_upgrade: bool,
}

impl SsrState {
    /// What `setting` says; nothing when there is none.
    #[must_use]
    pub fn of(setting: Option<&mist::ssr::SsrSetting>) -> Self {
        let Some(setting) = setting else {
            return Self::default();
        };
        let upgrade = setting.extra.get("auto_upgrade").and_then(|upgrade| upgrade.get("enabled"));
        Self {
            conductor_hosts: setting.conductor_hosts.iter().map(|host| shown(host)).collect(),
            token: setting
                .conductor_token
                .as_ref()
                .map_or(TokenState::Absent, |text| TokenState::of(text.expose())),
            auto_upgrade: upgrade.is_some_and(|enabled| enabled.as_bool() != Some(false)),
        }
    }
}

/// What stands as a token in settings. The token itself is not kept, so that it cannot be written back.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TokenState {
    /// Nothing.
    #[default]
    Absent,
    /// Something that is no token: Mist hides it, or it is of another kind. It reads as `set, not readable`.
    Masked,
    /// A token.
    Set(TokenFingerprint),
}

impl TokenState {
    /// What `text` is.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Absent;
        }
        match OnboardingToken::parse(text) {
            Ok(token) => Self::Set(token.fingerprint()),
            Err(_) => Self::Masked,
        }
    }

    /// Whether it is the token `ours`; `None` when it cannot be read.
    #[must_use]
    pub fn is(&self, ours: TokenFingerprint) -> Option<bool> {
        match self {
            Self::Absent => Some(false),
            Self::Masked => None,
            Self::Set(found) => Some(*found == ours),
        }
    }
}

impl fmt::Display for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no token"),
            Self::Masked => f.write_str("token set, not readable"),
            Self::Set(fingerprint) => write!(f, "token {fingerprint:.16}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use mist::Answer as _;
    use serde_json::json;

    use super::*;

    fn state(ssr: serde_json::Value) -> SsrState {
        let setting = mist::ssr::Setting::from_json(json!({"ssr": ssr})).unwrap();
        SsrState::of(setting.ssr.as_ref())
    }

    #[test]
    fn a_token_that_is_hidden_is_set_and_not_readable() {
        for text in ["*****", "eyJh...9xQk", "[hidden]", "a.b", "eyJhbGciOiJSUzI1NiJ9.****.****"] {
            let state = state(json!({"conductor_hosts": ["192.0.2.1"], "conductor_token": text}));
            assert_eq!(state.token, TokenState::Masked, "{text}");
            assert_eq!(state.token.is(TokenFingerprint::of("x")), None);
            assert_eq!(state.token.to_string(), "token set, not readable");
        }
    }

    #[test]
    fn an_upgrade_that_is_not_off_is_on() {
        for (upgrade, expect) in [
            (json!({"enabled": true}), true),
            (json!({"enabled": false}), false),
            (json!({"enabled": "yes"}), true),
            (json!({}), false),
        ] {
            assert_eq!(state(json!({"auto_upgrade": upgrade})).auto_upgrade, expect, "{upgrade}");
        }
        assert_eq!(state(json!({"conductor_token": "", "conductor_hosts": []})), SsrState::default());
    }
}
