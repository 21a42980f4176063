//! The symbols of a block, one after the next: canonical Huffman codes (RFC 1951, section 3.2.2) and their tables. Nothing
//! is written, so nothing has to be known but how many bits to skip. Bits are taken from the lowest of each byte on
//! (section 3.1.1).
//!
//! One look skips several symbols: as many literals as fit into the table's index, and a length with its extra bits. A
//! second look skips the distance. No branch depends on the data.

use super::Malformed;

/// Bits that index the table of literals and lengths. One more skips more symbols a look, and takes longer to fill.
const INDEX_BITS: u32 = 11;
/// Bits that index the table of distances.
const DISTANCE_INDEX_BITS: u32 = 10;

/// The extra bits of each length, from symbol 257 on (RFC 1951, section 3.2.5).
const LENGTH_EXTRA: [u8; 29] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// Symbols of distances that mean something (RFC 1951, section 3.2.5).
const DISTANCES: u32 = 30;
/// Symbol of the end of a block.
const END: u16 = 256;

/// An entry of a table. Its lowest 6 bits: how many bits to skip. From bit 16 on: how many bits of the index tell the
/// symbols that are skipped. Between them, [`DISTANCE`] and [`STUCK`].
type Entry = u32;
const SKIP: Entry = 63;
/// A distance follows.
const DISTANCE: Entry = 1 << 8;
/// Nothing is skipped: the code is too long for the table, or means nothing, or ends the block.
const STUCK: Entry = 1 << 9;
const KNOWN_SHIFT: u32 = 16;
/// An entry that is [`STUCK`], and fits after no literal.
const NONE: Entry = STUCK | 63 << KNOWN_SHIFT;

/// What follows in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// More of the block.
    Symbols,
    /// Nothing: this is after the block.
    End,
}

/// The tables of a block.
pub(super) struct Tables {
    symbols: Code,
    distances: Code,
    /// One symbol a look; what `several` is made of.
    single: Box<[Entry; 1 << INDEX_BITS]>,
    several: Box<[Entry; 1 << INDEX_BITS]>,
    distance: Box<[Entry; 1 << DISTANCE_INDEX_BITS]>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            symbols: Code::empty(),
            distances: Code::empty(),
            single: Box::new([NONE; 1 << INDEX_BITS]),
            several: Box::new([NONE; 1 << INDEX_BITS]),
            distance: Box::new([NONE; 1 << DISTANCE_INDEX_BITS]),
        }
    }
}

impl Tables {
    /// Becomes the tables of a block with these code lengths.
    pub(super) fn assign(&mut self, symbols: &[u8], distances: &[u8]) -> Result<(), Malformed> {
        self.symbols.assign(symbols)?;
        self.distances.assign(distances)?;
        self.symbols.fill(&mut self.single, NONE, |symbol, length| {
            let known = length << KNOWN_SHIFT;
            match symbol {
                0..END => known | length,
                END => NONE,
                _ => length_extra(symbol).map_or(NONE, |extra| known | DISTANCE | (length + extra)),
            }
        });
        self.distances.fill(&mut self.distance, NONE, |symbol, length| {
            distance_extra(symbol).map_or(NONE, |extra| length + extra)
        });
        self.several[0] = self.single[0];
        for index in 0..self.several.len() {
            self.several[index] = self.combined(index);
        }
        Ok(())
    }

    /// The entry for the symbols that `index` holds: if the first is a literal, with what follows it. Without branches
    /// where it can be, since this is a third of what a walk costs.
    fn combined(&self, index: usize) -> Entry {
        let first = self.single[index];
        if first & (DISTANCE | STUCK) != 0 {
            return first;
        }
        let length = first & SKIP;
        let known_left = INDEX_BITS - length;
        // What lies after has a smaller index, so its own entry is complete; only 0 is its own.
        let next = index >> length;
        let (several, single) = (self.several[next], self.single[next]);
        let fits = |entry: Entry| entry >> KNOWN_SHIFT <= known_left;
        let following = if fits(several) { several } else { single };
        if fits(following) { first + following } else { first }
    }

    /// Two looks: from bit `at` on, over some literals, or over a length and its distance. Stays where it is if there is
    /// none that the tables know.
    #[inline]
    pub(super) fn look(&self, stream: &[u8], at: usize) -> usize {
        let Some(bytes) = stream.get(at / 8..at / 8 + 8).and_then(|bytes| bytes.try_into().ok()) else { return at };
        // At least 57 bits; the longest that can be skipped are 11 and 5 of a length, 10 and 13 of a distance.
        let bits = u64::from_le_bytes(bytes) >> (at % 8);
        let entry = self.several[bits as usize % self.several.len()];
        let bits = bits >> (entry & SKIP);
        // All ones if a distance follows, else zero.
        let mask = ((entry / DISTANCE) & 1).wrapping_neg();
        let distance = self.distance[bits as usize % self.distance.len()] & mask;
        if distance & STUCK != 0 { at } else { at + (entry & SKIP) as usize + (distance & SKIP) as usize }
    }

