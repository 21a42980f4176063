//! The frame of a gzip member: its header, written and read (RFC 1952, section 2.3).

use crc32fast::Hasher;

use crate::sys::NAME_MAX;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;
const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;
const FIXED_BYTES: usize = 10;
/// The extra field of BGZF but for its value: a subfield "BC" of 2 bytes (SAM specification, section 4.1).
const BGZF_FIELD: [u8; 4] = [b'B', b'C', 2, 0];
/// Bytes of that field with its value.
const BGZF_BYTES: usize = BGZF_FIELD.len() + 2;

/// Bytes of the longest header that [`Header::to_bytes`] makes.
pub const LONGEST_HEADER: usize = FIXED_BYTES + NAME_MAX + 1;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The file's name (its first 255 bytes, more than a file system keeps), without its directory and without the NUL;
    /// empty if the header has none.
    pub name: Vec<u8>,
    /// When the file was changed, seconds since 1970; 0 if the header does not say.
    pub mtime: u32,
    /// Extra flags: 2 the slowest level, 4 the fastest.
    pub xfl: u8,
}

impl Header {
    /// A header without name and time, for data compressed at `level`.
    pub fn plain(level: u32) -> Self {
        let xfl = match level {
            9.. => 2,
            0..2 => 4,
            _ => 0,
        };
        Self { xfl, ..Self::default() }
    }

    /// The header's bytes: GNU gzip's own, without extra field, which some readers cannot skip.
    pub fn to_bytes(&self) -> Vec<u8> {
        let flags = if self.name.is_empty() { 0 } else { FNAME };
        let mut bytes = vec![MAGIC[0], MAGIC[1], DEFLATE, flags];
        bytes.extend_from_slice(&self.mtime.to_le_bytes());
        // Operating system 3, Unix.
        bytes.extend_from_slice(&[self.xfl, 3]);
        if !self.name.is_empty() {
            bytes.extend_from_slice(&self.name[..self.name.len().min(NAME_MAX)]);
            bytes.push(0);
        }
        bytes
    }
}

/// Why something is not a gzip header that we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It begins with other bytes.
    #[error("not in gzip format")]
    NotGzip,
    /// Compressed by something else than deflate.
    #[error("unknown compression method {0}")]
    Method(u8),
    /// Flags that RFC 1952 reserves: there may be fields that we cannot skip.
    #[error("unknown flags {0:#04x} in the header")]
    Flags(u8),
    /// The header's own CRC is wrong.
    #[error("the header is damaged: its CRC does not match")]
    Crc,
}

/// Reads a header that comes in pieces. Memory does not grow with what the header holds.
#[derive(Debug, Default)]
pub struct HeaderParser {
    state: State,
    header: Header,
    flags: u8,
    /// The first bytes of the extra field, and how many bytes it has.
    extra: [u8; BGZF_BYTES],
    extra_bytes: u16,
    crc: Hasher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The byte of the fixed part that comes next.
    Fixed(usize),
    ExtraLength(Option<u8>),
    Extra(u16),
    Name,
    Comment,
    Crc(Option<u8>),
    Done,
}

impl Default for State {
    fn default() -> Self {
        Self::Fixed(0)
    }
}

impl HeaderParser {
    /// Takes bytes from `input` until the header ends or the input does. Returns how many it took; the header is
    /// complete when [`Self::is_done`] says so.
    pub fn feed(&mut self, input: &[u8]) -> Result<usize, HeaderError> {
        for (taken, byte) in input.iter().enumerate() {
            self.skip_absent_fields();
            if self.state == State::Done {
                return Ok(taken);
            }
            if !matches!(self.state, State::Crc(_)) {
                self.crc.update(&[*byte]);
            }
            self.take(*byte)?;
        }
        self.skip_absent_fields();
        Ok(input.len())
    }

    /// Whether the header is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes of the member less one, if the header says so as BGZF's do: with an extra field of nothing else.
    pub fn bgzf_size(&self) -> Option<u16> {
        let has_size = usize::from(self.extra_bytes) == BGZF_BYTES && self.extra.starts_with(&BGZF_FIELD);
        has_size.then(|| u16::from_le_bytes([self.extra[4], self.extra[5]]))
    }

