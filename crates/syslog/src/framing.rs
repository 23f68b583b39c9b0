//! Where one message ends and the next begins.

use std::io::Write as _;

/// How messages are told apart on a transport.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Framing {
    /// A message is a datagram; nothing is added. Source: RFC 5426 3.1.
    Datagram,
    /// Length in ASCII digits, a space, the message. Source: RFC 6587 3.4.1, RFC 5425 4.3.
    OctetCounted,
    /// The message and a line feed. Source: RFC 6587 3.4.2.
    ///
    /// Nothing is escaped here: it rests on messages without a line feed, which every encoder of this
    /// crate makes.
    Newline,
}

impl Framing {
    /// Appends `line` to `out` as this framing puts it on the wire.
    pub fn frame(self, line: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Datagram => out.extend_from_slice(line),
            Self::OctetCounted => {
                write!(out, "{} ", line.len()).expect("writing to memory does not fail");
                out.extend_from_slice(line);
            }
            Self::Newline => {
                debug_assert!(!line.contains(&b'\n'), "an encoder let a line feed through");
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framing_adds_what_its_rfc_says() {
        for (framing, wire) in [
            (Framing::Datagram, "<13>1 é".as_bytes()),
            (Framing::OctetCounted, "8 <13>1 é".as_bytes()),
            (Framing::Newline, "<13>1 é\n".as_bytes()),
        ] {
            let mut out = Vec::new();
            framing.frame("<13>1 é".as_bytes(), &mut out);
            assert_eq!(out, wire, "{framing:?}");
        }
    }
}
