//! What a sender of SNMPv3 traps remembers.

use snmp::{EngineId, EngineState};

/// A file is a whole state or none; a state reads back, and its count of starts can still grow.
pub fn engine(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parsed = EngineState::parse(&text);
    assert_eq!(EngineState::parse(&text), parsed);
    if let Ok(state) = &parsed {
        assert!((5..=32).contains(&state.id().bytes().len()));
        assert!(state.boots() <= EngineState::MAX_BOOTS);
        assert_eq!(EngineState::parse(&state.to_string()).as_ref(), Ok(state));
        let written = state.to_string();
        for end in 0..written.len() {
            // the head of a file never yields another engine, nor more starts than there were
            if let Ok(torn) = EngineState::parse(&written[..end]) {
                assert!(torn.id() == state.id() && torn.boots() <= state.boots());
            }
        }
    }
    if let Ok(id) = text.parse::<EngineId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
