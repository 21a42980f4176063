//! Bits of a deflate stream, the lowest of each byte first (RFC 1951, section 3.1.1).

use super::Malformed;

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
