//! Gzip files, made by hand where no compressor would make them so.

#![allow(dead_code, reason = "whoever includes this uses another part of it")]

use flate2::{Compress, Compression, FlushCompress};
use haul::codec::compressor::Compressor;
use haul::codec::join::MARK;
use haul::codec::level::Choice;
use haul::plan::CodecName;
use haul::size::BufferSize;

use crate::inflated::{by_zlib, header_bytes};

/// A header that says nothing.
pub(crate) const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
/// How a flush ends that begins at a byte: an empty stored block.
pub(crate) const FLUSH: [u8; 5] = [0, 0, 0, 0xff, 0xff];
/// BGZF's last block, without data (SAM specification, section 4.1.2).
pub(crate) const BGZF_END: [u8; 28] =
    [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, b'B', b'C', 2, 0, 0x1b, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// CRC and length of what a member holds.
pub(crate) fn trailer(data: &[u8]) -> Vec<u8> {
    [crc32fast::hash(data).to_le_bytes(), (data.len() as u32).to_le_bytes()].concat()
}

/// A member of these blocks, which say `data`.
pub(crate) fn member(blocks: &[u8], data: &[u8]) -> Vec<u8> {
    [&HEADER[..], blocks, &trailer(data)].concat()
}

/// A whole deflate stream.
pub(crate) fn deflated(data: &[u8], level: u32) -> Vec<u8> {
    flushed(&mut Compress::new(Compression::new(level), false), data, FlushCompress::Finish)
}

/// What `compress` makes of more data.
pub(crate) fn flushed(compress: &mut Compress, data: &[u8], flush: FlushCompress) -> Vec<u8> {
    let (before, mut out) = (compress.total_in(), Vec::with_capacity(data.len() + 1024));
    loop {
        let taken = (compress.total_in() - before) as usize;
        compress.compress_vec(&data[taken..], &mut out, flush).expect("it compresses");
        if out.len() < out.capacity() {
            return out;
        }
        out.reserve(out.len());
    }
}

/// One member of one compressor's stream.
pub(crate) fn gzip(data: &[u8], level: u32) -> Vec<u8> {
    member(&deflated(data, level), data)
}

/// One member as `pigz -i` makes it, or without `independent` as `pigz` does: flushed every `block` bytes.
pub(crate) fn pigz(data: &[u8], block: usize, independent: bool) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(6), false);
    let flush = if independent { FlushCompress::Full } else { FlushCompress::Sync };
    let mut blocks: Vec<u8> = data.chunks(block).flat_map(|part| flushed(&mut compress, part, flush)).collect();
    blocks.extend(flushed(&mut compress, b"", FlushCompress::Finish));
    member(&blocks, data)
}

/// What haul makes of `data`: a member of blocks with marks between.
pub(crate) fn hauled(data: &[u8], codec: CodecName, level: u32, block: usize) -> Vec<u8> {
    member(&hauled_blocks(data, codec, level, block, true), data)
}

/// Such blocks; if the `last` is none, a mark follows it, too.
pub(crate) fn hauled_blocks(data: &[u8], codec: CodecName, level: u32, block: usize, last: bool) -> Vec<u8> {
    let size = BufferSize::new(block as u64).expect("a size");
    let mut compressor =
        Compressor::new(Choice::new(codec, level, Some(size)).expect("a codec"), false).expect("memory");
    let (mut blocks, mut start) = (Vec::new(), 0);
    let mut room = vec![0; compressor.bound(block)];
    while start < data.len() || blocks.is_empty() {
        let end = data.len().min(start + block);
        let dictionary = &data[start - start.min(compressor.dictionary_bytes())..start];
        let is_last = last && end == data.len();
        let len = compressor.compress(dictionary, &data[start..end], is_last, &mut room).expect("it compresses");
        blocks.extend_from_slice(&room[..len]);
        start = end;
    }
    blocks
}

/// One block of BGZF.
pub(crate) fn bgzf_block(data: &[u8], level: u32) -> Vec<u8> {
    let blocks = deflated(data, level);
    let mut bytes = BGZF_END[..18].to_vec();
    bytes[16..].copy_from_slice(&((18 + blocks.len() + 8 - 1) as u16).to_le_bytes());
    bytes.extend_from_slice(&blocks);
    bytes.extend_from_slice(&trailer(data));
    bytes
}

/// BGZF, with its end.
pub(crate) fn bgzf(data: &[u8], block: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = data.chunks(block).flat_map(|part| bgzf_block(part, 6)).collect();
    bytes.extend_from_slice(&BGZF_END);
    bytes
}

