//! What a check found.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// Nothing is wrong.
    Pass,
    /// It works, and should be looked at.
    Warn,
    /// It does not work.
    Fail,
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) component: &'static str,
    /// Which one.
    pub(super) target: String,
    pub(super) status: Status,
    /// What is so, in plain words.
    pub(super) text: String,
    /// The command, or else the deed, that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn pass(component: &'static str, target: impl Into<String>, text: impl Into<String>) -> Self {
        Self { component, target: target.into(), status: Status::Pass, text: text.into(), mend: None }
    }

    pub(super) fn warn(
        component: &'static str,
        target: impl Into<String>,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { status: Status::Warn, mend: Some(mend.into()), ..Self::pass(component, target, text) }
    }

    pub(super) fn fail(
        component: &'static str,
        target: impl Into<String>,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { status: Status::Fail, ..Self::warn(component, target, text, mend) }
    }
}
