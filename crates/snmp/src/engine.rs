//! What a sender of SNMPv3 traps must remember between its starts.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use crate::Mib;

/// The name of an SNMP engine, by which a receiver tells one sender of traps from another.
///
/// Shape: 5 to 32 bytes, neither all 0 nor all 255, printed as hexadecimal digits after `0x`, as net-snmp
/// wants them.
/// Source: RFC 3411 5, `SnmpEngineID`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EngineId(Box<[u8]>);

impl EngineId {
    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// These bytes, which were an engine id before.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for EngineId {
    type Err = ParseEngineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").ok_or(ParseEngineError::Id)?.as_bytes();
        let pair = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'));
            text.and_then(|text| u8::from_str_radix(text, 16).ok()).ok_or(ParseEngineError::Id)
        };
        let bytes = digits.chunks(2).map(pair).collect::<Result<Box<[u8]>, _>>()?;
        let reserved = bytes.iter().all(|byte| *byte == 0) || bytes.iter().all(|byte| *byte == 0xff);
        if digits.len() % 2 != 0 || !(5..=32).contains(&bytes.len()) || reserved {
            return Err(ParseEngineError::Id);
        }
        Ok(Self(bytes))
    }
}

/// The engine id and how often the engine was started: all that must survive a restart.
///
/// A receiver drops a trap in silence when the count of starts has gone back, so the file must be on disk
/// before the first trap leaves, and an id whose count is lost must never be used again.
///
/// Shape of the file: lines `engine_id = 0x…` and `boots = N`; lines that start with `#` are comments.
/// Source: RFC 3414 2.2 (`snmpEngineBoots`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EngineState {
    id: EngineId,
    boots: u32,
}

impl EngineState {
    /// A new engine that was never started: the enterprise number of `mib` and twelve random bytes, in the
    /// form of RFC 3411 for octets that an administrator assigns.
    ///
    /// # Errors
    ///
    /// [`RandomError`] when the operating system gives no random bytes.
    pub fn random(mib: &Mib) -> Result<Self, RandomError> {
        const OCTETS: u8 = 5;
        let mut id = [0; 17];
        id[..4].copy_from_slice(&(mib.enterprise() | 1 << 31).to_be_bytes());
        id[4] = OCTETS;
        SystemRandom::new().fill(&mut id[5..]).map_err(|_| RandomError)?;
        Ok(Self { id: EngineId(id.into()), boots: 0 })
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    ///
    /// # Errors
    ///
    /// [`ParseEngineError`]; make a new engine then, and say so: its users have to be made known to the
    /// receivers again.
    pub fn parse(text: &str) -> Result<Self, ParseEngineError> {
        let (mut id, mut boots) = (None, None);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
                Some(("engine_id", value)) if id.is_none() => id = Some(value.parse()?),
                Some(("boots", value)) if boots.is_none() => {
                    let count = value.parse::<u32>().map_err(|_| ParseEngineError::Boots)?;
                    boots = Some(count).filter(|count| *count <= Self::MAX_BOOTS);
                    boots.ok_or(ParseEngineError::Exhausted)?;
                }
                _ => return Err(ParseEngineError::Line),
            }
        }
        Ok(Self { id: id.ok_or(ParseEngineError::Id)?, boots: boots.ok_or(ParseEngineError::Boots)? })
    }

    /// The engine's name.
    #[must_use]
    pub const fn id(&self) -> &EngineId {
        &self.id
    }

    /// How often it was started, the present start included; zero when never.
    #[must_use]
    pub const fn boots(&self) -> u32 {
        self.boots
    }

    /// The same engine, so many starts later: what is known of one that may have been started that often since.
    #[must_use]
    pub fn counted_on(&self, starts: u32) -> Self {
        Self { id: self.id.clone(), boots: self.boots.saturating_add(starts).min(Self::MAX_BOOTS) }
    }

    pub(crate) const fn with_boots(id: EngineId, boots: u32) -> Self {
        Self { id, boots }
    }

    /// The largest count from which an engine can start once more: at 2^31 - 1 receivers refuse it for good.
    pub const MAX_BOOTS: u32 = (1 << 31) - 3;
}

impl fmt::Display for EngineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# SNMP engine. Never edit or copy it: receivers drop traps from an engine whose boots went back."
        )?;
        writeln!(f, "# `fogbell restore` counts on from what a backup has.")?;
        writeln!(f, "engine_id = {}", self.id)?;
        writeln!(f, "boots = {}", self.boots)
    }
}

/// Why a file holds no usable engine state.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ParseEngineError {
    /// A line is neither a comment nor a setting, or says a thing twice.
    #[error("a line is not one of `engine_id = 0x…` and `boots = N`")]
    Line,
    /// The engine id is missing or not one.
    #[error("the engine id is missing or not 5 to 32 bytes in hexadecimal")]
    Id,
    /// The count of starts is missing or not a number.
    #[error("the count of boots is missing or not a number")]
    Boots,
    /// The engine was started as often as an engine can be.
    #[error("the count of boots is used up")]
    Exhausted,
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the operating system gives no random bytes")]
pub struct RandomError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_engine_carries_the_enterprise_number_and_is_like_no_other() {
        let mib = Mib::new(4_711).unwrap();
        let (one, other) = (EngineState::random(&mib).unwrap(), EngineState::random(&mib).unwrap());

        assert_eq!(one.id().bytes()[..5], [0x80, 0, 0x12, 0x67, 5]);
        assert_eq!(one.id().bytes().len(), 17);
        assert_eq!(one.boots(), 0);
        assert_ne!(one, other);
    }

    #[test]
    fn the_file_reads_back() {
        let state = EngineState { boots: 41, ..EngineState::random(&Mib::default()).unwrap() };

        assert_eq!(EngineState::parse(&state.to_string()), Ok(state));
    }

    #[test]
    fn a_garbled_file_is_no_state() {
        use ParseEngineError::{Boots, Exhausted, Id, Line};
        for (text, error) in [
            ("", Id),
            ("\0\0\0\0", Line),
            ("boots = 4", Id),
            ("engine_id = 0x80007ed905", Boots),
            ("engine_id = 0x80007ed905\nboots = ", Boots),
            ("engine_id = 0x80007ed905\nboots = -1", Boots),
            ("engine_id = 0x80007ed905\nboots = 4\nboots = 5", Line),
            ("engine_id = 0x80007ed905\nboots = 4\nmore", Line),
            ("engine_id = 80007ed905\nboots = 4", Id),
            ("engine_id = 0x80007ed9\nboots = 4", Id),
            ("engine_id = 0x80007ed90\nboots = 4", Id),
            ("engine_id = 0x80007ed9+5\nboots = 4", Id),
            ("engine_id = 0x0000000000\nboots = 4", Id),
            ("engine_id = 0xffffffffff\nboots = 4", Id),
            ("engine_id = 0x80007ed905\nboots = 2147483646", Exhausted),
            ("engine_id = 0x80007ed905\nboots = 2147483647", Exhausted),
        ] {
            assert_eq!(EngineState::parse(text), Err(error), "{text:?}");
        }
        assert!(EngineState::parse("engine_id = 0x80007ed905\nboots = 2147483645").is_ok());
    }
}
