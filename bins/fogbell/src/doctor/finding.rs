//! What a check found.

use serde::Serialize;

use super::code::Code;

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
    /// What is not as it should be; of what passes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Code>,
    /// What is so, in plain words.
    pub(super) text: String,
    /// The command, or else the deed, that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn pass(component: &'static str, target: impl Into<String>, text: impl Into<String>) -> Self {
        let (target, text) = (target.into(), text.into());
        Self { component, target, status: Status::Pass, code: None, text, mend: None }
    }

    pub(super) fn warn(
        code: Code,
        target: impl Into<String>,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (status, mend) = (Status::Warn, Some(mend.into()));
        Self { status, code: Some(code), mend, ..Self::pass(code.component(), target, text) }
    }

    pub(super) fn fail(
        code: Code,
        target: impl Into<String>,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { status: Status::Fail, ..Self::warn(code, target, text, mend) }
    }
}