    /// What the header said.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    fn take(&mut self, byte: u8) -> Result<(), HeaderError> {
        self.state = match self.state {
            State::Fixed(index) => return self.take_fixed(index, byte),
            State::ExtraLength(None) => State::ExtraLength(Some(byte)),
            State::ExtraLength(Some(low)) => {
                self.extra_bytes = u16::from_le_bytes([low, byte]);
                behind_extra(self.extra_bytes)
            }
            State::Extra(left) => {
                if let Some(kept) = self.extra.get_mut(usize::from(self.extra_bytes - left)) {
                    *kept = byte;
                }
                behind_extra(left - 1)
            }
            State::Name if byte == 0 => State::Comment,
            State::Name => {
                if self.header.name.len() < NAME_MAX {
                    self.header.name.push(byte);
                }
                State::Name
            }
            State::Comment if byte == 0 => State::Crc(None),
            State::Comment => State::Comment,
            State::Crc(None) => State::Crc(Some(byte)),
            State::Crc(Some(low)) => {
                if self.crc.clone().finalize() as u16 != u16::from_le_bytes([low, byte]) {
                    return Err(HeaderError::Crc);
                }
                State::Done
            }
            State::Done => State::Done,
        };
        Ok(())
    }

    fn take_fixed(&mut self, index: usize, byte: u8) -> Result<(), HeaderError> {
        match index {
            0 | 1 if byte != MAGIC[index] => return Err(HeaderError::NotGzip),
            2 if byte != DEFLATE => return Err(HeaderError::Method(byte)),
            3 if byte & RESERVED != 0 => return Err(HeaderError::Flags(byte)),
            3 => self.flags = byte,
            4..=7 => self.header.mtime |= u32::from(byte) << (8 * (index - 4)),
            8 => self.header.xfl = byte,
            _ => {}
        }
        self.state = if index + 1 < FIXED_BYTES { State::Fixed(index + 1) } else { State::ExtraLength(None) };
        Ok(())
    }

    /// Passes over fields that the flags say are not there, before a byte is taken for one of them.
    fn skip_absent_fields(&mut self) {
        let absent = |flag| self.flags & flag == 0;
        if self.state == State::ExtraLength(None) && absent(FEXTRA) {
            self.state = State::Name;
        }
        if self.state == State::Name && absent(FNAME) {
            self.state = State::Comment;
        }
        if self.state == State::Comment && absent(FCOMMENT) {
            self.state = State::Crc(None);
        }
        if self.state == State::Crc(None) && absent(FHCRC) {
            self.state = State::Done;
        }
    }
}

/// What comes when so many bytes of the extra field are left.
const fn behind_extra(left: u16) -> State {
    if left == 0 { State::Name } else { State::Extra(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], step: usize) -> Result<(Header, usize), HeaderError> {
        let mut parser = HeaderParser::default();
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            taken += parser.feed(piece)?;
            if parser.is_done() {
                return Ok((parser.header.clone(), taken));
            }
        }
        panic!("the header does not end");
    }

    fn with_flags(flags: u8, fields: &[u8]) -> Vec<u8> {
        [&[0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3], fields].concat()
    }

    #[test]
    fn every_combination_of_fields_is_read_in_pieces_of_any_length() {
        for flags in 0..32_u8 {
            let mut fields = Vec::new();
            if flags & FEXTRA != 0 {
                fields.extend_from_slice(&[3, 0, b'a', 0, b'b']);
            }
            if flags & FNAME != 0 {
                fields.extend_from_slice(b"name\0");
            }
            if flags & FCOMMENT != 0 {
                fields.extend_from_slice(b"a comment\0");
            }
            let mut bytes = with_flags(flags, &fields);
            if flags & FHCRC != 0 {
                let crc = crc32fast::hash(&bytes) as u16;
                bytes.extend_from_slice(&crc.to_le_bytes());
            }
            let name = if flags & FNAME != 0 { b"name".to_vec() } else { Vec::new() };
            let expected = Header { name, mtime: 0x0403_0201, xfl: 2 };
            let length = bytes.len();
            bytes.extend_from_slice(b"\0deflate follows");
            for step in 1..=length {
                assert_eq!(parse(&bytes, step), Ok((expected.clone(), length)), "flags {flags:#x}, {step} at a time");
            }
        }
    }

    #[test]
    fn the_size_that_bgzf_says_is_read_and_nothing_else_taken_for_it() {
        for (extra, size) in [
            (&b"BC\x02\0\x1b\0"[..], Some(27)),
            (b"BC\x02\0\xff\xff", Some(65_535)),
            (b"BD\x02\0\x1b\0", None),
            (b"BC\x02\0\x1b\0\0", None),
            (b"BC\x02\0\x1b", None),
            (b"", None),
        ] {
            let bytes = with_flags(FEXTRA, &[&(extra.len() as u16).to_le_bytes(), extra].concat());
            for step in 1..=bytes.len() {
                let mut parser = HeaderParser::default();
                bytes.chunks(step).for_each(|piece| assert_eq!(parser.feed(piece), Ok(piece.len())));
                assert_eq!((parser.is_done(), parser.bgzf_size()), (true, size), "{extra:?}, {step} at a time");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_named() {
        assert_eq!(parse(b"PK", 2), Err(HeaderError::NotGzip));
        assert_eq!(parse(&[0x1f, 0x9d, 0], 3), Err(HeaderError::NotGzip));
        assert_eq!(parse(&[0x1f, 0x8b, 7], 3), Err(HeaderError::Method(7)));
        assert_eq!(parse(&with_flags(0x20, b""), 10), Err(HeaderError::Flags(0x20)));
        assert_eq!(parse(&with_flags(FHCRC, &[0, 0]), 12), Err(HeaderError::Crc));
    }

    #[test]
    fn what_is_written_is_read() {
        let header = Header { name: b"r\xe9sum\xe9.txt".to_vec(), mtime: 1_700_000_000, xfl: 4 };
        let bytes = header.to_bytes();
        assert_eq!(parse(&bytes, 4), Ok((header, bytes.len())));
        let long = Header { name: vec![b'n'; 300], ..Header::default() };
        assert_eq!(long.to_bytes().len(), LONGEST_HEADER);
    }
}
