//! Which software, and what is known of it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A version of Session Smart software.
///
/// Shape: `7.1.3-11r2`; what follows the three numbers is kept and not compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version {
    numbers: [u16; 3],
    text: Box<str>,
}

impl Version {
    /// Major, minor and patch.
    #[must_use]
    pub const fn numbers(&self) -> [u16; 3] {
        self.numbers
    }

    /// Whether it has Secure Conductor Onboarding (I95-58959).
    #[must_use]
    pub fn has_onboarding(&self) -> bool {
        self.numbers >= FIRST
    }

    /// Whether every fault of onboarding that is known here is mended in it: from 7.2.3 on. Before that, an onboarded router may
    /// be shown as `waiting` after an upgrade of its conductor (I95-65609).
    #[must_use]
    pub fn is_mended(&self) -> bool {
        self.numbers >= MENDED
    }

    /// The known faults of onboarding that this version may have; empty from 7.2.3 on, as far as is known.
    ///
    /// # Errors
    ///
    /// [`TooOld`] below 7.1.3, which has no Secure Conductor Onboarding.
    pub fn known_faults(&self) -> Result<Vec<&'static Fault>, TooOld> {
        if !self.has_onboarding() {
            return Err(TooOld { version: self.text.clone() });
        }
        Ok(FAULTS.iter().filter(|fault| self.numbers < fault.mended).collect())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    /// Reads three numbers and whatever follows them behind something that is neither a digit nor a dot.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || VersionError { text: crate::name::shown(text) };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut parts = text[..end].split('.');
        let mut numbers = [0; 3];
        for number in &mut numbers {
            *number = parts.next().and_then(|part| part.parse().ok()).ok_or_else(error)?;
        }
        let tail = &text[end..];
        if parts.next().is_some()
            || tail.len() > MAX_TAIL
            || !tail.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(error());
        }
        Ok(Self { numbers, text: text.into() })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A fault of the software that meets somebody who onboards.
#[derive(Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// The vendor's number.
    pub id: &'static str,
    /// What is seen, and what to do.
    pub text: &'static str,
    /// The first version without it.
    pub mended: [u16; 3],
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.mended;
        write!(f, "{} (mended in {major}.{minor}.{patch}): {}", self.id, self.text)
    }
}

/// A version without Secure Conductor Onboarding.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{version} has no Secure Conductor Onboarding; upgrade to 7.1.3 or later")]
pub struct TooOld {
    version: Box<str>,
}

/// A text that is no version.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is no version such as 7.2.3-8r2")]
pub struct VersionError {
    text: Box<str>,
}

/// I95-58959, release notes of 7.1.
const FIRST: [u16; 3] = [7, 1, 3];
/// Release notes of 7.2.
const MENDED: [u16; 3] = [7, 2, 3];
const MAX_TAIL: usize = 64;

/// Release notes of 7.2. Whether a 7.1 after 7.1.3 has one of these mended is not known, so all count there.
const FAULTS: &[Fault] = &[
    Fault {
        id: "I95-63955",
        text: "an asset may be shown as synchronized while its service is not active; look for `running` and for \
               connectivity",
        mended: [7, 2, 0],
    },
    Fault {
        id: "I95-64152",
        text: "after an unclean reboot a router may stay disconnected behind a stale SSH socket",
        mended: [7, 2, 0],
    },
    Fault {
        id: "I95-65610",
        text: "an SSR400 or SSR440 may get no connectivity to the conductor (minion connector, IMA signature)",
        mended: [7, 2, 1],
    },
    Fault {
        id: "I95-65526",
        text: "a node that was redeployed or whose name is used again may be refused for stale state and keys on the \
               conductor; remove them with `delete system connectivity authorized-keys`",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65609",
        text: "after an upgrade of the conductor, onboarded routers may be shown as `waiting`; do not onboard them again, \
               restart 128T-secure-onboarding-server",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65559",
        text: "certificates pasted into the command line in one go over SSH are dropped silently; read them back",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65719",
        text: "a certificate file that holds a whole chain is refused with `only RSA certificates are supported`",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65914",
        text: "a trusted CA whose `file` differs from its `name` is not found; keep both equal",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65411",
        text: "the command line may append output of something else to that of a command",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65535",
        text: "a router may stay synchronizing for up to 24 hours (also I95-64464)",
        mended: [7, 2, 3],
    },
    Fault {
        id: "I95-65390",
        text: "with `ssh-only`, `migrate` may leave a router that can join no conductor",
        mended: [7, 2, 3],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<&'static str> {
        text.parse::<Version>().unwrap().known_faults().unwrap().iter().map(|fault| fault.id).collect()
    }

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        for (text, numbers) in
            [("7.1.3-11r2", [7, 1, 3]), ("7.10.0", [7, 10, 0]), ("7.2.3-8r2.el9", [7, 2, 3])]
        {
            let version: Version = text.parse().unwrap();
            assert_eq!((version.numbers(), version.to_string().as_str()), (numbers, text));
        }
        for text in ["", "7.2", "7.2.3.4", "v7.2.3", "7..3", "7.2.99999", "7.2.3 \n"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_too_old_is_refused_and_known_faults_end() {
        let old: Version = "7.1.2-9r9".parse().unwrap();
        assert!(old.known_faults().unwrap_err().to_string().starts_with("7.1.2-9r9 has no"));
        assert_eq!(faults("7.1.3-11r2").len(), FAULTS.len());
        assert!(faults("7.2.1").contains(&"I95-65609") && !faults("7.2.1").contains(&"I95-65610"));
        for (text, onboarding, mended) in [
            ("7.1.2-9r9", false, false),
            ("7.1.3", true, false),
            ("7.2.3-1r1", true, true),
            ("7.10.0", true, true),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!((version.has_onboarding(), version.is_mended()), (onboarding, mended), "{text}");
        }
        assert!(faults("7.2.3-1r1").is_empty() && faults("7.10.0").is_empty());
    }
}
