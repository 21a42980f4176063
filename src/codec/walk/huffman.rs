//! Canonical Huffman codes (RFC 1951, section 3.2.2): from code lengths to tables, and to single symbols.

use super::Malformed;
use super::bits::Bits;

/// The longest code.
const LONGEST: usize = 15;
/// Symbols of the largest alphabet: literals, the end of a block, and lengths.
pub(super) const MOST_SYMBOLS: usize = 288;

/// A code: how many codes there are of each length, and the symbols in the order of their codes.
pub(super) struct Code {
    counts: [u16; LONGEST + 1],
    symbols: [u16; MOST_SYMBOLS],
}

impl Code {
    /// A code without symbols.
    pub(super) const fn empty() -> Self {
        Self { counts: [0; LONGEST + 1], symbols: [0; MOST_SYMBOLS] }
    }

    /// Becomes the code with these lengths, one a symbol, 0 for symbols without a code.
    pub(super) fn assign(&mut self, lengths: &[u8]) -> Result<(), Malformed> {
        self.counts = [0; LONGEST + 1];
        for length in lengths {
            self.counts[usize::from(*length)] += 1;
        }
        self.counts[0] = 0;
        let mut places = [0_u16; LONGEST + 1];
        let (mut free, mut place) = (1_i32, 0);
        for (count, first) in self.counts.iter().zip(&mut places).skip(1) {
            free = 2 * free - i32::from(*count);
            if free < 0 {
                return Err(Malformed);
            }
            *first = place;
            place += count;
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length != 0) {
            let place = &mut places[usize::from(*length)];
            self.symbols[usize::from(*place)] = symbol as u16;
            *place += 1;
        }
        Ok(())
    }

    /// Fills a table that the next bits of a stream are looked up in. `entry` makes an entry from a symbol and the bits
    /// of its code; `none` stands where no code fits into a table of this size.
    ///
    /// The table grows with the length of the codes, by copying what it holds: a code of few bits has many entries.
    pub(super) fn fill<const SIZE: usize>(&self, table: &mut [u32; SIZE], none: u32, entry: impl Fn(u16, u32) -> u32) {
        let mut symbols = self.symbols.iter();
        // The code that comes next, its first bit lowest: the order in which a stream holds it.
        let mut reversed = 0;
        table[0] = none;
        for length in 1..=SIZE.trailing_zeros() {
            let half = 1 << (length - 1);
            table.copy_within(..half, half);
            for symbol in symbols.by_ref().take(self.counts[length as usize].into()) {
                table[reversed & (SIZE - 1)] = entry(*symbol, length);
                let mut bit = half;
                while reversed & bit != 0 {
                    reversed ^= bit;
                    bit >>= 1;
                }
                reversed |= bit;
            }
        }
    }

    /// Reads one symbol, bit by bit: for codes that are too long for a table, and for the end of a stream.
    pub(super) fn read(&self, bits: &mut Bits<'_>) -> Result<u16, Malformed> {
        let (mut code, mut first, mut place) = (0, 0, 0);
        for count in self.counts[1..].iter().copied().map(usize::from) {
            code += bits.take(1)? as usize;
            if code < first + count {
                return Ok(self.symbols[place + code - first]);
            }
            place += count;
            first = 2 * (first + count);
            code *= 2;
        }
        Err(Malformed)
    }
}