    /// A look, or where that leads nowhere, one symbol bit by bit.
    pub(super) fn advance(&self, stream: &[u8], at: &mut usize) -> Result<Next, Malformed> {
        let next = self.look(stream, *at);
        if next == *at {
            return self.symbol(stream, at);
        }
        *at = next;
        Ok(Next::Symbols)
    }

    /// One symbol, bit by bit.
    pub(super) fn symbol(&self, stream: &[u8], at: &mut usize) -> Result<Next, Malformed> {
        let mut bits = Bits::at(stream, *at);
        let symbol = self.symbols.read(&mut bits)?;
        if symbol > END {
            bits.take(length_extra(symbol).ok_or(Malformed)?)?;
            let distance = self.distances.read(&mut bits)?;
            bits.take(distance_extra(distance).ok_or(Malformed)?)?;
        }
        *at = bits.position();
        Ok(if symbol == END { Next::End } else { Next::Symbols })
    }
}

/// Extra bits of a length symbol; `None` for symbols that mean nothing.
fn length_extra(symbol: u16) -> Option<u32> {
    LENGTH_EXTRA.get(usize::from(symbol - END - 1)).copied().map(u32::from)
}

/// Extra bits of a distance symbol; `None` for symbols that mean nothing.
fn distance_extra(symbol: u16) -> Option<u32> {
    let symbol = u32::from(symbol);
    (symbol < DISTANCES).then(|| (symbol / 2).saturating_sub(1))
}

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
        let mut firsts = [0_u16; LONGEST + 1];
        let (mut free, mut index) = (1_i32, 0);
        for (count, first) in self.counts.iter().zip(&mut firsts).skip(1) {
            free = 2 * free - i32::from(*count);
            if free < 0 {
                return Err(Malformed);
            }
            *first = index;
            index += count;
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length != 0) {
            let index = &mut firsts[usize::from(*length)];
            self.symbols[usize::from(*index)] = symbol as u16;
            *index += 1;
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
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in self.counts[1..].iter().copied().map(usize::from) {
            code += bits.take(1)? as usize;
            if code < first + count {
                return Ok(self.symbols[index + code - first]);
            }
            index += count;
            first = 2 * (first + count);
            code *= 2;
        }
        Err(Malformed)
    }
}

/// Reads a few bits at a time, from any bit on.
pub(super) struct Bits<'a> {
    stream: &'a [u8],
    /// The first byte that is not in `buffer` yet.
    next: usize,
    buffer: u64,
    /// Bits in `buffer`.
    count: u32,
}

impl<'a> Bits<'a> {
    /// From bit number `at` on; after the end there is nothing to read.
    pub(super) fn at(stream: &'a [u8], at: usize) -> Self {
        let mut bits = Self { stream, next: (at / 8).min(stream.len()), buffer: 0, count: 0 };
        // After the end this fails, and so will the caller's own next read.
        let _ = bits.take((at % 8) as u32);
        bits
    }

    /// The number of the next bit.
    pub(super) const fn position(&self) -> usize {
        self.next * 8 - self.count as usize
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Malformed> {
        let value = self.peek(count)?;
        self.buffer >>= count;
        self.count -= count;
        Ok(value)
    }

    /// The next bits, up to `most`; zeros stand for what lies after the end.
    pub(super) fn peek_padded(&mut self, most: u32) -> u32 {
        while self.count < most && self.next < self.stream.len() {
            self.buffer |= u64::from(self.stream[self.next]) << self.count;
            self.next += 1;
            self.count += 8;
        }
        (self.buffer & ((1 << most) - 1)) as u32
    }

    fn peek(&mut self, count: u32) -> Result<u32, Malformed> {
        let value = self.peek_padded(count);
        if self.count < count { Err(Malformed) } else { Ok(value) }
    }

    /// Skips to the next byte, and then over `count` bytes.
    pub(super) fn skip_bytes(&mut self, count: usize) -> Result<(), Malformed> {
        let start = self.position().div_ceil(8);
        let next = start.checked_add(count).filter(|next| *next <= self.stream.len()).ok_or(Malformed)?;
        *self = Self { stream: self.stream, next, buffer: 0, count: 0 };
        Ok(())
    }
}
