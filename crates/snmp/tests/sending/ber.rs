//! A small BER reader, independent of the library that wrote what it reads.

/// One element: its tag and what is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) contents: &'a [u8],
    /// Tag, length and contents.
    pub(crate) all: &'a [u8],
}

impl<'a> Element<'a> {
    /// The element that `bytes` are, nothing behind it.
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        let (element, rest) = Self::first(bytes);
        assert!(rest.is_empty(), "{} bytes too many", rest.len());
        element
    }

    fn first(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        let (head, len) = match bytes[1] {
            short @ 0..=0x7f => (2, usize::from(short)),
            long => {
                let count = usize::from(long & 0x7f);
                let len = bytes[2..2 + count].iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
                (2 + count, len)
            }
        };
        let (all, rest) = bytes.split_at(head + len);
        (Self { tag: bytes[0], contents: &all[head..], all }, rest)
    }

    pub(crate) fn children(&self) -> Vec<Self> {
        let mut rest = self.contents;
        let mut children = Vec::new();
        while !rest.is_empty() {
            let (child, behind) = Self::first(rest);
            children.push(child);
            rest = behind;
        }
        children
    }

    /// A whole number, signed as BER has it.
    pub(crate) fn number(&self) -> i128 {
        let sign = if self.contents[0] & 0x80 == 0 { 0 } else { -1 };
        self.contents.iter().fold(sign, |number, byte| number << 8 | i128::from(*byte))
    }

    pub(crate) fn oid(&self) -> String {
        assert_eq!(self.tag, 0x06);
        let mut arcs = vec![u32::from(self.contents[0] / 40), u32::from(self.contents[0] % 40)];
        let mut arc = 0;
        for byte in &self.contents[1..] {
            arc = arc << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                arcs.push(arc);
                arc = 0;
            }
        }
        arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
    }
}

/// How a receiver answers an inform.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// With what came.
    Echo,
    /// With an empty list.
    Empty,
    /// With this error status.
    Error(u8),
}

/// The answer to an SNMPv2c inform.
pub(crate) fn response(request: &[u8], answer: Answer) -> Vec<u8> {
    let message = Element::whole(request).children();
    assert_eq!(message[2].tag, 0xa6, "InformRequest-PDU");
    let pdu = message[2].children();
    let mut body = pdu[0].all.to_vec();
    let status = if let Answer::Error(status) = answer { status } else { 0 };
    body.extend([0x02, 1, status, 0x02, 1, 0]);
    body.extend(if matches!(answer, Answer::Empty) { &[0x30, 0] } else { pdu[3].all });
    let contents = [message[0].all, message[1].all, &element(0xa2, &body)].concat();
    element(0x30, &contents)
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, len[0], len[1]], contents].concat()
}
