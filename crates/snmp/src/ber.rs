//! How many bytes a value takes on the wire, without writing it.
//!
//! Source: X.690 8.1.3 (length), 8.3 (integer), 8.19 (object identifier).

/// Bytes of tag, length and contents together, for contents of `len` bytes.
pub(crate) const fn tlv(len: usize) -> usize {
    let length = match len {
        0..=0x7f => 1,
        0x80..=0xff => 2,
        0x100..=0xffff => 3,
        _ => 4,
    };
    1 + length + len
}

/// A signed INTEGER.
pub(crate) const fn integer(value: i32) -> usize {
    let spare = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
    // One bit is the sign's.
    tlv((33 - spare as usize).div_ceil(8))
}

/// A Gauge32, TimeTicks or Counter64: unsigned, with a leading zero byte where the first bit is set.
pub(crate) const fn unsigned(value: u64) -> usize {
    tlv((65 - value.leading_zeros() as usize).div_ceil(8))
}

/// An OBJECT IDENTIFIER.
pub(crate) fn oid(arcs: &[u32]) -> usize {
    let arc = |arc: &u32| (32 - arc.leading_zeros() as usize).div_ceil(7).max(1);
    // The first two arcs share one byte below `iso`.
    tlv(1 + arcs.iter().skip(2).map(arc).sum::<usize>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_fewest_bytes_that_keep_the_sign() {
        for (value, contents) in [
            (0, 1),
            (-1, 1),
            (127, 1),
            (128, 2),
            (-128, 1),
            (-129, 2),
            (32_767, 2),
            (32_768, 3),
            (i32::MAX, 4),
            (i32::MIN, 4),
        ] {
            assert_eq!(integer(value), 2 + contents, "{value}");
        }
        for (value, contents) in
            [(0, 1), (127, 1), (128, 2), (255, 2), (u64::from(u32::MAX), 5), (u64::MAX, 9)]
        {
            assert_eq!(unsigned(value), 2 + contents, "{value}");
        }
    }

    #[test]
    fn an_oid_takes_seven_bits_a_byte() {
        // 2b 06 01 04 01 81 fd 59 01
        assert_eq!(oid(&[1, 3, 6, 1, 4, 1, 32_473, 1]), 2 + 9);
        assert_eq!(oid(&[1, 3, 0]), 2 + 2);
    }

    #[test]
    fn a_length_grows_with_what_it_counts() {
        for (len, all) in [(0, 2), (127, 129), (128, 131), (255, 258), (256, 260), (65_535, 65_539)] {
            assert_eq!(tlv(len), all, "{len}");
        }
    }
}
