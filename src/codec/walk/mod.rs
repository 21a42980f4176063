//! Walks a deflate stream without inflating it, to find where its last block begins: libdeflate always ends a stream,
//! and what it made can only be continued when the bit that says so is found.
//!
//! - this file: blocks and their headers (RFC 1951, section 3.2.3);
//! - [`symbols`]: bits, Huffman codes, and from one symbol to the next;
//! - [`lanes`]: over the symbols of a block, as fast as possible, since that is where the time goes.
//!
//! It reads what a compressor of ours made. What is wrong with a stream is found only as far as it keeps the walk from
//! going on: a distance that reaches too far back, for one, is not.

mod lanes;
mod symbols;

use self::lanes::Lanes;
use self::symbols::{Bits, Code, MOST_SYMBOLS, Tables};

/// The bytes are not a deflate stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a deflate stream")]
pub struct Malformed;

/// Where a stream's last block is. Bits are counted from the stream's first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBlock {
    /// The first bit of its header, which is BFINAL.
    pub header: usize,
    /// The first bit after it.
    pub end: usize,
}

/// Walks streams, one after the other. Keeps its tables, some 24 KiB, between them.
#[derive(Default)]
pub struct Walker {
    tables: Tables,
    lanes: Lanes,
}

/// Codes of distances, two of which mean nothing (RFC 1951, section 3.2.6).
const DISTANCE_CODES: usize = 32;
/// The order in which a header gives the lengths of the codes for code lengths (RFC 1951, section 3.2.7).
const LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/// The longest repetition of a code length, symbol 18.
const LONGEST_RUN: usize = 138;

impl Walker {
    /// Walks over `stream` to its end.
    pub fn last_block(&mut self, stream: &[u8]) -> Result<LastBlock, Malformed> {
        let mut bits = Bits::at(stream, 0);
        loop {
            let header = bits.position();
            let last = bits.take(1)? == 1;
            match bits.take(2)? {
                0 => skip_stored(&mut bits)?,
                1 => self.skip_fixed(stream, &mut bits)?,
                2 => self.skip_dynamic(stream, &mut bits)?,
                _ => return Err(Malformed),
            }
            if last {
                return Ok(LastBlock { header, end: bits.position() });
            }
        }
    }

    fn skip_fixed<'a>(&mut self, stream: &'a [u8], bits: &mut Bits<'a>) -> Result<(), Malformed> {
        let mut lengths = [8; MOST_SYMBOLS + DISTANCE_CODES];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        lengths[MOST_SYMBOLS..].fill(5);
        self.skip_symbols(stream, bits, lengths.split_at(MOST_SYMBOLS))
    }

    fn skip_dynamic<'a>(&mut self, stream: &'a [u8], bits: &mut Bits<'a>) -> Result<(), Malformed> {
        let symbols = bits.take(5)? as usize + 257;
        let distances = bits.take(5)? as usize + 1;
        let lengths = read_lengths(bits, symbols + distances)?;
        self.skip_symbols(stream, bits, lengths[..symbols + distances].split_at(symbols))
    }

    fn skip_symbols<'a>(
        &mut self,
        stream: &'a [u8],
        bits: &mut Bits<'a>,
        (symbols, distances): (&[u8], &[u8]),
    ) -> Result<(), Malformed> {
        self.tables.assign(symbols, distances)?;
        let end = self.lanes.skip(&self.tables, stream, bits.position())?;
        *bits = Bits::at(stream, end);
        Ok(())
    }
}

fn skip_stored(bits: &mut Bits<'_>) -> Result<(), Malformed> {
    bits.skip_bytes(0)?;
    let (length, inverse) = (bits.take(16)?, bits.take(16)?);
    if length ^ inverse != 0xffff {
        return Err(Malformed);
    }
    bits.skip_bytes(length as usize)
}

/// The code lengths of a dynamic block, `count` of them, themselves Huffman-coded (RFC 1951, section 3.2.7).
fn read_lengths(
    bits: &mut Bits<'_>,
    count: usize,
) -> Result<[u8; MOST_SYMBOLS + DISTANCE_CODES + LONGEST_RUN], Malformed> {
    let given = bits.take(4)? as usize + 4;
    let mut code_lengths = [0; LENGTH_ORDER.len()];
    for index in &LENGTH_ORDER[..given] {
        code_lengths[*index] = bits.take(3)? as u8;
    }
    let mut code = Code::empty();
    code.assign(&code_lengths)?;
    let mut table = [0; 1 << 7];
    code.fill(&mut table, 0, |symbol, length| u32::from(symbol) << 8 | length);

    let mut lengths = [0; MOST_SYMBOLS + DISTANCE_CODES + LONGEST_RUN];
    let mut filled = 0;
    while filled < count {
        let entry = table[bits.peek_padded(7) as usize];
        if entry == 0 {
            return Err(Malformed);
        }
        bits.take(entry & 0xff)?;
        let (value, run) = match entry >> 8 {
            length @ 0..16 => (length as u8, 1),
            16 => (*lengths[..filled].last().ok_or(Malformed)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            _ => (0, 11 + bits.take(7)?),
        };
        let run = run as usize;
        lengths[filled..filled + run].fill(value);
        filled += run;
    }
    if filled > count { Err(Malformed) } else { Ok(lengths) }
}
