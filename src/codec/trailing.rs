//! What follows the last member of a file and is not padding: counted, and searched for the header of a member, in steps
//! of any length. Memory does not grow with it.

use super::cut::{HEADER_BYTES, has_member};

/// The first bytes of a member: the magic, and the method deflate (RFC 1952, section 2.3).
const BEGINNING: [u8; 3] = [0x1f, 0x8b, 8];

/// Bits of [`BEGINNING`] that may be wrong in what still counts as a damaged member, and not as something else. One of
/// 55,000 triples of random bytes passes; text does not.
const WRONG_BITS: u32 = 2;

/// Bytes after the last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailing {
    /// How many, with the zeros before and in them.
    pub bytes: u64,
    /// They begin nearly like a member, or the header of a member stands in them.
    pub has_member: bool,
}

/// Takes the bytes after the last member.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scanner {
    bytes: u64,
    /// The first bytes that are not zeros before all others.
    beginning: Vec<u8>,
    /// The last bytes, one less than a header has.
    end: Vec<u8>,
    has_member: bool,
}

impl Scanner {
    /// Takes zeros, before anything else.
    pub(crate) const fn skip_zeros(&mut self, count: u64) {
        self.bytes += count;
    }

    /// Takes the next bytes, of which the very first is not a zero.
    pub(crate) fn feed(&mut self, input: &[u8]) {
        self.bytes += input.len() as u64;
        if self.beginning.len() < BEGINNING.len() {
            let missing = BEGINNING.len() - self.beginning.len();
            self.beginning.extend_from_slice(&input[..input.len().min(missing)]);
            self.has_member |= self.begins_like_member();
        }
        if self.has_member {
            return;
        }
        let kept = HEADER_BYTES - 1;
        self.end.extend_from_slice(&input[..input.len().min(kept)]);
        self.has_member = has_member(&self.end) || has_member(input);
        if input.len() >= kept {
            self.end.clear();
            self.end.extend_from_slice(&input[input.len() - kept..]);
        } else {
            self.end.drain(..self.end.len().saturating_sub(kept));
        }
    }

    /// Whether the first bytes are nearly those of a member.
    pub(crate) fn begins_like_member(&self) -> bool {
        let wrong_bits = || self.beginning.iter().zip(BEGINNING).map(|(byte, right)| (byte ^ right).count_ones());
        self.beginning.len() == BEGINNING.len() && wrong_bits().sum::<u32>() <= WRONG_BITS
    }

    /// What was found.
    pub(crate) const fn found(&self) -> Trailing {
        Trailing { bytes: self.bytes, has_member: self.has_member }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 0, 3];

    #[test]
    fn a_header_is_found_wherever_it_stands_and_however_the_bytes_come() {
        let text = b"a signature, and some more text than a header has".repeat(3);
        let cases = [
            (text.clone(), false),
            ([&text[..], &HEADER].concat(), true),
            ([&text[..], &HEADER, &text].concat(), true),
            ([&text[..], &HEADER[..9]].concat(), false),
            ([b"x", &HEADER[..], &text].concat(), true),
            ([&HEADER[..2], &HEADER[..], &text].concat(), true),
            (HEADER[1..].to_vec(), false),
        ];
        for (bytes, has_member) in cases {
            for step in [1, 2, 3, 8, 9, 10, 11, 64, 4096] {
                let mut scanner = Scanner::default();
                scanner.skip_zeros(7);
                bytes.chunks(step).for_each(|piece| scanner.feed(piece));
                let expected = Trailing { bytes: 7 + bytes.len() as u64, has_member };
                assert_eq!(scanner.found(), expected, "{bytes:?}, {step} at a time");
                assert!(scanner.end.capacity() <= 64, "memory grows");
            }
        }
    }

    #[test]
    fn a_few_flipped_bits_at_the_start_do_not_hide_a_member() {
        for bits in 1_u32..1 << 24 {
            if bits.count_ones() > WRONG_BITS + 1 {
                continue;
            }
            let mut bytes = HEADER;
            bytes.iter_mut().zip(bits.to_le_bytes()).take(3).for_each(|(byte, wrong)| *byte ^= wrong);
            let mut scanner = Scanner::default();
            scanner.feed(&bytes);
            assert_eq!(scanner.found().has_member, bits.count_ones() <= WRONG_BITS, "{bits:024b}");
        }
    }

    #[test]
    fn what_people_put_there_is_not_taken_for_a_member() {
        for text in ["-----BEGIN PGP SIGNATURE-----\n", "junk", "\n", "\u{feff}text", "PK\u{3}\u{4}", "\u{7f}ELF", "x"]
        {
            let mut scanner = Scanner::default();
            scanner.feed(text.as_bytes());
            assert!(!scanner.found().has_member, "{text:?}");
        }
    }
}