/// A header with every field, of these lengths.
pub(crate) fn full_header(extra: usize, name: usize, comment: usize) -> Vec<u8> {
    let mut header = HEADER.to_vec();
    header[3] = 0x1f;
    header.extend_from_slice(&(extra as u16).to_le_bytes());
    header.extend(std::iter::repeat_n(0x1f, extra));
    header.extend(std::iter::repeat_n(b'n', name).chain([0]));
    header.extend(std::iter::repeat_n(b'c', comment).chain([0]));
    let crc = crc32fast::hash(&header) as u16;
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// One stored block, at a byte.
pub(crate) fn stored(data: &[u8], last: bool) -> Vec<u8> {
    let len = data.len() as u16;
    [&[u8::from(last)][..], &len.to_le_bytes(), &(!len).to_le_bytes(), data].concat()
}

/// A flush and a mark, at a byte.
pub(crate) fn mark() -> Vec<u8> {
    [&[0][..], &MARK].concat()
}

/// Blocks of fixed codes, bit by bit (RFC 1951, section 3.2.6).
#[derive(Default)]
pub(crate) struct Fixed {
    bytes: Vec<u8>,
    bits: usize,
}

impl Fixed {
    /// Begins a block.
    pub(crate) fn begin(mut self, last: bool) -> Self {
        self.put(u32::from(last) | 1 << 1, 3);
        self
    }

    pub(crate) fn literals(mut self, data: &[u8]) -> Self {
        for byte in data {
            self.symbol(u32::from(*byte));
        }
        self
    }

    /// Repeats 258 bytes, or 3, from so far back.
    pub(crate) fn repeat(mut self, length: usize, distance: u32) -> Self {
        match length {
            3 => self.symbol(257),
            258 => self.symbol(285),
            _ => panic!("only the shortest and the longest"),
        }
        let bits = if distance > 4 { (distance - 1).ilog2() - 1 } else { 0 };
        let (code, extra) = if distance > 4 {
            (2 * bits + ((distance - 1) >> bits), (distance - 1) & ((1 << bits) - 1))
        } else {
            (distance - 1, 0)
        };
        self.code(code, 5);
        self.put(extra, bits as usize);
        self
    }

    /// Any symbol of lengths and literals, also one that means nothing.
    pub(crate) fn any(mut self, symbol: u32) -> Self {
        self.symbol(symbol);
        self
    }

    /// Any bits, the first is the lowest.
    pub(crate) fn raw(mut self, bits: u32, count: usize) -> Self {
        self.put(bits, count);
        self
    }

    /// Ends a block, and the last byte.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.symbol(256);
        self.bytes
    }

    /// Ends a block that a flush and a mark follow.
    pub(crate) fn end_with_mark(mut self) -> Vec<u8> {
        self.symbol(256);
        self.put(0, 3);
        self.bytes.extend_from_slice(&MARK);
        self.bytes
    }

    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    /// A code, its highest bit first.
    fn code(&mut self, code: u32, bits: usize) {
        for bit in (0..bits).rev() {
            self.put(code >> bit, 1);
        }
    }

    fn put(&mut self, value: u32, bits: usize) {
        for bit in 0..bits {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().expect("a byte") |= ((value >> bit & 1) as u8) << (self.bits % 8);
            self.bits += 1;
        }
    }
}

/// Writes into the trailers of a file what they should say, as far as its members go.
pub(crate) fn mend(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = header_bytes(&bytes[at..]) {
        let mut out = Vec::new();
        let Some(read) = by_zlib(&bytes[at + header..], &mut out) else { return };
        at += header + read;
        let Some(place) = bytes.get_mut(at..at + 8) else { return };
        place.copy_from_slice(&trailer(&out));
        at += 8;
    }
}

/// A file out of bytes that somebody else chose: how it is made, what is then done to it, and what is in it.
pub(crate) fn from_choices(choices: &[u8]) -> Vec<u8> {
    let [kind, block, count, rest @ ..] = choices else { return choices.to_vec() };
    let (steps, data) = rest.split_at(rest.len().min(usize::from(count % 8) * 4));
    // Not more than a hundred blocks, so that a file takes no longer than a moment.
    let block = (usize::from(*block) + 1).max(data.len() / 100);
    let (first, second) = data.split_at(data.len() / 2);
    let mut bytes = match kind % 12 {
        0 => data.to_vec(),
        1 => hauled(data, CodecName::Libdeflate, 0, block),
        2 => hauled(data, CodecName::Libdeflate, 6, block),
        3 => hauled(data, CodecName::Zlib, 6, block),
        4 => pigz(data, block, true),
        5 => pigz(data, block, false),
        6 => bgzf(data, block),
        7 => data.chunks(block).flat_map(|part| gzip(part, 6)).collect(),
        8 => [bgzf(first, block), hauled(second, CodecName::Zlib, 6, block)].concat(),
        9 => [hauled(first, CodecName::Libdeflate, 1, block), bgzf(second, block)].concat(),
        // Their bytes are blocks, or what is found in some.
        10 => member(data, b""),
        _ => member(&[hauled_blocks(first, CodecName::Zlib, 6, block, false), second.to_vec()].concat(), b""),
    };
    for step in steps.chunks_exact(4) {
        change(&mut bytes, step[0], usize::from(u16::from_le_bytes([step[1], step[2]])), step[3]);
    }
    // Without this, hardly anything that was changed would get past its CRC.
    if kind & 0x80 != 0 {
        mend(&mut bytes);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, how: u8, place: usize, value: u8) {
    let at = place % (bytes.len() + 1);
    let length = usize::from(value);
    let inserted = match how % 12 {
        0 => return bytes.truncate(at),
        1 | 2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (value % 8);
            }
            return;
        }
        3 => return drop(bytes.drain(at..(at + length).min(bytes.len()))),
        4 => MARK.to_vec(),
        5 => FLUSH.to_vec(),
        6 => HEADER.to_vec(),
        7 => vec![0; length],
        // The end of one member, and the start of another that does not look like one.
        8 => [&[3, 0][..], &[0; 8], &HEADER[..8], &[1, 3]].concat(),
        9 => [&[0x01, value, 0, !value, 0xff][..], &MARK].concat(),
        10 => Fixed::default().begin(false).repeat(3, length as u32 * 128 + 1).end_with_mark(),
        _ => bytes[at..(at + length).min(bytes.len())].to_vec(),
    };
    bytes.splice(at..at, inserted);
}
