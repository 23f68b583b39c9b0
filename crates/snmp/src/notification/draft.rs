//! A notification while it still may shrink.

use std::fmt;
use std::fmt::Write as _;

use bytes::Bytes;

use super::{FALSE, TRUE, Text, Value, Varbind, size};
use crate::mib::Syntax;
use crate::text::{self, DOTS};
use crate::{Mib, Object, ber};

/// Values in the order of [`Object::ALL`]; all texts lie in one buffer, one allocation for a notification.
pub(super) struct Draft {
    ascii: bool,
    truncated: bool,
    buffer: String,
    slots: Vec<Slot>,
}

enum Slot {
    Number(Value),
    /// A part of the buffer.
    Text {
        start: usize,
        len: usize,
    },
}

impl Slot {
    fn size(&self) -> usize {
        match self {
            Self::Number(value) => value.size(),
            Self::Text { len, .. } => ber::tlv(*len),
        }
    }
}

impl Draft {
    pub(super) fn new(ascii: bool) -> Self {
        Self {
            ascii,
            truncated: false,
            buffer: String::with_capacity(1_024),
            slots: Vec::with_capacity(Object::ALL.len()),
        }
    }

    /// The next object is this text.
    pub(super) fn text(&mut self, text: &str) {
        let Syntax::Text(max) = Object::ALL[self.slots.len()].syntax() else {
            unreachable!("texts and numbers are given in the order of the MIB");
        };
        let start = self.buffer.len();
        self.truncated |= text::push(&mut self.buffer, text, usize::from(max), self.ascii);
        self.slots.push(Slot::Text { start, len: self.buffer.len() - start });
    }

    /// The next object is this, printed: plain ASCII that fits by its nature. What cannot be printed is
    /// absent.
    pub(super) fn shown(&mut self, what: impl fmt::Display) {
        debug_assert!(matches!(Object::ALL[self.slots.len()].syntax(), Syntax::Text(_)));
        let start = self.buffer.len();
        if write!(self.buffer, "{what}").is_err() {
            self.buffer.truncate(start);
        }
        self.slots.push(Slot::Text { start, len: self.buffer.len() - start });
    }

    /// The next object is this number.
    pub(super) fn number(&mut self, value: Value) {
        debug_assert!(!matches!(Object::ALL[self.slots.len()].syntax(), Syntax::Text(_)));
        self.slots.push(Slot::Number(value));
    }

    /// The variable bindings, texts shortened until all together take at most `max` bytes, and whether
    /// any text was shortened.
    pub(super) fn finish(mut self, mib: &Mib, max: usize) -> (Vec<Varbind>, bool) {
        let mut buffer = self.buffer.into_bytes();
        let objects = || Object::ALL.map(|object| mib.object(object)).into_iter();
        let mut total: usize = objects().zip(&self.slots).map(|(oid, slot)| size(oid, slot.size())).sum();
        for (object, floor) in SHRINK {
            if total <= max {
                break;
            }
            let (oid, slot) = (mib.object(object), &mut self.slots[object as usize - 1]);
            let before = size(oid, slot.size());
            let Slot::Text { start, len } = slot else {
                unreachable!("only texts are listed");
            };
            let keep = len.saturating_sub(total - max).max(floor);
            if *len > keep {
                let text = &mut buffer[*start..*start + *len];
                let whole = text::cut(std::str::from_utf8(text).expect("cut once, between characters"), keep);
                let dots = if keep < DOTS.len() { "" } else { DOTS };
                *len = whole + dots.len();
                // What lies behind the dots is in no slot any more.
                text[whole..*len].copy_from_slice(dots.as_bytes());
                self.truncated = true;
                total = total - before + size(oid, slot.size());
            }
        }

        let truncated = if self.truncated { TRUE } else { FALSE };
        self.slots[Object::Truncated as usize - 1] = Slot::Number(truncated);
        let buffer = Bytes::from(buffer);
        // One more than there are objects: the address.
        let mut varbinds = Vec::with_capacity(self.slots.len() + 1);
        varbinds.extend(objects().zip(self.slots).map(|(oid, slot)| Varbind {
            oid: oid.clone(),
            value: match slot {
                Slot::Number(value) => value,
                Slot::Text { start, len } => Value::OctetString(Text(buffer.slice(start..start + len))),
            },
        }));
        (varbinds, self.truncated)
    }
}

/// In which order texts shrink, and to how many bytes at most a step takes them; a text may come twice.
const SHRINK: [(Object, usize); 20] = [
    (Object::Reason, 64),
    (Object::Summary, 96),
    (Object::Group, 12),
    (Object::Category, 12),
    (Object::MistSeverity, 8),
    (Object::DeviceModel, 0),
    (Object::Relay, 16),
    (Object::Organisation, 16),
    (Object::DeviceAddress, 0),
    (Object::DeviceSerial, 0),
    (Object::Port, 16),
    (Object::Reason, 0),
    (Object::SiteName, 16),
    (Object::DeviceName, 16),
    (Object::SiteId, 0),
    (Object::DeviceType, 0),
    (Object::Summary, 32),
    (Object::Group, 0),
    (Object::Category, 0),
    (Object::Port, 0),
];
